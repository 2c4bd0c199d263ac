// The chains, as far as facilitators use them for a check. No network, but the rules of the
// contract and of the programs.
import {
  decompileTransactionMessage,
  getBase64Encoder,
  getCompiledTransactionMessageDecoder,
  getTransactionDecoder,
} from "@solana/kit";
import { decodeFunctionData, encodeFunctionResult, getAddress, hexToBytes, parseAbi } from "viem";

export const USDC = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
export const SECP256K1_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const tokenAbi = parseAbi([
  "function balanceOf(address) view returns (uint256)",
  "function name() view returns (string)",
  "function version() view returns (string)",
  "function authorizationState(address, bytes32) view returns (bool)",
]);

/**
 * Base with USDC (FiatTokenV2_2), as `FacilitatorEvmSigner`. Every wallet has money and no code.
 */
export function baseChain() {
  const used = new Set();
  const key = (wallet, nonce) => `${getAddress(wallet)}:${nonce.toLowerCase()}`;
  const answers = {
    balanceOf: () => 10n ** 18n,
    name: () => "USD Coin",
    version: () => "2",
    authorizationState: ([wallet, nonce]) => used.has(key(wallet, nonce)),
  };
  return {
    /** Records that an authorization was settled. */
    settle: ({ from, nonce }) => void used.add(key(from, nonce)),
    getAddresses: () => ["0x00000000000000000000000000000000000000fa"],
    getCode: async ({ address }) => (getAddress(address) === USDC ? "0x60" : "0x"),
    async readContract({ functionName, args }) {
      if (functionName === "tryAggregate") {
        return args[1].map(({ callData }) => {
          const call = decodeFunctionData({ abi: tokenAbi, data: callData });
          const result = answers[call.functionName](call.args ?? []);
          return {
            success: true,
            returnData: encodeFunctionResult({
              abi: tokenAbi,
              functionName: call.functionName,
              result,
            }),
          };
        });
      }
      if (functionName !== "transferWithAuthorization")
        throw new Error(`the stub knows no ${functionName}`);
      const [from, , , , , nonce, v, , s] = args;
      if (used.has(key(from, nonce)))
        throw new Error("FiatTokenV2: authorization is used or canceled");
      // ECRecover.sol of Circle's stablecoin-evm.
      if (BigInt(s) > SECP256K1_ORDER / 2n)
        throw new Error("ECRecover: invalid signature 's' value");
      if (Number(v) !== 27 && Number(v) !== 28)
        throw new Error("ECRecover: invalid signature 'v' value");
      return undefined;
    },
  };
}

export const TOKEN_PROGRAM = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA";

/**
 * Solana with USDC, as `FacilitatorSvmSigner`. `accounts` has the existing token accounts with
 * their owners.
 */
export function solanaChain(feePayer, accounts) {
  return {
    getAddresses: () => [feePayer],
    async simulateTransaction(transaction) {
      const { messageBytes } = getTransactionDecoder().decode(
        getBase64Encoder().encode(transaction),
      );
      const compiled = getCompiledTransactionMessageDecoder().decode(messageBytes);
      const { instructions } = decompileTransactionMessage(compiled);
      const signers = compiled.staticAccounts.slice(0, compiled.header.numSignerAccounts);
      for (const { programAddress, accounts: used, data } of instructions) {
        if (!programAddress.startsWith("Token") || data[0] !== 12) continue;
        // The mint belongs to the older token program, and has 6 decimals.
        if (programAddress !== TOKEN_PROGRAM) throw new Error("IncorrectProgramId");
        if (data[9] !== 6) throw new Error("MintDecimalsMismatch");
        const [source, , , authority] = used.map(({ address }) => address);
        if (accounts.get(source) !== authority) throw new Error("OwnerMismatch");
        if (!signers.includes(authority)) throw new Error("MissingRequiredSignature");
      }
    },
  };
}

/** Returns a signature with the other `s`, and the matching `v`. */
export function highS(signature) {
  const bytes = hexToBytes(signature);
  const s = BigInt(`0x${Buffer.from(bytes.slice(32, 64)).toString("hex")}`);
  const high = (SECP256K1_ORDER - s).toString(16).padStart(64, "0");
  return `${signature.slice(0, 66)}${high}${bytes[64] === 27 ? "1c" : "1b"}`;
}
