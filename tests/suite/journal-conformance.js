// The promises of a journal on which an agent relies, for any storage. `tests/stores` runs the
// checks with the real databases.
import { assert, assertEquals } from "./harness.js";

/** Creates an attempt for a new invoice. */
export function attempt(more = {}) {
  const id = `${crypto.randomUUID().replaceAll("-", "")}`;
  return {
    id,
    invoice: `inv_${id}`,
    kind: "invoice",
    chain: "base",
    url: "https://agents.gwop.io/v1/invoices/x/x402",
    method: "POST",
    headerName: "PAYMENT-SIGNATURE",
    wallet: "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    payTo: `0x${id}`,
    amount: 1_000,
    nonce: `0x${id}${id}`,
    validBefore: 1_795_896_000,
    lastValidBlockHeight: null,
    again: false,
    state: "reserved",
    header: null,
    transaction: null,
    reservedAt: Date.now(),
    ...more,
  };
}

const LIMITS = { perPayment: 1_000_000, perDay: null, perPeriod: null, perRecipient: null };

/** Removes the members that may be left out if they are null. */
const plain = (value) =>
  JSON.parse(JSON.stringify(value), (_, part) => (part === null ? undefined : part));

/** [what a user relies on, a check with the function that opens the journal]. */
export const journalChecks = [
  [
    "what was reserved is the last attempt, also in another connection",
    async (open) => {
      const journal = await open();
      const one = attempt();
      assertEquals(await journal.last(one.invoice), null);
      assertEquals(await journal.reserve(one, LIMITS), "reserved");
      assertEquals(plain(await journal.last(one.invoice)), plain(one));
      assertEquals(plain(await (await open()).last(one.invoice)), plain(one));
    },
  ],
  [
    "update is a compare-and-set, and writes header and transaction",
    async (open) => {
      const journal = await open();
      const one = attempt();
      await journal.reserve(one, LIMITS);
      const tries = Array.from({ length: 10 }, () =>
        journal.update(one.id, "reserved", "sent", { header: "aGVhZGVy" }),
      );
      assertEquals((await Promise.all(tries)).filter(Boolean).length, 1);
      assertEquals(await journal.update(one.id, "reserved", "released"), false);
      assertEquals(await journal.update("nobody", "reserved", "released"), false);
      assert(
        (await journal.open()).some(({ id, header }) => id === one.id && header === "aGVhZGVy"),
        "it is not open",
      );
      assertEquals(await journal.update(one.id, "sent", "settled", { transaction: "0x01" }), true);
      const { state, header, transaction } = await journal.last(one.invoice);
      assertEquals([state, header, transaction], ["settled", "aGVhZGVy", "0x01"]);
      assert(!(await journal.open()).some(({ id }) => id === one.id), "it is open");
    },
  ],
  [
    "an invoice with an open attempt is refused; a refused one takes the same nonce alone",
    async (open) => {
      const journal = await open();
      const one = attempt();
      await journal.reserve(one, LIMITS);
      const next = { ...one, id: attempt().id };
      const refusal = await journal.reserve(next, LIMITS);
      assertEquals([refusal.code, refusal.attempt.id], ["OPEN_ATTEMPT", one.id]);
      await journal.update(one.id, "reserved", "sent", { header: "aGVhZGVy" });
      assertEquals((await journal.reserve(next, LIMITS)).code, "OPEN_ATTEMPT");
      await journal.update(one.id, "sent", "refused");
      assert(
        (await journal.open()).some(({ id }) => id === one.id),
        "a refused one may settle",
      );
      assertEquals(
        (await journal.reserve({ ...next, nonce: "0x02" }, LIMITS)).code,
        "NONCE_CHANGED",
      );
      assertEquals(
        (await journal.reserve({ ...next, chain: "solana", validBefore: null }, LIMITS)).code,
        "MAY_SETTLE",
      );
      assertEquals(await journal.reserve(next, LIMITS), "reserved");
      assertEquals((await journal.last(one.invoice)).id, next.id);
    },
  ],
  [
    "reservations at the same moment keep the limit",
    async (open) => {
      const journals = [await open(), await open()];
      const { payTo } = attempt();
      const limits = { ...LIMITS, perRecipient: { amount: 5_000, seconds: 3_600 } };
      const tries = Array.from({ length: 12 }, (_, index) =>
        journals[index % 2].reserve(attempt({ payTo }), limits),
      );
      const results = await Promise.all(tries);
      assertEquals(results.filter((result) => result === "reserved").length, 5);
      for (const result of results)
        assert(
          result === "reserved" || result.code === "LIMIT_PER_RECIPIENT",
          JSON.stringify(result),
        );
    },
  ],
  [
    "an older payment does not count any more",
    async (open) => {
      const journal = await open();
      const { payTo } = attempt();
      const limits = { ...LIMITS, perRecipient: { amount: 1_500, seconds: 60 } };
      const reservedAt = Date.now();
      assertEquals(
        await journal.reserve(attempt({ payTo, reservedAt: reservedAt - 61_000 }), limits),
        "reserved",
      );
      assertEquals(await journal.reserve(attempt({ payTo, reservedAt }), limits), "reserved");
      assertEquals(
        (await journal.reserve(attempt({ payTo, reservedAt }), limits)).code,
        "LIMIT_PER_RECIPIENT",
      );
    },
  ],
];

/**
 * Runs one of several processes on one storage. Returns how many of 10 payments of 1,000 to one
 * recipient were reserved, with a limit of 7,000.
 */
export async function race(journal, payTo) {
  const limits = { ...LIMITS, perRecipient: { amount: 7_000, seconds: 3_600 } };
  let reserved = 0;
  for (let index = 0; index < 10; index += 1)
    reserved += (await journal.reserve(attempt({ payTo }), limits)) === "reserved";
  return reserved;
}
