/** The groups of candidates, in the order of the table. `groups.js` creates them. */
export const GROUPS = [
  "webhook 620 B",
  "webhook 8 KB",
  "webhook 64 KB",
  "webhook 1 MB",
  "verifyToken",
  "invoices.get",
];

/**
 * The peers, which do the same work. A candidate's time is divided by its peer's and the floor's.
 */
export const PEERS = {
  validateWebhookSync: "standardwebhooks",
  "checkout constructEvent": "standardwebhooks",
  verifyToken: "jose jwtVerify",
  "verifyToken, seen before": "jose jwtVerify",
};

/**
 * Groups that are also measured with many calls at once. The group of 1 MB is left out, because one
 * wave would take half a second.
 */
export const CONCURRENT = {
  "webhook 620 B": 32,
  "webhook 8 KB": 32,
  "webhook 64 KB": 32,
  verifyToken: 32,
  "invoices.get": 32,
};
