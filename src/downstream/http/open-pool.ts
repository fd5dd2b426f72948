import { Pool } from 'undici';
import { connectHeld } from './held-connection.ts';
import { lookUp } from './look-up.ts';

/** Shorter than the calls of any profile wait, which would otherwise never hear that nobody is there. */
const TCP_CONNECT_TIMEOUT_MS = 3000;
/**
 * How long one of several addresses is tried: a packet that was lost is sent again after a second. Node's own time is a
 * quarter of one, which over a slow line none keeps, and each is tried once.
 */
const ADDRESS_TIMEOUT_MS = 1250;
/** Beside those of requests: streams of changes, lists, and what is said without being asked. */
const FURTHER_CONNECTIONS = 16;

/** What a server asks is answered with a POST each, which it may not take. */
const MAX_QUEUED = 100;

/** It is sent more than it takes: what it says beside answers is not read meanwhile. */
export const isBehind = (pool: Pool): boolean => !pool.destroyed && pool.stats.queued > MAX_QUEUED;

/** The connections to one server, as many as its requests may need. */
export function openPool(
  origin: string,
  maxInFlight: number,
  timeoutMs = TCP_CONNECT_TIMEOUT_MS,
  lookup = lookUp,
): Pool {
  return new Pool(origin, {
    connections: maxInFlight + FURTHER_CONNECTIONS,
    pipelining: 1,
    connect: connectHeld({
      timeout: Math.min(TCP_CONNECT_TIMEOUT_MS, timeoutMs),
      autoSelectFamilyAttemptTimeout: ADDRESS_TIMEOUT_MS,
      lookup,
    }),
    // Deadlines are the relay's: a stream may be silent for hours, a call has a limit of its own.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}
