// The reference facilitators of @x402/evm and @x402/svm 2.27.0 as judges. For every payload here,
// right or wrong, the local Gwop must have the same result, or this file gives a reason for the
// difference. The chain is a stub (`chains.mjs`).
import assert from "node:assert/strict";
import { basePayloads } from "./payloads-base.mjs";
import { solanaPayloads } from "./payloads-solana.mjs";

const decoded = (header) => JSON.parse(atob(header));
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64");

/** Returns a new invoice's challenge, in both versions. */
async function challenge(gwop, chain) {
  const { id, paymentUrl } = await gwop.invoice(chain);
  const asked = await fetch(paymentUrl);
  const [offer] = decoded(asked.headers.get("payment-required")).accepts;
  const [requirement] = (await asked.json()).accepts;
  return { id, paymentUrl, offer, requirement };
}

/** Returns the payment with a payload, in a version. */
function wrapped(version, payload, { offer, requirement }) {
  if (version === 2) return { x402Version: 2, accepted: offer, payload };
  return { x402Version: 1, scheme: requirement.scheme, network: requirement.network, payload };
}

/** Returns the local Gwop's result: `valid`, or the name of the error. */
async function judgedLocally(paymentUrl, version, payment) {
  const header = version === 2 ? "PAYMENT-SIGNATURE" : "X-PAYMENT";
  const answer = await fetch(paymentUrl, {
    method: "POST",
    headers: { [header]: encoded(payment) },
  });
  const { error } = await answer.json();
  if (answer.status === 200) return "valid";
  assert.equal(answer.status, 402);
  return error;
}

/**
 * Returns the facilitator's result. Details after a colon are for people. A server would respond to
 * an exception with an error.
 */
async function judgedBy(facilitator, payment, requirements) {
  const { error } = console;
  // @x402/svm prints what it cannot decode.
  console.error = () => {};
  try {
    const { isValid, invalidReason } = await facilitator.verify(payment, requirements);
    return isValid ? "valid" : invalidReason.split(":")[0];
  } catch {
    return "throws";
  } finally {
    console.error = error;
  }
}

/** Checks every payload in every version for which it is meant. */
export async function checksOfJudges(gwop) {
  const checks = {};
  let judged = 0;
  for (const [chain, { payloads, facilitators }] of Object.entries({
    base: await basePayloads(),
    solana: await solanaPayloads(),
  })) {
    for (const { name, versions = [1, 2], expected, differs, make, wrap, before } of payloads) {
      for (const version of versions) {
        judged += 1;
        checks[`judges: ${chain}, version ${version}: ${name}`] = async () => {
          const asked = await challenge(gwop, chain);
          const context = {
            ...asked,
            version,
            requirements: version === 2 ? asked.offer : asked.requirement,
          };
          context.amount = BigInt(
            context.requirements.amount ?? context.requirements.maxAmountRequired,
          );
          if (before) {
            // Another invoice is paid first. `make` starts from its payload.
            const other = await challenge(gwop, chain);
            const first = {
              ...context,
              ...other,
              requirements: version === 2 ? other.offer : other.requirement,
            };
            context.paid = await before(first);
            assert.equal(
              await judgedLocally(other.paymentUrl, version, wrapped(version, context.paid, other)),
              "valid",
            );
          }
          let payment = wrapped(version, await make(context), asked);
          if (wrap) payment = wrap(structuredClone(payment), context) ?? payment;
          const name = (names) => (typeof names === "object" ? names[version] : names);
          const local = await judgedLocally(asked.paymentUrl, version, payment);
          const facilitator = await judgedBy(facilitators[version], payment, context.requirements);
          assert.deepEqual(
            { local, facilitator },
            { local: name(expected), facilitator: name(differs?.facilitator ?? expected) },
          );
          if (differs) assert.ok(differs.why.length > 20, "a difference needs a reason");
        };
      }
    }
  }
  checks["judges: at least 60 payloads"] = async () =>
    assert.ok(judged >= 60, `${judged} payloads`);
  return checks;
}
