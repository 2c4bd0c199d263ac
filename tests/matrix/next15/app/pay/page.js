"use client";
import { formatUsdc } from "@gwop/sdk";

export default function Pay() {
  return <p>to pay: {formatUsdc(5_000_000)}</p>;
}
