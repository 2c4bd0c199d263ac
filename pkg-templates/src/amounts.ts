import { refuse } from "./errors/refuse.js";

/** USDC has 6 decimals: 1 USDC is 1,000,000 atomic units. */
const DECIMALS = 6;

/**
 * Atomic units of a decimal amount: `usdc("5.00")` is `5_000_000`.
 *
 * Exact: the digits are moved, never multiplied. Takes digits with at most 6 decimals, as text only: a number such as
 * `0.1 + 0.2` has lost its exact value already.
 *
 * @param amount USDC, such as `"5"`, `"5.00"` or `"0.000001"`: no sign, exponent, separator or white space.
 * @returns A safe integer of atomic units, for `amountUsdc`.
 * @throws SDKValidationError for any other text or type, and above 9,007,199,254.740991 USDC (`Number.MAX_SAFE_INTEGER`).
 */
export function usdc(amount: string): number {
  const [, whole, fraction = ""] =
    (typeof amount === "string" && /^(\d+)(?:\.(\d{1,6}))?$/.exec(amount)) || [];
  const atomic = Number(whole + fraction.padEnd(DECIMALS, "0"));
  if (whole === undefined || !Number.isSafeInteger(atomic)) {
    throw refuse(
      'usdc() needs a decimal string such as "5.00": digits with at most 6 decimals, no sign or exponent, at most 9007199254.740991',
      amount,
    );
  }
  return atomic;
}

/**
 * A display text of atomic units, as Gwop writes it: `formatUsdc(1_025_000)` is `"1.025 USDC"`.
 *
 * @param atomic A whole number of atomic units, 0 or more: a safe integer, a `bigint`, or digits, such as the
 *   `amountUsdc` of a webhook.
 * @throws SDKValidationError for anything else.
 */
export function formatUsdc(atomic: number | bigint | string): string {
  const whole =
    typeof atomic === "string" || typeof atomic === "bigint" || Number.isSafeInteger(atomic);
  const digits = whole ? String(atomic) : "";
  if (!/^\d+$/.test(digits)) {
    throw refuse(
      "formatUsdc() needs a whole number of atomic units, 0 or more: a safe integer, a bigint, or a string of digits",
      atomic,
    );
  }
  const padded = digits.replace(/^0+/, "").padStart(DECIMALS + 1, "0");
  return `${padded.replace(/.{6}$/, ".$&").replace(/\.?0{1,6}$/, "")} USDC`;
}

/** A wallet: the parts of a subject. */
export interface Subject {
  /** The chain. Open: `base`, `solana`. */
  chain: string;
  /** The wallet address on it, as it was written: Solana's distinguish capital letters. */
  address: string;
}

/**
 * The parts of a subject `{chain}:{address}`, as in `sub` of a token: `parseSubject("base:0x742d…")` is
 * `{ chain: "base", address: "0x742d…" }`.
 *
 * @throws SDKValidationError when the text has no colon, nothing before or after the first one, or white space or control characters.
 */
export function parseSubject(subject: string): Subject {
  const [, chain, address] =
    (typeof subject === "string" && /^([^:\s\p{Cc}]+):([^\s\p{Cc}]+)$/u.exec(subject)) || [];
  if (!chain || !address) {
    throw refuse('parseSubject() needs "{chain}:{address}", such as "base:0x742d…"', subject);
  }
  return { chain, address };
}
