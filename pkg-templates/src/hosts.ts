/**
 * Which hosts may be called, and with what.
 */
import { hide } from "./errors/brand.js";
import { refuse } from "./errors/refuse.js";
import { readURL } from "./options.js";

/**
 * The text of the option `name`, the URL of a host; empty where it is left out.
 *
 * Plain HTTP, by which anybody on the way reads the merchant key, is for this machine and for networks of one's own: loopback, `*.local`,
 * `*.internal` and names of a single label. A URL that cannot be parsed is refused by the call that uses it.
 *
 * @throws what `refused` makes: an `SDKValidationError`.
 */
export function readHost(
  name: string,
  given: string | URL | undefined,
  allowInsecure: boolean,
  refused: (message: string) => Error = refuse,
): string {
  const text = readURL(name, given, refused);
  // Of nearly every call: to find out that nothing is no URL costs as much as the rest of it.
  if (text === "") return text;
  const url = parsed(text);
  if (url?.protocol === "http:" && !allowInsecure && !isPrivate(url.hostname)) {
    throw refused(
      `${name} must be https: plain http is for loopback, *.local, *.internal and single-label names, unless allowInsecure is true`,
    );
  }
  return text;
}

/** What `allowInsecure` has to be. */
export function readAllowInsecure(
  given: boolean | undefined,
  refused: (message: string) => Error = refuse,
): boolean {
  if (given !== undefined && typeof given !== "boolean")
    throw refused("allowInsecure must be a boolean");
  return given ?? false;
}

/** `hostname` as `URL` writes it: lower case, IPv4 addresses as four numbers, IPv6 ones in brackets. */
function isPrivate(hostname: string): boolean {
  const host = hostname.replace(/\.$/, "");
  return /^(127\.\d+\.\d+\.\d+|\[::1\]|[^.:]+|.+\.(localhost|local|internal))$/.test(host);
}

/** The last one that was parsed: a client calls one host. */
let latest: { text: string; url: URL | undefined } | undefined;

function parsed(text: string): URL | undefined {
  if (latest?.text !== text) {
    let url: URL | undefined;
    try {
      url = new URL(text);
    } catch {
      // None.
    }
    latest = { text, url };
  }
  return latest.url;
}

/** The credentials of every simulator that is given none. They are public. */
const OF_SIMULATORS = ["sk_m_simulator", "whsec_simulator"];

/** The mark of what sends to a simulator in this process. A `Symbol.for`: copies of the package share it. */
const SIMULATED: unique symbol = /* @__PURE__ */ Symbol.for("@gwop/sdk:simulated") as never;

/** Marks a fetcher, or an HTTP client over one, as a simulator's. */
export function markSimulated(sender: object): void {
  hide(sender, { [SIMULATED]: true });
}

/** Whether it sends to a simulator in this process. */
export function isSimulated(sender: object | undefined): boolean {
  return sender !== undefined && Object.hasOwn(sender, SIMULATED);
}

/** Whether a URL is Gwop's own. An empty one stands for it, and what is no URL is not known to be another's. */
export function isGwops(url: string): boolean {
  if (url === "") return true;
  const hostname = parsed(url)?.hostname.replace(/\.$/, "") ?? "gwop.io";
  return hostname === "gwop.io" || hostname.endsWith(".gwop.io");
}

/**
 * Refuses what every simulator has unless told otherwise, and everybody knows: whoever took `whsec_simulator` for a secret would take
 * anybody's webhooks for Gwop's.
 *
 * @throws SDKValidationError with the code `SIMULATOR_CREDENTIALS`.
 */
export function refuseSimulators(name: string, credential: unknown): void {
  if (typeof credential !== "string" || !OF_SIMULATORS.includes(credential.trim())) return;
  throw refuse(
    `${name} is a simulator's, which everybody knows, and this client talks to Gwop itself: use your own, or point it at the simulator (identityURL, serverURL, or its httpClient)`,
    undefined,
    "SIMULATOR_CREDENTIALS",
  );
}
