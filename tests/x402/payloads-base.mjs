// Payloads for Base: EIP-3009 authorizations, right and wrong.
import { ExactEvmScheme } from "@x402/evm/exact/facilitator";
import { ExactEvmSchemeV1 } from "@x402/evm/exact/v1/facilitator";
import { concatHex, encodeAbiParameters, getAddress, toHex } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { USDC, baseChain, highS } from "./chains.mjs";
import { account } from "./keys.mjs";

const TYPES = (primaryType) => ({
  [primaryType]: [
    { name: "from", type: "address" },
    { name: "to", type: "address" },
    { name: "value", type: "uint256" },
    { name: "validAfter", type: "uint256" },
    { name: "validBefore", type: "uint256" },
    { name: "nonce", type: "bytes32" },
  ],
});

const other = privateKeyToAccount(generatePrivateKey());
const now = () => Math.floor(Date.now() / 1000);
const nonce = () => toHex(crypto.getRandomValues(new Uint8Array(32)));

/** Returns an authorization, signed unchanged. */
async function signed(
  { requirements, amount },
  fields = {},
  { domain = {}, signer = account, primaryType = "TransferWithAuthorization" } = {},
) {
  const authorization = {
    from: signer.address,
    to: getAddress(requirements.payTo),
    value: String(amount),
    validAfter: "0",
    validBefore: String(now() + 600),
    nonce: nonce(),
    ...fields,
  };
  const signature = await signer.signTypedData({
    domain: { name: "USD Coin", version: "2", chainId: 8453, verifyingContract: USDC, ...domain },
    types: TYPES(primaryType),
    primaryType,
    message: {
      ...authorization,
      from: getAddress(authorization.from.toLowerCase()),
      to: getAddress(authorization.to.toLowerCase()),
    },
  });
  return { signature, authorization };
}

/** Returns an authorization that was changed after it was signed. */
const changed = (change) => async (context) => {
  const payload = await signed(context);
  change(payload, context);
  return payload;
};
const withSignature = (write) =>
  changed((payload) => void (payload.signature = write(payload.signature)));
const withField = (name, value) =>
  changed(({ authorization }) => void (authorization[name] = value(authorization[name])));

const SIGNATURE = "invalid_exact_evm_signature";
const VALUE = {
  1: "invalid_exact_evm_authorization_value",
  2: "invalid_exact_evm_payload_authorization_value_mismatch",
};
const NO_OFFER = "No matching payment requirements";
const SIMULATION = "invalid_exact_evm_transaction_simulation_failed";
const BY_THE_CONTRACT =
  "the facilitator leaves this to USDC's contract, in the simulation; without a chain it is judged with the signature";
const NOT_DECIMAL =
  "JavaScript's BigInt reads it; the specification has strings of decimal digits alone";
const BY_THE_SERVER =
  "a facilitator does not compare `accepted`; the resource server (@x402/core) does, before it asks one";
const MIXED_CASE = (address) =>
  address.replace(/[a-fA-F]/g, (digit) =>
    digit < "a" ? digit.toLowerCase() : digit.toUpperCase(),
  );
const UPPER = (text) => `0x${text.slice(2).toUpperCase()}`;

function erc6492(factory) {
  return (signature) =>
    concatHex([
      encodeAbiParameters(
        [{ type: "address" }, { type: "bytes" }, { type: "bytes" }],
        [factory, "0x1234", signature],
      ),
      `0x${"6492".repeat(16)}`,
    ]);
}

export async function basePayloads() {
  const chain = baseChain();
  const facilitators = { 1: new ExactEvmSchemeV1(chain), 2: new ExactEvmScheme(chain) };
  const paidBefore = async (context) => {
    const payload = await signed(context);
    chain.settle(payload.authorization);
    return payload;
  };
  const payloads = [
    { name: "honest", expected: "valid", make: (context) => signed(context) },
    {
      name: "valid since ten minutes",
      expected: "valid",
      make: (context) => signed(context, { validAfter: String(now() - 600) }),
    },
    {
      name: "valid for ever",
      expected: "valid",
      make: (context) => signed(context, { validBefore: String(2n ** 256n - 1n) }),
    },
    {
      name: "valid for 9 seconds",
      expected: "valid",
      make: (context) => signed(context, { validBefore: String(now() + 9) }),
    },
    {
      name: "addresses in lower case",
      expected: "valid",
      make: changed(({ authorization }) => {
        authorization.from = authorization.from.toLowerCase();
        authorization.to = authorization.to.toLowerCase();
      }),
    },
    { name: "a nonce in upper case", expected: "valid", make: withField("nonce", UPPER) },
    { name: "a signature in upper case", expected: "valid", make: withSignature(UPPER) },
    {
      name: "a value with leading zeros",
      expected: "valid",
      make: withField("value", (value) => `000${value}`),
    },
    {
      name: "the nonce of another wallet's payment",
      expected: "valid",
      before: paidBefore,
      make: (context) =>
        signed(context, { nonce: context.paid.authorization.nonce }, { signer: other }),
    },
    {
      name: "a nonce that this wallet has paid with",
      expected: "invalid_exact_evm_nonce_already_used",
      before: paidBefore,
      make: (context) => signed(context, { nonce: context.paid.authorization.nonce }),
    },
    {
      name: "the same nonce in upper case",
      expected: "invalid_exact_evm_nonce_already_used",
      before: paidBefore,
      make: (context) => signed(context, { nonce: UPPER(context.paid.authorization.nonce) }),
    },
    {
      name: "signed by another key",
      expected: SIGNATURE,
      make: (context) => signed(context, { from: account.address }, { signer: other }),
    },
    { name: "an empty signature", expected: SIGNATURE, make: withSignature(() => "0x") },
    { name: "a signature of one byte", expected: SIGNATURE, make: withSignature(() => "0x00") },
    { name: "a signature that is no hex", expected: SIGNATURE, make: withSignature(() => "0xzz") },
    {
      name: "a signature of 64 bytes",
      expected: SIGNATURE,
      make: withSignature((signature) => signature.slice(0, -2)),
    },
    {
      name: "a signature of 66 bytes",
      expected: SIGNATURE,
      make: withSignature((signature) => `${signature}00`),
    },
    {
      name: "a signature of 100 bytes from a wallet without code",
      expected: SIGNATURE,
      make: withSignature(() => `0x${"11".repeat(100)}`),
    },
    {
      name: "65 zero bytes",
      expected: SIGNATURE,
      make: withSignature(() => `0x${"00".repeat(65)}`),
    },
    {
      name: "r beyond the order",
      expected: SIGNATURE,
      make: withSignature((signature) => `0x${"ff".repeat(32)}${signature.slice(66)}`),
    },
    {
      name: "v of 29",
      expected: SIGNATURE,
      make: withSignature((signature) => `${signature.slice(0, -2)}1d`),
    },
    {
      name: "the other v",
      expected: SIGNATURE,
      make: withSignature(
        (signature) => `${signature.slice(0, -2)}${signature.endsWith("1b") ? "1c" : "1b"}`,
      ),
    },
    {
      name: "v of 0 or 1",
      expected: SIGNATURE,
      differs: { facilitator: SIMULATION, why: BY_THE_CONTRACT },
      make: withSignature(
        (signature) => `${signature.slice(0, -2)}${signature.endsWith("1b") ? "00" : "01"}`,
      ),
    },
    {
      name: "a high s",
      expected: SIGNATURE,
      differs: { facilitator: SIMULATION, why: BY_THE_CONTRACT },
      make: withSignature(highS),
    },
    { name: "another value than signed", expected: SIGNATURE, make: withField("value", () => "1") },
    {
      name: "another recipient than signed",
      expected: SIGNATURE,
      make: withField("to", () => other.address),
    },
    {
      name: "another payer than signed",
      expected: SIGNATURE,
      make: withField("from", () => other.address),
    },
    { name: "another nonce than signed", expected: SIGNATURE, make: withField("nonce", nonce) },
    {
      name: "another validBefore than signed",
      expected: SIGNATURE,
      make: withField("validBefore", (value) => String(Number(value) + 1)),
    },
    {
      name: "another validAfter than signed",
      expected: SIGNATURE,
      make: withField("validAfter", () => "1"),
    },
    {
      name: "signed for Base Sepolia",
      expected: SIGNATURE,
      make: (context) => signed(context, {}, { domain: { chainId: 84532 } }),
    },
    {
      name: "signed for Ethereum",
      expected: SIGNATURE,
      make: (context) => signed(context, {}, { domain: { chainId: 1 } }),
    },
    {
      name: "signed for a token of another name",
      expected: SIGNATURE,
      make: (context) => signed(context, {}, { domain: { name: "USDC" } }),
    },
    {
      name: "signed for another version",
      expected: SIGNATURE,
      make: (context) => signed(context, {}, { domain: { version: "1" } }),
    },
    {
      name: "signed for another token",
      expected: SIGNATURE,
      make: (context) => signed(context, {}, { domain: { verifyingContract: other.address } }),
    },
    {
      name: "signed as ReceiveWithAuthorization",
      expected: SIGNATURE,
      make: (context) => signed(context, {}, { primaryType: "ReceiveWithAuthorization" }),
    },
    {
      name: "one unit more",
      expected: VALUE,
      make: (context) => signed(context, { value: String(context.amount + 1n) }),
    },
    {
      name: "one unit less",
      expected: VALUE,
      make: (context) => signed(context, { value: String(context.amount - 1n) }),
    },
    {
      name: "to somebody else",
      expected: "invalid_exact_evm_recipient_mismatch",
      make: (context) => signed(context, { to: other.address }),
    },
    {
      name: "expired",
      expected: "invalid_exact_evm_payload_authorization_valid_before",
      make: (context) => signed(context, { validBefore: String(now() - 1) }),
    },
    {
      name: "valid for 3 seconds",
      expected: "invalid_exact_evm_payload_authorization_valid_before",
      make: (context) => signed(context, { validBefore: String(now() + 3) }),
    },
    {
      name: "not valid yet",
      expected: "invalid_exact_evm_payload_authorization_valid_after",
      make: (context) => signed(context, { validAfter: String(now() + 60) }),
    },
    { name: "a nonce of one byte", expected: SIGNATURE, make: withField("nonce", () => "0x01") },
    {
      name: "a nonce that is no hex",
      expected: SIGNATURE,
      make: withField("nonce", () => "hello"),
    },
    { name: "an empty nonce", expected: SIGNATURE, make: withField("nonce", () => "") },
    {
      name: "from the zero address",
      expected: SIGNATURE,
      make: withField("from", () => `0x${"00".repeat(20)}`),
    },
    {
      name: "from an address with a wrong checksum",
      expected: SIGNATURE,
      make: withField("from", MIXED_CASE),
    },
    { name: "from an address in upper case", expected: SIGNATURE, make: withField("from", UPPER) },
    {
      name: "to an address with a wrong checksum",
      expected: SIGNATURE,
      make: withField("to", MIXED_CASE),
    },
    {
      name: "a wallet that is still to be made, by an unknown factory",
      expected: "eip6492_factory_not_allowed",
      make: withSignature(erc6492(other.address)),
    },
    {
      name: "an ERC-6492 wrapper without a factory",
      expected: SIGNATURE,
      make: withSignature(erc6492(`0x${"00".repeat(20)}`)),
    },
    {
      name: "a value in hex",
      expected: SIGNATURE,
      differs: { facilitator: "valid", why: NOT_DECIMAL },
      make: withField("value", (value) => toHex(BigInt(value))),
    },
    {
      name: "a value with blanks",
      expected: SIGNATURE,
      differs: { facilitator: "valid", why: NOT_DECIMAL },
      make: withField("value", (value) => ` ${value} `),
    },
    {
      name: "a value that is a number",
      expected: SIGNATURE,
      differs: { facilitator: "valid", why: NOT_DECIMAL },
      make: withField("value", Number),
    },
    {
      name: "a value with a sign",
      expected: SIGNATURE,
      differs: { facilitator: "valid", why: NOT_DECIMAL },
      make: withField("value", (value) => `+${value}`),
    },
    {
      name: "an empty validAfter",
      expected: SIGNATURE,
      differs: { facilitator: "valid", why: NOT_DECIMAL },
      make: withField("validAfter", () => ""),
    },
    {
      name: "a signature as v, r and s",
      expected: SIGNATURE,
      differs: {
        facilitator: "throws",
        why: 'the specification has 65 bytes of hex; `x402: "gwop-docs"` takes the parts',
      },
      make: withSignature((signature) => ({
        r: signature.slice(0, 66),
        s: `0x${signature.slice(66, 130)}`,
        v: Number.parseInt(signature.slice(130), 16),
      })),
    },
    {
      name: "a Permit2 authorization beside it",
      versions: [1],
      expected: "valid",
      make: changed((payload) => void (payload.permit2Authorization = {})),
    },
    {
      name: "a Permit2 authorization beside it",
      versions: [2],
      expected: "unsupported_payload_type",
      differs: {
        facilitator: "throws",
        why: "the facilitator judges it by Permit2, of which this one is empty; the offer names no other method than EIP-3009",
      },
      make: changed((payload) => void (payload.permit2Authorization = {})),
    },
    {
      name: "no authorization",
      expected: "invalid_payload",
      differs: { facilitator: "throws", why: "the facilitator reads members of what is not there" },
      make: changed((payload) => void delete payload.authorization),
    },
    {
      name: "no signature",
      expected: "invalid_payload",
      differs: { facilitator: "throws", why: "the facilitator reads members of what is not there" },
      make: changed((payload) => void delete payload.signature),
    },
    {
      name: "another scheme",
      versions: [1],
      expected: "invalid_exact_evm_scheme",
      make: (context) => signed(context),
      wrap: (payment) => ({ ...payment, scheme: "upto" }),
    },
    {
      name: "another network",
      versions: [1],
      expected: "invalid_exact_evm_network_mismatch",
      make: (context) => signed(context),
      wrap: (payment) => ({ ...payment, network: "base-sepolia" }),
    },
    {
      name: "another scheme",
      versions: [2],
      expected: NO_OFFER,
      differs: { facilitator: "invalid_exact_evm_scheme", why: BY_THE_SERVER },
      make: (context) => signed(context),
      wrap: (payment) => void (payment.accepted.scheme = "upto") ?? payment,
    },
    {
      name: "another network",
      versions: [2],
      expected: NO_OFFER,
      differs: { facilitator: "invalid_exact_evm_network_mismatch", why: BY_THE_SERVER },
      make: (context) => signed(context),
      wrap: (payment) => void (payment.accepted.network = "eip155:84532") ?? payment,
    },
    {
      name: "another amount in `accepted`",
      versions: [2],
      expected: NO_OFFER,
      differs: { facilitator: "valid", why: BY_THE_SERVER },
      make: (context) => signed(context),
      wrap: (payment) => void (payment.accepted.amount = "1") ?? payment,
    },
    {
      name: "no `accepted`",
      versions: [2],
      expected: NO_OFFER,
      differs: { facilitator: "throws", why: BY_THE_SERVER },
      make: (context) => signed(context),
      wrap: (payment) => void delete payment.accepted ?? payment,
    },
  ];
  return { payloads, facilitators };
}
