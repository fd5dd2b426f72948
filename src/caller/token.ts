import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/**
 * Whether a request bears the token. People who fill in Realtime's one `authorization` field write it in four ways,
 * and all are the same token: `Bearer T`, `Bearer Bearer T`, bare `T`, and `X-API-Key: T`.
 *
 * Hashes are compared, in constant time: neither the length nor a common beginning of the token can be measured.
 *
 * @param earlier  one that is accepted beside it, while callers change to the new one
 */
export function createTokenCheck(token: string, earlier?: string): (headers: IncomingHttpHeaders) => boolean {
  const expected = [token, ...(earlier === undefined ? [] : [earlier])].map(digest);
  const matches = (candidate: string) => {
    const digested = digest(candidate);
    return expected.some((each) => timingSafeEqual(digested, each));
  };
  return (headers) => {
    const { authorization } = headers;
    if (authorization !== undefined && matches(authorization.replace(BEARER, ''))) return true;
    const apiKey = headers['x-api-key'];
    return typeof apiKey === 'string' && matches(apiKey);
  };
}

const digest = (value: string) => hash('sha256', value, 'buffer');

const BEARER = /^(?:bearer +){1,2}/i;
