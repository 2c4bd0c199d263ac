/** The command was used in a wrong way. The message is for the person who typed it. */
export class UsageError extends Error {}
