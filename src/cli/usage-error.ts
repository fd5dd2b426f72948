/** The person who runs the command has to change something; the text says what. No stack is shown. */
export class UsageError extends Error {}
