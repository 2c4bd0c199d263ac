import { Task } from "./generated/core.js";
import { Core } from "./generated/gwop_bg.js";

export { Core, Task };

export const encoder = /* @__PURE__ */ new TextEncoder();

/** No bytes. */
export const NOTHING: Uint8Array = /* @__PURE__ */ new Uint8Array();

/** Does a task of the wasm, and throws its refusal: see {@link readRefusal}. Each {@link Task} says what it is given and answers. */
export function run(core: Core, task: Task, text = "", bytes = NOTHING, a = 0, b = 0, c = 0, d = 0): string {
  const answer = core.run(task, text, bytes, a, b, c, d);
  if (answer[0] === "!") throw answer;
  return answer;
}

let shared: Core | undefined;

/** Does a task that keeps nothing. */
export function ask(task: Task, text?: string, bytes?: Uint8Array, a?: number, b?: number, c?: number, d?: number): string {
  return run((shared ??= new Core()), task, text, bytes, a, b, c, d);
}

/** What the task throws that does nothing else. */
export function refusalOf(task: Task): unknown {
  try {
    return ask(task);
  } catch (refusal) {
    return refusal;
  }
}

/** Web Crypto, read at each use: at module level it costs Node 2 ms of import time. */
export function subtle(): SubtleCrypto {
  const { subtle } = globalThis.crypto ?? {};
  if (!subtle) throw new Error("Web Crypto is not available: crypto.subtle needs a secure context (https or localhost)");
  return subtle;
}

/** Fields on their way to the wasm. */
export function join(...fields: readonly string[]): string {
  return fields.join("\0");
}

/** The fields of an answer, without the letter before them. */
export function fieldsOf(answer: string): string[] {
  return answer.slice(1).split("\0");
}

/** A refusal of the wasm. */
export interface Refusal {
  /** The stable code, such as `TOKEN_EXPIRED`. */
  code: string;
  /** What was wrong, for people. */
  message: string;
}

/** The refusal in the string `!CODE message` that the wasm gave; `undefined` for anything else that was thrown. */
export function readRefusal(thrown: unknown): Refusal | undefined {
  if (typeof thrown !== "string") return undefined;
  const space = thrown.indexOf(" ");
  return { code: thrown.slice(1, space), message: thrown.slice(space + 1) };
}
