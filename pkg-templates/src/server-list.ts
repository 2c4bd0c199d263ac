/** The hosts of invoices that `serverIdx` chooses from. */
export const ServerList = ["https://agents.gwop.io"] as const;
