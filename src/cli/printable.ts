import { escapeHiddenLine, withoutSequences } from '../visible.ts';

/**
 * Text of a downstream as one line of a terminal: without colours and what else moves the cursor, what is hidden as
 * escapes. Secrets are taken out of it after this: what stood in the middle of one may be gone now.
 */
export const printable = (text: string) => escapeHiddenLine(withoutSequences(text));
