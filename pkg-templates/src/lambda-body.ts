/**
 * Returns the body of a Lambda event, which has `isBase64Encoded`. Returns other bodies unchanged.
 */
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
    // Invalid base64: the signed bytes are not available.
    return undefined;
  }
}
