// The receiver of alerts: an HTTP server that checks their signature with Node's own crypto.
import { createHmac } from "node:crypto";
import { createServer } from "node:http";

/** The alert secret of every Worker in the tests. */
export const ALERT_SECRET = "whsec_alerts_of_the_tests";

/** Returns whether a header in Gwop's format signs a body, now, with a secret. */
export function verifies(header, body, secret = ALERT_SECRET) {
  const parts = String(header)
    .split(",")
    .map((part) => part.split("="));
  const time = parts.find(([name]) => name === "t")?.[1];
  const wanted = createHmac("sha256", secret).update(`${time}.`).update(body).digest("hex");
  return (
    Math.abs(Date.now() / 1000 - Number(time)) < 300 &&
    parts.some(([name, value]) => name === "v1" && value === wanted)
  );
}

/**
 * Starts the receiver. `received` has the verified alerts, `refused` the others. `answer()` returns
 * the status.
 */
export async function startAlerts() {
  const receiver = { received: [], refused: [], calls: 0, answer: () => 204 };
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    receiver.calls += 1;
    const status = receiver.answer();
    if (!verifies(request.headers["x-gwop-signature"], body)) receiver.refused.push(body);
    else if (status < 300) receiver.received.push({ ...JSON.parse(body), at: Date.now(), body });
    response.writeHead(status).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  receiver.url = `http://127.0.0.1:${server.address().port}/alerts?key=SEKRIT`;
  receiver.of = (kind) => receiver.received.filter((alert) => alert.kind === kind);
  receiver.stop = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  return receiver;
}
