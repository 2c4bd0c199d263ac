interface Globals {
  process?: { env?: Record<string, string | undefined> };
  Deno?: {
    permissions: { querySync(query: { name: "env"; variable: string }): { state: string } };
  };
}

/**
 * Reads an environment variable. Returns `undefined` if it is unset or empty, or if the runtime has
 * no environment.
 *
 * On Deno, it checks the permission's state first, so that a missing `--allow-env` neither prompts
 * nor throws. It checks each time: a permission may be revoked, and reading would then prompt.
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
 * Reads a member, unless it comes from `Object.prototype`. The environment and the global object
 * have a prototype like any other object: a member added there would be read for every unset
 * variable. Hosts differ in which members are own members, so the function compares the values.
 */
function unshared<T extends object, K extends keyof T>(
  object: T | undefined,
  name: K,
): T[K] | undefined {
  const value = object?.[name];
  return value === (Object.prototype as T)[name] ? undefined : value;
}

/** The hint in an error about a missing variable. */
export const ON_WORKERS =
  "(on Cloudflare Workers, process.env needs nodejs_compat and a compatibility date of 2025-04-01 or later)";

/** Returns the items of a comma-separated variable, trimmed and without empty items. */
export function readEnvList(variable: string): string[] {
  return (readEnv(variable) ?? "")
    .split(",")
    .map((item) => item.trim())
    .filter(Boolean);
}
