/**
 * `@gwop/sdk/agent`: pays invoices and x402 servers and logs in, within limits, and never pays the
 * same thing twice.
 * `docs/agent.md` is its page.
 */
export { Agent } from "./agent/agent.js";
export { AgentError, type AgentErrorCode, type AgentPhase } from "./agent/error.js";
export { createPayingFetch, type PayingFetchOptions } from "./agent/fetch.js";
export {
  type Attempt,
  type AttemptState,
  type Journal,
  type JournalLimits,
  judgeReservation,
  memoryJournal,
  reservationHorizon,
  type ReservationRefusal,
} from "./agent/journal.js";
export {
  type DurableObjectJournalStorage,
  type DurableObjectJournalTransaction,
  durableObjectJournal,
} from "./agent/object-journal.js";
export {
  type AgentTypedData,
  type EvmSigner,
  evmKey,
  type KeySigner,
  type Signer,
  type SolanaSignatures,
  type SolanaSigner,
  solanaKey,
  solanaKeyPair,
} from "./agent/signers.js";
export {
  AGENT_TABLE,
  type D1JournalDatabase,
  d1Journal,
  type PostgresJournalQuery,
  postgresJournal,
  type SqliteJournalDatabase,
  sqliteJournal,
} from "./agent/sql-journals.js";
export type {
  AgentChain,
  AgentOptions,
  AuthIntentLike,
  Limits,
  Login,
  PaymentOptions,
  PaymentSummary,
  Quota,
  Receipt,
  ResumedAttempt,
} from "./agent/types.js";
