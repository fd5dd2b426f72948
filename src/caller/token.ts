import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/**
 * Whether a request bears the token. People who fill in Realtime's one `authorization` field write it in four ways,
 * and all are the same token: `Bearer T`, `Bearer Bearer T`, bare `T`, and `X-API-Key: T`.
 *
 * Hashes are compared, in constant time: neither the length nor a common beginning of the token can be measured.
 */
export function createTokenCheck(token: string): (headers: IncomingHttpHeaders) => boolean {
  const expected = digest(token);
  const matches = (candidate: string) => timingSafeEqual(digest(candidate), expected);
  return (headers) => {
    const { authorization } = headers;
    if (authorization !== undefined && matches(authorization.replace(BEARER, ''))) return true;
    const apiKey = headers['x-api-key'];
    return typeof apiKey === 'string' && matches(apiKey);
  };
}

const digest = (value: string) => hash('sha256', value, 'buffer');

const BEARER = /^(?:bearer +){1,2}/i;
