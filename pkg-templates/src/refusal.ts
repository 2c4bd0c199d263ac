/** A refusal of the wasm. */
export interface Refusal {
  /** The stable code, such as `TOKEN_EXPIRED`. */
  code: string;
  /** What was wrong, for people. */
  message: string;
}

/** The refusal that the wasm threw as the string `CODE message`; `undefined` for anything else that was thrown. */
export function readRefusal(thrown: unknown): Refusal | undefined {
  if (typeof thrown !== "string") return undefined;
  const space = thrown.indexOf(" ");
  return { code: thrown.slice(0, space), message: thrown.slice(space + 1) };
}
