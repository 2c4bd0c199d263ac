/** The body of an event of Lambda's, which alone have `isBase64Encoded`; any other as it is. */
export function bodyOf({
  body,
  isBase64Encoded,
}: {
  body?: unknown;
  isBase64Encoded?: unknown;
}): unknown {
  if (isBase64Encoded === undefined) return body;
  if (!isBase64Encoded) return body ?? "";
  try {
    const text = atob((body ?? "") as string);
    const bytes = new Uint8Array(text.length);
    for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
    return bytes;
  } catch {
    // Not base64: there are no bytes that may have been signed.
    return undefined;
  }
}
