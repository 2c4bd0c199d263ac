import { refuse } from "./errors/refuse.js";

/** USDC has 6 decimals: 1 USDC is 1,000,000 atomic units. */
const DECIMALS = 6;

/**
 * Converts a decimal amount of USDC to atomic units: `usdc("5.00")` is `5_000_000`.
 *
 * The result is exact: the function moves digits and never multiplies. It takes text only, because
 * a number such as `0.1 + 0.2` is already inexact.
 *
 * @param amount USDC as digits with at most 6 decimals, such as `"5"`, `"5.00"` or `"0.000001"`: no
 * sign, exponent, separator or white space.
 * @returns A safe integer of atomic units, for `amountUsdc`.
 * @throws SDKValidationError for any other text or type, and above 9,007,199,254.740991 USDC
 * (`Number.MAX_SAFE_INTEGER`).
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
 * Formats atomic units for people, as Gwop does: `formatUsdc(1_025_000)` is `"1.025 USDC"`.
 *
 * @param atomic A whole number of atomic units, 0 or more: a safe integer, a `bigint`, or digits as
 * text, such as the `amountUsdc` of a webhook.
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

/** A wallet: the two parts of a subject. */
export interface Subject {
  /** The chain, such as `base` or `solana`. More chains can follow. */
  chain: string;
  /**
   * The wallet address on that chain, as it was written. On Solana, upper and lower case matter.
   */
  address: string;
}

/**
 * Splits a subject `{chain}:{address}`, as in `sub` of a token: `parseSubject("base:0x742d…")` is
 * `{ chain: "base", address: "0x742d…" }`.
 *
 * @throws SDKValidationError if there is no colon, nothing before or after the first one, or white
 * space or control characters.
 */
export function parseSubject(subject: string): Subject {
  const [, chain, address] =
    (typeof subject === "string" && /^([^:\s\p{Cc}]+):([^\s\p{Cc}]+)$/u.exec(subject)) || [];
  if (!chain || !address) {
    throw refuse('parseSubject() needs "{chain}:{address}", such as "base:0x742d…"', subject);
  }
  return { chain, address };
}
