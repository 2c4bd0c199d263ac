// Reads HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/), in which browsers and inspecting
// proxies save traffic.
import { UsageError } from "../errors.js";

const hasSignature = ({ request }) =>
  request?.headers?.some?.(({ name }) => /^x-gwop-signature$/i.test(name));
const looksLikeOne = ({ request }) =>
  request?.method === "POST" && /"event_type"/.test(request.postData?.text ?? "");

/** Returns the deliveries among the requests of a HAR file. */
export function readHar(file, { log }) {
  const signed = log.entries.filter(hasSignature);
  // If the header was lost, the body shows that it is a delivery.
  const entries = signed.length > 0 ? signed : log.entries.filter(looksLikeOne);
  if (entries.length === 0)
    throw new UsageError(
      "no request in this HAR file has X-Gwop-Signature, or a body with event_type",
    );
  return entries.map((entry) => {
    const { headers = [], postData } = entry.request;
    const number = log.entries.indexOf(entry) + 1;
    const notes = [];
    let body = new TextEncoder().encode(postData?.text ?? "");
    if (postData?.encoding === "base64")
      body = Uint8Array.from(atob(postData.text), (character) => character.charCodeAt(0));
    else notes.push("a HAR file holds the body as text: what was no UTF-8 is lost");
    const at = new Date(entry.startedDateTime);
    return {
      name: `${file}, entry ${number}`,
      headers: headers.map(({ name, value }) => [String(name), String(value)]),
      body,
      notes,
      ...(Number.isNaN(at.getTime()) ? {} : { at }),
    };
  });
}
