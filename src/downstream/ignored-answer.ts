/** Of an answer that says nothing beyond its status: it is read to its end, which frees its connection. */
export const MAX_IGNORED_BYTES = 64 * 1024;

/** One that is left open and silent for longer is cut off: its connection is wanted elsewhere. */
export const IGNORED_TIMEOUT_MS = 1500;
