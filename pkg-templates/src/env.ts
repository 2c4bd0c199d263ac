interface Globals {
  process?: { env?: Record<string, string | undefined> };
  Deno?: {
    permissions: { querySync(query: { name: "env"; variable: string }): { state: string } };
  };
}

/**
 * An environment variable, read now; `undefined` where it is unset, empty, or this runtime has none.
 *
 * Deno is asked for the permission's state first, so that a missing `--allow-env` neither prompts nor throws. It is asked each time:
 * a permission may be revoked, and reading would prompt then.
 */
export function readEnv(variable: string): string | undefined {
  const globals = globalThis as Globals;
  const Deno = unshared(globals, "Deno");
  try {
    if (Deno && Deno.permissions.querySync({ name: "env", variable }).state !== "granted")
      return undefined;
    return unshared(unshared(unshared(globals, "process"), "env"), variable) || undefined;
  } catch {
    return undefined;
  }
}

/**
 * A member that is not `Object.prototype`'s. The environment and the global object have a prototype
 * like any other: what somebody has put into it would be read for every variable that is unset. Hosts
 * differ in what is their own, so the values are compared.
 */
function unshared<T extends object, K extends keyof T>(
  object: T | undefined,
  name: K,
): T[K] | undefined {
  const value = object?.[name];
  return value === (Object.prototype as T)[name] ? undefined : value;
}

/** What an error adds that asks for a variable. */
export const ON_WORKERS =
  "(on Cloudflare Workers, process.env needs nodejs_compat and a compatibility date of 2025-04-01 or later)";

/** The items of a comma-separated variable, without white space around them; empty ones are left out. */
export function readEnvList(variable: string): string[] {
  return (readEnv(variable) ?? "")
    .split(",")
    .map((item) => item.trim())
    .filter(Boolean);
}
