/** A body as JSON, or as text where it is none. */
export function parsed(body: string): any {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
