import { usdc } from "@gwop/sdk";

/** The store's products. */
export interface Product {
  description: string;
  /** The price in atomic USDC, before Gwop's fee. */
  price: number;
  /** The number of paid calls. They do not expire. */
  credits: number;
  /** The days on which {@link PLAN_CALLS_PER_DAY} calls are free. */
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

/** The plan's daily limit. A day is a UTC day. */
export const PLAN_CALLS_PER_DAY = 2;
