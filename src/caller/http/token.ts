import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/**
 * Whether a request bears the token. People who fill in Realtime's one `authorization` field write it in four ways,
 * and all are the same token: `Bearer T`, `Bearer Bearer T`, bare `T`, and `X-API-Key: T`.
 *
 * All of them are compared as bytes of one length, in constant time: neither the length nor a common beginning of the
 * token can be measured.
 *
 * @param earlier  those that are accepted beside it, while callers change to the new one
 */
export function createTokenCheck(
  token: string,
  earlier: readonly string[] = [],
): (headers: IncomingHttpHeaders) => boolean {
  const expected = pad(token);
  const alsoExpected = earlier.map((one) => pad(one));
  const matches = (candidate: string) => {
    // Whoever has none has not this one either.
    if (candidate === '') return false;
    const given = pad(candidate, scratch);
    return timingSafeEqual(given, expected) || alsoExpected.some((other) => timingSafeEqual(given, other));
  };
  return (headers) => {
    const { authorization } = headers;
    if (authorization !== undefined && matches(authorization.replace(BEARER, ''))) return true;
    const apiKey = headers['x-api-key'];
    return typeof apiKey === 'string' && matches(apiKey);
  };
}

/** Each of them takes its time, for each request. */
const COMPARED_BYTES = 192;

/** Used for each request in turn: nothing of one is left for the next. */
const scratch = Buffer.alloc(COMPARED_BYTES);

/** A token in bytes of one length, with its own length among them; a longer one as its hash. */
function pad(token: string, padded = Buffer.alloc(COMPARED_BYTES)): Buffer {
  // Of a character there are three bytes at most.
  const text = token.length < COMPARED_BYTES / 3 ? token : hash('sha256', token, 'hex');
  const bytes = padded.write(text, 'utf8');
  padded.fill(0, bytes);
  padded[COMPARED_BYTES - 1] = text === token ? bytes : COMPARED_BYTES - 1;
  return padded;
}

const BEARER = /^(?:bearer +){1,2}/i;
