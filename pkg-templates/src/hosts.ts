/**
 * Decides which hosts may be called, and with which credentials.
 */
import { hide } from "./errors/brand.js";
import { refuse } from "./errors/refuse.js";
import { readURL } from "./options.js";

/**
 * Returns the text of the option `name`, a host's URL. Empty if the option is left out.
 *
 * Over plain HTTP, anybody on the network path can read the merchant key. So it is allowed only for
 * this machine and for private networks: loopback, `*.local`, `*.internal` and names of a single
 * label. A URL that cannot be parsed is refused by the call that uses it.
 *
 * @throws the error that `refused` creates: an `SDKValidationError`.
 */
export function readHost(
  name: string,
  given: string | URL | undefined,
  allowInsecure: boolean,
  refused: (message: string) => Error = refuse,
): string {
  const text = readURL(name, given, refused);
  // Nearly every call ends here: parsing an empty text would cost as much as the rest.
  if (text === "") return text;
  const url = parsed(text);
  if (url?.protocol === "http:" && !allowInsecure && !isPrivate(url.hostname)) {
    throw refused(
      `${name} must be https: plain http is for loopback, *.local, *.internal and single-label names, unless allowInsecure is true`,
    );
  }
  return text;
}

/** Checks the option `allowInsecure`. */
export function readAllowInsecure(
  given: boolean | undefined,
  refused: (message: string) => Error = refuse,
): boolean {
  if (given !== undefined && typeof given !== "boolean")
    throw refused("allowInsecure must be a boolean");
  return given ?? false;
}

/**
 * Returns whether a host is private. `hostname` is in the form of `URL`: lower case, IPv4 addresses
 * as four numbers, IPv6 addresses in brackets.
 */
function isPrivate(hostname: string): boolean {
  const host = hostname.replace(/\.$/, "");
  return /^(127\.\d+\.\d+\.\d+|\[::1\]|[^.:]+|.+\.(localhost|local|internal))$/.test(host);
}

/** The last URL that was parsed. A client usually calls one host. */
let latest: { text: string; url: URL | undefined } | undefined;

function parsed(text: string): URL | undefined {
  if (latest?.text !== text) {
    let url: URL | undefined;
    try {
      url = new URL(text);
    } catch {
      // Not a URL.
    }
    latest = { text, url };
  }
  return latest.url;
}

/** The default credentials of every simulator. They are public. */
const OF_SIMULATORS = ["sk_m_simulator", "whsec_simulator"];

/**
 * Marks objects that send to a simulator in this process. It is a `Symbol.for`, so copies of the
 * package share it.
 */
const SIMULATED: unique symbol = /* @__PURE__ */ Symbol.for("@gwop/sdk:simulated") as never;

/** Marks a fetcher, or an HTTP client with one, as a simulator's. */
export function markSimulated(sender: object): void {
  hide(sender, { [SIMULATED]: true });
}

/** Returns whether it sends to a simulator in this process. */
export function isSimulated(sender: object | undefined): boolean {
  return sender !== undefined && Object.hasOwn(sender, SIMULATED);
}

/**
 * Returns whether a URL is Gwop's own. An empty text means Gwop's host. A text that is not a URL
 * also counts as Gwop's, because nothing shows another host.
 */
export function isGwops(url: string): boolean {
  if (url === "") return true;
  const hostname = parsed(url)?.hostname.replace(/\.$/, "") ?? "gwop.io";
  return hostname === "gwop.io" || hostname.endsWith(".gwop.io");
}

/**
 * Refuses the default credentials of simulators, because they are public. A server that accepts
 * `whsec_simulator` as a secret would accept anybody's webhooks as Gwop's.
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
