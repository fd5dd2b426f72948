import { createHash } from 'node:crypto';

/** What every caller accepts: OpenAI, Anthropic and Claude's connectors refuse a whole list for one name beyond it. */
const VALID_NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const MAX_CHARS = 64;

/**
 * The names a tool may get, best first. Prefix and original name stand as they are where they fit; otherwise odd
 * characters become `_`, and a hash of (downstream, original name) keeps apart what that made equal. The same input
 * gives the same names for ever.
 */
export function exposedNames(downstream: string, prefix: string, originalName: string): readonly string[] {
  const plain = prefix + originalName;
  const readable = plain.replace(/[^a-zA-Z0-9_-]/g, '_');
  const digest = createHash('sha256').update(`${downstream}\0${originalName}`).digest('hex');
  const hashed = [8, 16].map(
    (length) => `${readable.slice(0, MAX_CHARS - length - 1)}_${digest.slice(0, length)}`,
  );
  return VALID_NAME.test(plain) ? [plain, ...hashed] : hashed;
}
