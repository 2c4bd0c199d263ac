import { SimulatorError } from "./error.js";

/**
 * The headers in which a proxy describes its client. A request with one of them comes from another
 * machine, whatever its address is.
 */
const FORWARDED = ["x-forwarded-for", "forwarded", "cf-connecting-ip"];

/**
 * Checks who may use the control routes: programs on this machine, and the simulator's own page.
 * Refuses pages of other origins, and host names that somebody else's DNS resolves to this machine.
 *
 * @throws SimulatorError, with the response that {@link refusal} creates.
 */
export function checkControl(request: Request, url: URL, allowedHosts: readonly string[]): void {
  const { headers } = request;
  const host = headers.get("host");
  const hosts = [url.hostname, host === null ? url.hostname : hostOf(`http://${host}`)];
  if (!hosts.every((name) => isAllowed(name, allowedHosts))) {
    throw notAllowed(
      "the control routes answer to localhost, to literal addresses and to hosts that are allowed (`--allowed-host NAME`)",
    );
  }
  if (FORWARDED.some((name) => headers.has(name))) {
    throw notAllowed("the control routes do not answer through a proxy: ask the local Gwop itself");
  }
  const origin = headers.get("origin");
  if (
    origin !== null &&
    (origin !== url.origin ||
      (host !== null && hostOf(origin, "host") !== hostOf(`http://${host}`, "host")))
  ) {
    throw notAllowed(
      "the control routes answer to the page of the local Gwop, and to no page of another origin",
    );
  }
  if (headers.get("sec-fetch-site") === "cross-site") {
    throw notAllowed("the control routes do not answer to what a page of another site has caused");
  }
  const changes = request.method !== "GET" && request.method !== "HEAD";
  const [type = ""] = (headers.get("content-type") ?? "").split(";");
  if (origin !== null && changes && type.trim().toLowerCase() !== "application/json") {
    throw new ControlRefused(
      415,
      "VALIDATION_ERROR",
      "a page's request must have `content-type: application/json`",
    );
  }
}

/** A request that the control routes refuse, with the status of the response. */
export class ControlRefused extends SimulatorError {
  readonly status: number;
  constructor(status: number, code: string, message: string) {
    super(code, message);
    this.status = status;
  }
}

function notAllowed(message: string): ControlRefused {
  return new ControlRefused(403, "NOT_ALLOWED", message);
}

function hostOf(origin: string, part: "hostname" | "host" = "hostname"): string {
  try {
    return new URL(origin)[part];
  } catch {
    return "";
  }
}

/**
 * Returns whether a host name is allowed. `URL` has normalized IPv4 addresses to four decimal
 * numbers, and IPv6 addresses are in brackets.
 */
function isAllowed(hostname: string, allowed: readonly string[]): boolean {
  const isLiteral = /^\d{1,3}(\.\d{1,3}){3}$/.test(hostname) || /^\[[\da-f:.]+\]$/.test(hostname);
  return (
    hostname === "localhost" || isLiteral || allowed.some((name) => name.toLowerCase() === hostname)
  );
}
