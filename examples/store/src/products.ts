import { usdc } from "@gwop/sdk";

/** What the store sells. */
export interface Product {
  description: string;
  /** In atomic USDC, before Gwop's fee. */
  price: number;
  /** Calls that are paid for, without an end. */
  credits: number;
  /** Days in which {@link PLAN_CALLS_PER_DAY} calls a day are free. */
  planDays: number;
}

export const PRODUCTS: Readonly<Record<string, Product>> = {
  credits: {
    description: "3 credits: one call each",
    price: usdc("0.30"),
    credits: 3,
    planDays: 0,
  },
  monthly: {
    description: "Monthly plan: 2 calls a day for 30 days",
    price: usdc("5.00"),
    credits: 0,
    planDays: 30,
  },
};

/** The plan's limit. A day is one of UTC. */
export const PLAN_CALLS_PER_DAY = 2;
