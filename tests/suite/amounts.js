// Amounts: exact decimals, checked with BigInt arithmetic that is independent of the SDK.
import { formatUsdc, parseSubject, usdc } from "@gwop/sdk";
import { SDKValidationError } from "@gwop/sdk/errors";
import { assertEquals, assertThrows, test } from "./harness.js";

/** A deterministic stream of 32-bit numbers (xorshift), so that a failure can be repeated. */
function* numbers(seed) {
  for (let x = seed; ; ) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    yield x >>> 0;
  }
}

/** Formats atomic units as a decimal text with all 6 decimals. */
const decimal = (atomic) =>
  `${atomic / 1_000_000n}.${String(atomic % 1_000_000n).padStart(6, "0")}`;

test("amounts: usdc() is exact", () => {
  for (const [text, atomic] of [
    ["5.00", 5_000_000],
    ["5", 5_000_000],
    ["0", 0],
    ["0.000001", 1],
    ["1.025", 1_025_000],
    // Both are off by one when multiplied as floats.
    ["1.005001", 1_005_001],
    ["8.290001", 8_290_001],
    ["0010.10", 10_100_000],
    ["9007199254.740991", Number.MAX_SAFE_INTEGER],
  ]) {
    assertEquals(usdc(text), atomic, text);
  }
});

test("amounts: usdc() reads what BigInt writes, at any size, with or without trailing zeros", () => {
  const random = numbers(20_261_121);
  for (let round = 0; round < 5_000; round += 1) {
    const [high, low, shift] = [random.next().value, random.next().value, random.next().value % 53];
    const atomic = ((BigInt(high) << 32n) | BigInt(low)) % (1n << BigInt(shift + 1));
    const text = decimal(atomic);
    assertEquals(usdc(text), Number(atomic), text);
    const short = text.replace(/\.?0+$/, "");
    assertEquals(usdc(short), Number(atomic), short);
    for (const given of [Number(atomic), atomic, String(atomic), `000${atomic}`]) {
      assertEquals(formatUsdc(given), `${short} USDC`);
    }
  }
});

test("amounts: usdc() refuses what is not plain digits with at most 6 decimals", () => {
  const bad = [
    "",
    " ",
    ".",
    "5.",
    ".5",
    "+5",
    "-5",
    "-0",
    "5e3",
    "5E3",
    "1,000",
    "1_000",
    "0x10",
    " 5",
    "5 ",
    "5\n",
    "5.0000001",
    "5.00 USDC",
    "$5",
    "٥",
    "５",
    "NaN",
    "Infinity",
    "1.2.3",
    "9007199254.740992",
    "99999999999999999999",
    5,
    0.1,
    5n,
    null,
    undefined,
    {},
    ["5"],
    new String("5"),
  ];
  for (const amount of bad) {
    const error = assertThrows(() => usdc(amount), SDKValidationError);
    assertEquals([error.code, error.rawValue], ["SDK_VALIDATION", amount]);
  }
});

test("amounts: formatUsdc() writes atomic units as Gwop does, also those of webhooks", () => {
  for (const [atomic, text] of [
    [1_025_000, "1.025 USDC"],
    ["1025000", "1.025 USDC"],
    [5_000_000, "5 USDC"],
    [10_000_000n, "10 USDC"],
    [1, "0.000001 USDC"],
    [0, "0 USDC"],
    ["000", "0 USDC"],
    ["123456789012345678901234567890", "123456789012345678901234.56789 USDC"],
  ]) {
    assertEquals(formatUsdc(atomic), text);
  }
  for (const bad of [
    -1,
    1.5,
    NaN,
    Infinity,
    2 ** 53,
    -1n,
    "",
    "1.5",
    "-1",
    "1e3",
    " 1",
    "１",
    null,
    undefined,
    {},
    true,
    [1],
  ]) {
    assertThrows(() => formatUsdc(bad), SDKValidationError);
  }
});

test("amounts: parseSubject() takes a subject apart at its first colon", () => {
  assertEquals(parseSubject("base:0x742d35Cc"), { chain: "base", address: "0x742d35Cc" });
  assertEquals(parseSubject("solana:7sSiBeF"), { chain: "solana", address: "7sSiBeF" });
  assertEquals(parseSubject("x:a:b"), { chain: "x", address: "a:b" });
  for (const bad of [
    "",
    ":",
    "base",
    "base:",
    ":0x1",
    " base:0x1",
    "base: 0x1",
    "base:0x1\n",
    "base:0x\u0000",
    "ba\u0085se:0x1",
    null,
    undefined,
    5,
    {},
  ]) {
    assertThrows(() => parseSubject(bad), SDKValidationError);
  }
});
