// The agent's types, as an editor shows them.
import {
  Agent,
  AgentError,
  type Attempt,
  createPayingFetch,
  evmKey,
  type Journal,
  judgeReservation,
  memoryJournal,
  type Receipt,
  solanaKey,
} from "@gwop/sdk/agent";

const agent = new Agent({
  signers: [evmKey("0x01"), solanaKey(new Uint8Array(32))],
  limits: { perPayment: 5, perPeriod: { amount: 5, seconds: 60 }, perRecipient: 5 },
  journal: memoryJournal(),
  approve: ({ amountUsdc, payTo }) => amountUsdc < 5 && payTo !== "",
});
const receipt: Receipt = await agent.payInvoice("inv_1", { chain: "base" });
const paidAt: Date | undefined = receipt.paidAt;
const answer: Response = await createPayingFetch(agent)("https://shop.example/", {
  method: "POST",
});
for (const { state, error } of await agent.resume()) {
  if (state === "sent" && error instanceof AgentError)
    console.log(error.code, error.retryAt, paidAt);
}

const own: Journal = {
  last: async () => null,
  reserve: async (attempt: Attempt, limits) => judgeReservation(attempt, limits, []),
  update: async (_id, from, to, record) => from !== to && record?.header !== "",
  open: async () => [],
};
new Agent({ signers: [{ address: "0x01", signTypedData: async () => "0x" }], journal: own });
new Agent({ signers: [{ address: "1", signMessage: async (message) => message }], journal: own });

// @ts-expect-error no such chain
await agent.payInvoice("inv_1", { chain: "ethereum" });
// @ts-expect-error no such limit
new Agent({ signers: [], limits: { perWeek: 1 } });
// @ts-expect-error signers are needed
new Agent({ journal: own });

export { answer };
