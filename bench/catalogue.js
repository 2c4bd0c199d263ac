/** The groups of candidates, in the order of the table. `groups.js` makes them. */
export const GROUPS = [
  "webhook 620 B",
  "webhook 8 KB",
  "webhook 64 KB",
  "webhook 1 MB",
  "verifyToken",
  "invoices.get",
];

/** Whose time each candidate's is divided by, beside the floor's: who does the same work. */
export const PEERS = {
  validateWebhookSync: "standardwebhooks",
  "checkout constructEvent": "standardwebhooks",
  verifyToken: "jose jwtVerify",
  "verifyToken, seen before": "jose jwtVerify",
};

/** Groups that are also measured with so many calls at once: all but that of 1 MB, where one wave would be half a second. */
export const CONCURRENT = {
  "webhook 620 B": 32,
  "webhook 8 KB": 32,
  "webhook 64 KB": 32,
  verifyToken: 32,
  "invoices.get": 32,
};
