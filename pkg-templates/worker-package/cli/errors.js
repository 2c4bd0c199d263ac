/** The command was used in a way that it cannot follow; its message is for whoever typed it. */
export class UsageError extends Error {}
