/**
 * Carries out the effects that the rules return: requests, the journal, signers and callbacks.
 * This module decides nothing.
 */
import type { AgentTask } from "../generated/agent_bg.js";
import { unless } from "../race.js";
import { AgentError, type Failure } from "./error.js";
import type { Attempt, AttemptState, Journal, JournalLimits } from "./journal.js";
import { hex, type Signing } from "./signers.js";
import type { AgentOptions, PaymentSummary, Receipt, ResumedAttempt } from "./types.js";

/** A request, as the rules return it. */
interface HttpEffect {
  do: "http";
  method: string;
  url: string;
  payment: [name: string, value: string] | null;
  own: boolean;
}

/** The effects that the rules return. */
type Effect =
  | HttpEffect
  | { do: "last"; invoice: string }
  | { do: "reserve"; attempt: Attempt; limits: JournalLimits }
  | {
      do: "update";
      id: string;
      from: AttemptState;
      to: AttemptState;
      header: string | null;
      transaction: string | null;
    }
  | { do: "open" }
  | ({ do: "sign" } & Signing)
  | ({ do: "approve" } & PaymentSummary)
  | { do: "blockhash"; chain: string }
  | { do: "height"; chain: string }
  | { do: "sleep"; ms: number }
  | { do: "random"; count: number };

/** The successful end of a task. @internal */
export interface Outcome {
  paid?: WireReceipt;
  quote?: PaymentSummary;
  answered?: WireReceipt | null;
  resumed?: (Omit<ResumedAttempt, "receipt" | "error"> & {
    receipt: WireReceipt | null;
    error: Failure | null;
  })[];
}

/** A receipt, as the rules return it. @internal */
export type WireReceipt = Omit<Receipt, "transaction" | "paidAt" | "url"> &
  Record<"transaction" | "paidAt" | "url", string | null>;

/** The objects that carry out the effects. @internal */
export interface Means extends Pick<AgentOptions, "approve" | "recentBlockhash" | "blockHeight"> {
  fetch(url: string, init: RequestInit): Promise<Response>;
  /** The caller's request in a paying fetch. */
  own?: ((payment: [string, string] | null) => Promise<Response>) | undefined;
  journal: Journal;
  sign(signing: Signing): Promise<string>;
  timeoutMs: number;
  clock: { now(): number; sleep(ms: number): Promise<void> };
}

/** The most bytes of a body that are read. An invoice or a challenge has a few kilobytes. */
const MAX_BODY = 1 << 20;

/** Runs a task to its end. @internal */
export async function drive(task: AgentTask, means: Means): Promise<Outcome> {
  let reply: string | undefined;
  // The last error of the journal, a signer or a callback. The rules may have cleaned up since.
  let cause: unknown;
  try {
    for (;;) {
      const next = JSON.parse(task.step(reply, means.clock.now())) as {
        effect?: Effect;
        outcome?: Outcome;
        failure?: Failure;
      };
      if (next.outcome) return next.outcome;
      if (next.failure) throw new AgentError(next.failure, cause);
      try {
        reply = JSON.stringify(await perform(next.effect as Effect, means));
      } catch (error) {
        cause = error;
        reply = '{"failed":true}';
      }
    }
  } finally {
    task.free();
  }
}

async function perform(effect: Effect, means: Means): Promise<object> {
  const { journal } = means;
  switch (effect.do) {
    case "http":
      return http(effect, means);
    case "last":
      return { attempt: await journal.last(effect.invoice) };
    case "reserve":
      return { reserved: await journal.reserve(effect.attempt, effect.limits) };
    case "update": {
      const { id, from, to, header, transaction } = effect;
      const record = {
        ...(header !== null && { header }),
        ...(transaction !== null && { transaction }),
      };
      return { yes: await journal.update(id, from, to, record) };
    }
    case "open":
      return { attempts: await journal.open() };
    case "sign":
      return { bytes: await means.sign(effect) };
    case "approve": {
      const { do: _, ...payment } = effect;
      return { yes: (await means.approve?.(payment)) === true };
    }
    case "blockhash": {
      const given = await means.recentBlockhash?.(effect.chain);
      if (given === undefined) return { failed: true };
      if (typeof given === "string") return { blockhash: { blockhash: given } };
      const { blockhash, lastValidBlockHeight: height } = given;
      return {
        blockhash: {
          blockhash,
          ...(height !== undefined && { lastValidBlockHeight: Number(height) }),
        },
      };
    }
    case "height":
      return { height: Number(await means.blockHeight?.(effect.chain)) };
    case "sleep":
      await means.clock.sleep(effect.ms);
      return { done: true };
    case "random":
      return { bytes: hex(crypto.getRandomValues(new Uint8Array(effect.count))) };
  }
}

/**
 * Sends a request. If the response does not arrive in time, body included, it counts as missing:
 * nobody knows whether the request arrived.
 */
async function http({ method, url, payment, own }: HttpEffect, means: Means): Promise<object> {
  const controller = new AbortController();
  try {
    return await unless(send(), (giveUp) => {
      const late = () => {
        controller.abort();
        giveUp(controller.signal.reason);
      };
      const timer = setTimeout(late, means.timeoutMs);
      return () => clearTimeout(timer);
    });
  } catch {
    return { lost: true };
  }

  async function send(): Promise<object> {
    const headers = { accept: "application/json", ...(payment && { [payment[0]]: payment[1] }) };
    const init: RequestInit = { method, headers, redirect: "manual", signal: controller.signal };
    const response = own && means.own ? await means.own(payment) : await means.fetch(url, init);
    const header = (name: string) => response.headers.get(name);
    // The caller receives the body of its own request, unless it is a challenge.
    const reads = !own || response.status === 402;
    return {
      answer: {
        status: response.status,
        // An invalid date is `null` in JSON.
        date: Date.parse(header("date") ?? ""),
        required: header("payment-required"),
        response: header("payment-response") ?? header("x-payment-response"),
        body: reads ? await bodyOf(own ? response.clone() : response) : "",
      },
    };
  }
}

/** Reads the body as text, up to the limit. */
async function bodyOf(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return "";
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
    if (text.length > MAX_BODY) {
      await reader.cancel();
      throw new Error("a longer body than an invoice or a challenge has");
    }
  }
}
