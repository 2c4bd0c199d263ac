import { agentCore } from "./core.js";
import { invalidOption } from "./error.js";

/** EIP-712 typed data, as viem's accounts sign it. */
export interface AgentTypedData {
  domain: { name: string; version: string; chainId: number; verifyingContract: `0x${string}` };
  types: { TransferWithAuthorization: { name: string; type: string }[] };
  primaryType: "TransferWithAuthorization";
  message: Record<string, unknown>;
}

/**
 * A wallet on Base: a local account of viem, an account of CDP, or any object with these two
 * members.
 */
export interface EvmSigner {
  /** The wallet, `0x…`. */
  address: string;
  /**
   * Signs typed data. Returns `0x` and 65 bytes, or the longer signature of a contract wallet
   * (ERC-1271, ERC-6492).
   */
  // A method may take `any`, so that viem's generic method is assignable.
  signTypedData(data: any): Promise<string>;
}

/** Signatures by wallet, as signers of `@solana/kit` return them. */
export type SolanaSignatures = readonly Readonly<Record<string, Uint8Array>>[];

/**
 * A wallet on Solana: a signer of `@solana/kit` (`signTransactions` or `signMessages`), or any
 * object that signs bytes with ed25519 (`signMessage`).
 */
export interface SolanaSigner {
  /** The wallet, base58. */
  address: string;
  /** Signs transactions partially, as a `TransactionPartialSigner`. */
  signTransactions?(transactions: any): Promise<SolanaSignatures>;
  /** Signs bytes, as a `MessagePartialSigner`. */
  signMessages?(messages: any): Promise<SolanaSignatures>;
  /** Signs bytes, and returns 64 bytes. */
  signMessage?(message: Uint8Array): Promise<Uint8Array>;
}

/** A key in this package, made by {@link evmKey}, {@link solanaKey} or {@link solanaKeyPair}. */
export interface KeySigner {
  /** The wallet. */
  readonly address: string;
  /** @internal */
  readonly [SIGN]: (signing: Signing) => Promise<string>;
  /** @internal */
  readonly family: "evm" | "solana";
}

/** Any signer. */
export type Signer = KeySigner | EvmSigner | SolanaSigner;

/** The data to sign. @internal */
export interface Signing {
  wallet: string;
  chain: string;
  digest?: string | null;
  typedData?: string | null;
  message?: string | null;
}

const SIGN = Symbol("sign");

/** Formats bytes as two hexadecimal digits each, without `0x`. @internal */
export const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const fromBase64 = (text: string) =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

/** Creates a signer around a closure. Printing it shows only the address. */
function keySigner(
  family: "evm" | "solana",
  address: string,
  sign: (signing: Signing) => Promise<string>,
): KeySigner {
  const signer = { address, family };
  Object.defineProperty(signer, SIGN, { value: sign });
  return Object.freeze(signer) as KeySigner;
}

/**
 * Creates a signer from a private key for Base: 32 bytes as hexadecimal digits, with or without
 * `0x`.
 *
 * The key stays in WebAssembly, which does not promise constant time. Keep little money in such a
 * wallet, or use an external signer (a viem account, CDP, a KMS).
 *
 * @throws AgentError `INVALID_OPTION` if it is not a key of secp256k1. The message does not repeat
 * it.
 */
export function evmKey(privateKey: string | undefined): KeySigner {
  const key = typeof privateKey === "string" ? agentCore().EvmKey.parse(privateKey) : undefined;
  if (!key)
    throw invalidOption("evmKey: expected a private key of secp256k1, 64 hexadecimal digits");
  return keySigner("evm", key.address(), async ({ digest }) => key.sign(digest ?? "") ?? "");
}

/** The bytes before a seed in PKCS#8, version 1, which every runtime reads. */
const PKCS8 = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/**
 * Creates a signer from a private key for Solana: the 32 bytes of a seed, the 64 bytes of a key
 * pair as Solana's tools write it (also a plain array, as in their JSON files), or either as
 * base58.
 *
 * It signs with the runtime's Web Crypto if that supports Ed25519, and otherwise in WebAssembly.
 *
 * @throws AgentError `INVALID_OPTION` if it is not a key. The message does not repeat it.
 */
export function solanaKey(secret: Uint8Array | readonly number[] | string | undefined): KeySigner {
  const core = agentCore();
  const bytes =
    typeof secret === "string" ? core.fromBase58(secret.trim()) : secret && Uint8Array.from(secret);
  const key = bytes && core.SolanaKey.fromBytes(bytes);
  if (!bytes || !key) {
    throw invalidOption("solanaKey: expected a key of ed25519: 32 or 64 bytes, or base58 of them");
  }
  let imported: Promise<CryptoKey | undefined> | undefined;
  return keySigner("solana", key.address(), async ({ message }) => {
    imported ??= crypto.subtle
      .importKey("pkcs8", Uint8Array.from([...PKCS8, ...bytes.subarray(0, 32)]), "Ed25519", false, [
        "sign",
      ])
      .catch(() => undefined);
    const content = fromBase64(message ?? "");
    const native = await imported;
    return hex(
      native
        ? new Uint8Array(await crypto.subtle.sign("Ed25519", native, content))
        : key.sign(content),
    );
  });
}

/**
 * Creates a signer from a key pair of Web Crypto for Solana (`Ed25519`). The private key can be
 * non-extractable.
 */
export async function solanaKeyPair(pair: {
  privateKey: object;
  publicKey: object;
}): Promise<KeySigner> {
  const { privateKey, publicKey } = pair as { privateKey: CryptoKey; publicKey: CryptoKey };
  const address = agentCore().toBase58(
    new Uint8Array(await crypto.subtle.exportKey("raw", publicKey)),
  );
  return keySigner("solana", address, async ({ message }) =>
    hex(new Uint8Array(await crypto.subtle.sign("Ed25519", privateKey, fromBase64(message ?? "")))),
  );
}

/** Returns the networks that a signer supports; `undefined` if it is not a signer. @internal */
export function familyOf(signer: Signer): "evm" | "solana" | undefined {
  if (typeof signer !== "object" || signer === null || typeof signer.address !== "string")
    return undefined;
  if (SIGN in signer) return signer.family;
  if ("signTypedData" in signer && typeof signer.signTypedData === "function") return "evm";
  const { signTransactions, signMessages, signMessage } = signer as SolanaSigner;
  return [signTransactions, signMessages, signMessage].some(
    (method) => typeof method === "function",
  )
    ? "solana"
    : undefined;
}

/** Returns the signature as hexadecimal digits. @internal */
export async function signWith(signer: Signer, signing: Signing): Promise<string> {
  if (SIGN in signer) return signer[SIGN](signing);
  if (signing.typedData) {
    const data = JSON.parse(signing.typedData) as AgentTypedData;
    for (const name of ["value", "validAfter", "validBefore"])
      data.message[name] = BigInt(data.message[name] as string);
    return (signer as EvmSigner).signTypedData(data);
  }
  const messageBytes = fromBase64(signing.message ?? "");
  const { address, signTransactions, signMessages, signMessage } = signer as SolanaSigner;
  if (signTransactions) {
    // Account 0 is the fee payer, which signs last.
    const feePayer = agentCore().toBase58(messageBytes.subarray(5, 37));
    const signatures = { [feePayer]: null, [address]: null };
    const [signed] = await (signer as Required<SolanaSigner>).signTransactions([
      { messageBytes, signatures },
    ]);
    return hex(signed?.[address] ?? new Uint8Array());
  }
  if (signMessages) {
    const messages = [{ content: messageBytes, signatures: {} }];
    const [signed] = await (signer as Required<SolanaSigner>).signMessages(messages);
    return hex(signed?.[address] ?? new Uint8Array());
  }
  return signMessage ? hex(await (signer as Required<SolanaSigner>).signMessage(messageBytes)) : "";
}
