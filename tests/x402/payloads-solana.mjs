// Payloads for Solana: partially signed transactions, right and wrong.
import {
  AccountRole,
  appendTransactionMessageInstructions,
  compressTransactionMessageUsingAddressLookupTables,
  createTransactionMessage,
  generateKeyPairSigner,
  getAddressEncoder,
  getBase64EncodedWireTransaction,
  getProgramDerivedAddress,
  partiallySignTransactionMessageWithSigners,
  pipe,
  setTransactionMessageFeePayer,
  setTransactionMessageLifetimeUsingBlockhash,
} from "@solana/kit";
import { ExactSvmScheme } from "@x402/svm/exact/facilitator";
import { ExactSvmSchemeV1 } from "@x402/svm/exact/v1/facilitator";
import { TOKEN_PROGRAM, solanaChain } from "./chains.mjs";
import { solanaSigner } from "./keys.mjs";

const FEE_PAYER = "9hSR6S7WPtxmTojgo6GG3k4yDPecgJY292j7xrsUGWBu";
const MINT = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v";
const DEVNET_MINT = "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU";
const TOKEN_2022 = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb";
const ATA_PROGRAM = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL";
const COMPUTE_BUDGET = "ComputeBudget111111111111111111111111111111";
const MEMO = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr";
const LIGHTHOUSE = "L2TExMFKdjpN9kozasaurPirfHy9P8sbXoAN1qA3S95";
const SYSTEM = "11111111111111111111111111111111";

const agent = await solanaSigner();
const other = await generateKeyPairSigner();

async function ata(owner, mint = MINT, program = TOKEN_PROGRAM) {
  const encode = (address) => getAddressEncoder().encode(address);
  const [address] = await getProgramDerivedAddress({
    programAddress: ATA_PROGRAM,
    seeds: [encode(owner), encode(program), encode(mint)],
  });
  return address;
}

function bytes(first, value, length, ...rest) {
  const data = new Uint8Array(1 + length + rest.length);
  data[0] = first;
  const view = new DataView(data.buffer);
  if (length === 8) view.setBigUint64(1, BigInt(value), true);
  else view.setUint32(1, value, true);
  data.set(rest, 1 + length);
  return data;
}

const limit = (units = 20_000) => ({ programAddress: COMPUTE_BUDGET, data: bytes(2, units, 4) });
const price = (microlamports = 1) => ({
  programAddress: COMPUTE_BUDGET,
  data: bytes(3, microlamports, 8),
});
const memo = (text, accounts = []) => ({
  programAddress: MEMO,
  accounts,
  data: new TextEncoder().encode(text),
});
const lighthouse = () => ({ programAddress: LIGHTHOUSE, accounts: [], data: new Uint8Array([1]) });
const foreign = () => ({
  programAddress: SYSTEM,
  accounts: [],
  data: new Uint8Array([4, 0, 0, 0]),
});

async function transfer({ amount, requirements }, options = {}) {
  const {
    program = TOKEN_PROGRAM,
    mint = MINT,
    payTo = requirements.payTo,
    signer = agent,
    kind = 12,
    decimals = 6,
  } = options;
  const authority = options.authority ?? {
    address: signer.address,
    role: AccountRole.READONLY_SIGNER,
    signer,
  };
  return {
    programAddress: program,
    accounts: [
      {
        address: options.source ?? (await ata(authority.address, mint, program)),
        role: AccountRole.WRITABLE,
      },
      { address: mint, role: AccountRole.READONLY },
      {
        address: options.destination ?? (await ata(payTo, mint, program)),
        role: AccountRole.WRITABLE,
      },
      authority,
    ],
    data: bytes(kind, options.amount ?? amount, 8, decimals),
  };
}

/** Returns a client's memo: the offer's, or one that makes the transaction unique. */
const memoOf = ({ requirements }) => memo(requirements.extra.memo ?? crypto.randomUUID());

/** Returns a transaction of these instructions. Default: a valid payment. */
async function built(
  context,
  { instructions, feePayer = FEE_PAYER, version = 0, finish = (message) => message } = {},
) {
  const all = instructions ?? [limit(), price(), await transfer(context), memoOf(context)];
  const message = pipe(
    createTransactionMessage({ version }),
    (empty) => setTransactionMessageFeePayer(feePayer, empty),
    (paid) =>
      setTransactionMessageLifetimeUsingBlockhash(
        { blockhash: context.requirements.extra.recentBlockhash, lastValidBlockHeight: 0n },
        paid,
      ),
    (alive) => appendTransactionMessageInstructions(all, alive),
  );
  return {
    transaction: getBase64EncodedWireTransaction(
      await partiallySignTransactionMessageWithSigners(finish(message)),
    ),
  };
}

/** Returns the transaction that `write` creates from the parts of a valid payment. */
const of = (write, options) => async (context) => {
  const parts = {
    limit: limit(),
    price: price(),
    transfer: await transfer(context),
    memo: memoOf(context),
  };
  return built(context, { ...options, instructions: await write(parts, context) });
};
const transferring = (options) =>
  of(async ({ limit, price, memo }, context) => [
    limit,
    price,
    await transfer(context, await options(context)),
    memo,
  ]);

/** Returns a valid transaction whose bytes are changed afterwards. */
const rewritten = (write) => async (context) => {
  const raw = Buffer.from((await built(context)).transaction, "base64");
  return { transaction: Buffer.from(write(raw) ?? raw).toString("base64") };
};

const name = (what) => `invalid_exact_svm_${what}`;
const DECODED = name("payload_transaction_could_not_be_decoded");
const SIMULATION = { 1: "transaction_simulation_failed", 2: name("transaction_simulation_failed") };

/** Returns a valid transaction, in base64 without the `=` at its end. */
async function unpadded(context) {
  const { transaction } = await built(context);
  if (!transaction.endsWith("="))
    throw new Error("its length is a multiple of three bytes: make it longer");
  return { transaction: transaction.replace(/=+$/, "") };
}

export async function solanaPayloads() {
  const accounts = new Map([
    [await ata(agent.address), agent.address],
    [await ata(other.address), other.address],
    [await ata(FEE_PAYER), FEE_PAYER],
  ]);
  const chain = solanaChain(FEE_PAYER, accounts);
  const facilitators = { 1: new ExactSvmSchemeV1(chain), 2: new ExactSvmScheme(chain) };
  const oneOnly = (expected) => ({ 1: "valid", 2: expected });
  const payloads = [
    { name: "honest", expected: "valid", make: (context) => built(context) },
    {
      name: "a message of the older form",
      expected: "valid",
      make: (context) => built(context, { version: "legacy" }),
    },
    {
      name: "guarded by Lighthouse",
      expected: "valid",
      make: of(({ limit, price, transfer, memo }) => [limit, price, transfer, lighthouse(), memo]),
    },
    {
      name: "the highest price",
      expected: "valid",
      make: of(({ limit, transfer, memo }) => [limit, price(5_000_000), transfer, memo]),
    },
    {
      name: "many units",
      expected: "valid",
      make: of(({ price, transfer, memo }) => [limit(1_400_000), price, transfer, memo]),
    },
    {
      name: "the fee payer's slot filled with anything",
      expected: "valid",
      make: rewritten((raw) => void raw.fill(7, 1, 65)),
    },
    {
      name: "paid by another wallet",
      expected: "valid",
      make: transferring(() => ({ signer: other })),
    },
    {
      name: "with a payer of its own invention",
      expected: "valid",
      make: async (context) => ({ ...(await built(context)), payer: other.address }),
    },
    { name: "two bytes", expected: DECODED, make: () => ({ transaction: "AA==" }) },
    { name: "no base64", expected: DECODED, make: () => ({ transaction: "hello" }) },
    { name: "nothing", expected: DECODED, make: () => ({ transaction: "" }) },
    {
      name: "base64 without its padding",
      expected: DECODED,
      differs: {
        facilitator: "valid",
        why: "@solana/kit reads it without; the specification has base64, and Python's facilitator refuses it",
      },
      make: unpadded,
    },
    {
      name: "cut off in the middle",
      expected: DECODED,
      make: rewritten((raw) => raw.subarray(0, 300)),
    },
    {
      name: "the amount changed after signing",
      expected: name("payload_signature_invalid"),
      make: rewritten((raw) => void (raw[raw.length - 60] ^= 1)),
    },
    {
      name: "the signature wiped out",
      expected: name("payload_signature_invalid"),
      make: rewritten((raw) => void raw.fill(0, 65, 129)),
    },
    {
      name: "the signature of another message",
      expected: name("payload_signature_invalid"),
      make: async (context) => {
        const [first, second] = [
          await built(context),
          await built(context, {
            instructions: [limit(1), price(), await transfer(context), memoOf(context)],
          }),
        ];
        const [one, two] = [first, second].map(({ transaction }) =>
          Buffer.from(transaction, "base64"),
        );
        return {
          transaction: Buffer.concat([
            one.subarray(0, 65),
            two.subarray(65, 129),
            one.subarray(129),
          ]).toString("base64"),
        };
      },
    },
    {
      name: "one unit more",
      expected: name("payload_amount_mismatch"),
      make: transferring(({ amount }) => ({ amount: amount + 1n })),
    },
    {
      name: "one unit less",
      expected: name("payload_amount_mismatch"),
      make: transferring(({ amount }) => ({ amount: amount - 1n })),
    },
    {
      name: "to somebody else",
      expected: name("payload_recipient_mismatch"),
      make: transferring(() => ({ payTo: other.address })),
    },
    {
      name: "to the wallet and not to its token account",
      expected: name("payload_recipient_mismatch"),
      make: transferring(({ requirements }) => ({ destination: requirements.payTo })),
    },
    {
      name: "another mint",
      expected: name("payload_mint_mismatch"),
      make: transferring(() => ({ mint: DEVNET_MINT })),
    },
    {
      name: "no compute limit",
      expected: name("payload_transaction_instructions_compute_limit_instruction"),
      make: of(({ price, transfer, memo }) => [price, transfer, memo]),
    },
    {
      name: "no compute price",
      expected: name("payload_transaction_instructions_compute_price_instruction"),
      make: of(({ limit, transfer, memo }) => [limit, transfer, memo]),
    },
    {
      name: "price before limit",
      expected: name("payload_transaction_instructions_compute_limit_instruction"),
      make: of(({ limit, price, transfer, memo }) => [price, limit, transfer, memo]),
    },
    {
      name: "too high a price",
      expected: name("payload_transaction_instructions_compute_price_instruction_too_high"),
      make: of(({ limit, transfer, memo }) => [limit, price(5_000_001), transfer, memo]),
    },
    {
      name: "Transfer instead of TransferChecked",
      expected: name("payload_no_transfer_instruction"),
      make: transferring(() => ({ kind: 3 })),
    },
    {
      name: "the memo before the transfer",
      expected: name("payload_no_transfer_instruction"),
      make: of(({ limit, price, transfer, memo }) => [limit, price, memo, transfer]),
    },
    {
      name: "two instructions",
      expected: name("payload_transaction_instructions_length"),
      make: of(({ limit, price }) => [limit, price]),
    },
    {
      name: "eight instructions",
      expected: name("payload_transaction_instructions_length"),
      make: of(({ limit, price, transfer, memo }) => [
        limit,
        price,
        transfer,
        ...Array(5).fill(memo),
      ]),
    },
    {
      name: "seven instructions",
      expected: { 1: name("payload_transaction_instructions_length"), 2: "valid" },
      make: of(({ limit, price, transfer, memo }) => [
        limit,
        price,
        transfer,
        memo,
        ...Array(3).fill(lighthouse()),
      ]),
    },
    {
      name: "another fee payer",
      expected: name("fee_payer_mismatch"),
      make: (context) => built(context, { feePayer: other.address }),
    },
    {
      name: "the agent as the fee payer",
      expected: name("fee_payer_mismatch"),
      make: (context) => built(context, { feePayer: agent.address }),
    },
    {
      name: "the fee payer's own money",
      expected: name("payload_transaction_fee_payer_transferring_funds"),
      make: transferring(() => ({
        authority: { address: FEE_PAYER, role: AccountRole.READONLY_SIGNER },
      })),
    },
    {
      name: "the fee payer signs a memo",
      expected: name("payload_transaction_fee_payer_included_in_instruction_accounts"),
      differs: {
        facilitator: "valid",
        why: "the specification keeps the fee payer out of every instruction, and x402 1.2.0 does; @x402/svm 2.27.0 looks at the authority alone",
      },
      make: of(({ limit, price, transfer }, context) => [
        limit,
        price,
        transfer,
        {
          ...memoOf(context),
          accounts: [{ address: FEE_PAYER, role: AccountRole.READONLY_SIGNER }],
        },
      ]),
    },
    {
      name: "a foreign fourth instruction",
      expected: name("payload_unknown_fourth_instruction"),
      make: of(({ limit, price, transfer, memo }) => [limit, price, transfer, foreign(), memo]),
    },
    {
      name: "a foreign fifth instruction",
      expected: name("payload_unknown_fifth_instruction"),
      make: of(({ limit, price, transfer, memo }) => [limit, price, transfer, memo, foreign()]),
    },
    {
      name: "no memo",
      expected: oneOnly(name("payload_memo_count")),
      make: of(({ limit, price, transfer }) => [limit, price, transfer]),
    },
    {
      name: "two memos",
      expected: oneOnly(name("payload_memo_count")),
      make: of(({ limit, price, transfer, memo }) => [limit, price, transfer, memo, memo]),
    },
    {
      name: "another memo",
      expected: oneOnly(name("payload_memo_mismatch")),
      make: of(({ limit, price, transfer }) => [limit, price, transfer, memo("inv_0")]),
    },
    { name: "nine decimals", expected: SIMULATION, make: transferring(() => ({ decimals: 9 })) },
    {
      name: "from somebody else's account",
      expected: SIMULATION,
      make: transferring(async () => ({ source: await ata(other.address) })),
    },
    {
      name: "an authority that does not sign",
      expected: SIMULATION,
      make: transferring(() => ({
        authority: { address: agent.address, role: AccountRole.READONLY },
      })),
    },
    {
      name: "by the newer token program",
      expected: name("payload_no_transfer_instruction"),
      differs: {
        facilitator: SIMULATION,
        why: "the facilitator takes both token programs and leaves it to the simulation that USDC belongs to the older one; its program is pinned here",
      },
      make: transferring(() => ({ program: TOKEN_2022 })),
    },
    {
      name: "a further signer who has signed",
      expected: "valid",
      make: of(({ limit, price, transfer }, context) => [
        limit,
        price,
        transfer,
        {
          ...memoOf(context),
          accounts: [{ address: other.address, role: AccountRole.READONLY_SIGNER, signer: other }],
        },
      ]),
    },
    {
      name: "a further signer who has not signed",
      expected: name("payload_signature_invalid"),
      make: of(({ limit, price, transfer }, context) => [
        limit,
        price,
        transfer,
        {
          ...memoOf(context),
          accounts: [{ address: other.address, role: AccountRole.READONLY_SIGNER }],
        },
      ]),
    },
    {
      name: "accounts in a lookup table",
      expected: { 1: DECODED, 2: name("smart_wallet_alt_resolution_not_available") },
      make: async (context) => {
        const table = { [other.address]: [MINT] };
        return built(context, {
          finish: (message) => compressTransactionMessageUsingAddressLookupTables(message, table),
        });
      },
    },
    {
      name: "a byte behind its end",
      expected: { 1: DECODED, 2: DECODED },
      differs: {
        facilitator: { 1: name("payload_signature_invalid"), 2: name("payload_signature_invalid") },
        why: "the facilitator's decoder takes what follows for a part of the signed message; a transaction ends where its parts end",
      },
      make: rewritten((raw) => Buffer.concat([raw, Buffer.from([0])])),
    },
    {
      name: "another network",
      versions: [1],
      expected: "network_mismatch",
      make: (context) => built(context),
      wrap: (payment) => ({ ...payment, network: "solana-devnet" }),
    },
    {
      name: "another scheme",
      versions: [1],
      expected: "unsupported_scheme",
      make: (context) => built(context),
      wrap: (payment) => ({ ...payment, scheme: "upto" }),
    },
    {
      name: "the block hash of another offer in `accepted`",
      versions: [2],
      expected: "No matching payment requirements",
      differs: {
        facilitator: "valid",
        why: "a facilitator does not compare `accepted`; the resource server (@x402/core) does, before it asks one",
      },
      make: (context) => built(context),
      wrap: (payment) => void (payment.accepted.extra.recentBlockhash = agent.address) ?? payment,
    },
  ];
  return { payloads, facilitators };
}
