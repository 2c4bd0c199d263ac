/** Parses a body as JSON. Returns the text if it is not JSON. */
export function parsed(body: string): any {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
