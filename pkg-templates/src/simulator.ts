/**
 * `@gwop/sdk/simulator`: the local Gwop, for your tests and for development.
 *
 * In process, see {@link Simulator}; over HTTP, `npx -p @gwop/sdk gwop-simulator`, or {@link serve}.
 */
export { Simulator } from "./simulator/simulator.js";
export { SimulatorError, type SimulatorErrorCode } from "./simulator/error.js";
export type { SimulatorClock } from "./simulator/clock.js";
export type { SimulatorJournal } from "./simulator/journal.js";
export { serve, type ServeOptions } from "./simulator/serve.js";
export type {
  Fault,
  Faults,
  MintTokenOptions,
  MintedToken,
  PayOptions,
  RedeliverOptions,
  RequestFault,
  SignPaymentOptions,
  SignedPayment,
  SimulatorChain,
  SimulatorDelivery,
  SimulatorMerchant,
  SimulatorNewAuthIntent,
  SimulatorNewInvoice,
  SimulatorOperation,
  SimulatorOptions,
  SimulatorPayment,
  SimulatorRequest,
  SimulatorSeed,
  SimulatorVariant,
  SimulatorX402,
  WebhookHandler,
} from "./simulator/types.js";
