/** The hosts of invoices, which `serverIdx` selects. */
export const ServerList = ["https://agents.gwop.io"] as const;
