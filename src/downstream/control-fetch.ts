import type { FetchLike } from '@modelcontextprotocol/client';
import { type Pool, type RequestInit as UndiciRequestInit, fetch as undiciFetch } from 'undici';
import type { Limits } from '../config/config.ts';
import { boundBody, boundEvents } from './bounded-body.ts';

/**
 * The SDK's `fetch`: over this downstream's own connections, to its own origin only, and with an end to what it reads.
 *
 * @param onAnswered  told where a POST found its endpoint (the SDK follows redirects within the origin)
 */
export function createControlFetch(
  pool: Pool,
  origin: string,
  limits: Pick<Limits, 'maxResultBytes' | 'maxEventBytes'>,
  onAnswered: (url: URL) => void,
): FetchLike {
  return async (input, init) => {
    const url = new URL(input);
    if (url.origin !== origin) throw new Error('refused to leave the configured origin');
    const headers = new Headers(init?.headers);
    headers.set('accept-encoding', 'identity');
    const response = await undiciFetch(url, {
      ...(init as unknown as UndiciRequestInit),
      headers: [...headers],
      dispatcher: pool,
    });
    if (init?.method === 'POST' && response.ok) onAnswered(url);
    if (response.body === null) return response as unknown as Response;
    const body = response.body as unknown as ReadableStream<Uint8Array>;
    // Streams of notices, a GET or an answered `subscriptions/listen`, go on as long as the connection.
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
    const bounded = isStream
      ? boundEvents(body, limits.maxEventBytes)
      : boundBody(body, limits.maxResultBytes);
    return new Response(bounded, {
      status: response.status,
      statusText: response.statusText,
      headers: [...response.headers],
    });
  };
}
