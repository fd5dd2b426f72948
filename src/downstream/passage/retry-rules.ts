import type { FailureReason } from '../../errors.ts';

/**
 * Whether a request may be sent twice: one that only reads, a call that its operator says may be repeated, and any other
 * call, which may be sent again only where the first cannot have led to work.
 */
export type Repeatability = 'reads' | 'marked' | 'once';

/** What is done about a failure. */
export type Step =
  /** Over the next connection, once: this one is gone, or its session. */
  | 'renew'
  /** With the headers that the tool wants now, once. */
  | 'refresh'
  /** After a pause, on what connection there is then. */
  | 'retry'
  /** The same when the downstream wants it, if that is within the deadline. */
  | 'wait'
  /** The same if that is soon, once. */
  | 'wait_briefly'
  | 'fail';

const all = (step: Step) => ({ reads: step, marked: step, once: step });
const repeatable = { reads: 'retry', marked: 'retry', once: 'fail' } as const;

/** What failed, and what may be sent twice: the whole of what is ever sent again. */
export const RETRY_RULES: Readonly<Record<FailureReason, Readonly<Record<Repeatability, Step>>>> = {
  // Not a byte was sent.
  unavailable: all('renew'),
  // Spec 2025-11-25, session management: what is answered with 404 for its session was not begun.
  session_lost: all('renew'),
  headers_refused: all('refresh'),
  // It says itself that it did nothing.
  rate_limited: { reads: 'wait', marked: 'wait', once: 'wait_briefly' },
  // From here on it may have run.
  server_error: repeatable,
  outcome_unknown: repeatable,
  // There is no time left.
  deadline: all('fail'),
  // It answered, and would again.
  too_large: all('fail'),
  bad_answer: all('fail'),
  refused: all('fail'),
  // A person said no.
  declined: all('fail'),
  // It was us who did not send it.
  busy: all('fail'),
  circuit_open: all('fail'),
};

/** Beside the first, of one request. */
const MAX_RETRIES = 2;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;
const LONGEST_WAIT_MS = 30_000;
const BRIEF_WAIT_MS = 5000;

/**
 * How long to wait before it is sent again, in milliseconds; undefined where it is not.
 *
 * @param retries       how often it was sent again already
 * @param retryAfterMs  when the downstream wants it
 * @param random        in [0, 1): callers that fail together do not come back together
 */
export function pauseBefore(
  step: Step,
  retries: number,
  retryAfterMs: number | undefined,
  random = Math.random(),
): number | undefined {
  if (retries >= MAX_RETRIES) return undefined;
  const pauseMs = random * Math.min(FIRST_PAUSE_MS * 2 ** (retries + 1), LONGEST_PAUSE_MS);
  if (step === 'retry') return pauseMs;
  if (step === 'wait') return atMost(LONGEST_WAIT_MS, retryAfterMs ?? pauseMs);
  if (step === 'wait_briefly' && retries === 0 && retryAfterMs !== undefined)
    return atMost(BRIEF_WAIT_MS, retryAfterMs);
  return undefined;
}

const atMost = (longestMs: number, ms: number) => (ms <= longestMs ? ms : undefined);
