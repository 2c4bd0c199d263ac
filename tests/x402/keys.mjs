// Published development keys, which hold no funds: Hardhat's account #0, and the seed of 32 times 01.
import { createKeyPairSignerFromPrivateKeyBytes } from "@solana/kit";
import { privateKeyToAccount } from "viem/accounts";

export const BASE_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
export const SOLANA_SEED = new Uint8Array(32).fill(1);

export const account = privateKeyToAccount(BASE_KEY);
export const solanaSigner = () => createKeyPairSignerFromPrivateKeyBytes(SOLANA_SEED, true);
