import type { FetchLike } from '@modelcontextprotocol/client';
import { type Pool, type RequestInit as UndiciRequestInit, fetch as undiciFetch } from 'undici';
import type { Limits } from '../config/config.ts';
import { boundBody, boundEvents } from './bounded-body.ts';

/** From the opening of a stream that was closed soon to that of the next one, the second before which is the SDK's. */
const SHORT_STREAM_MS = 11_000;
const MAX_SHORT_STREAMS = 3;

/**
 * The SDK's `fetch`: over this downstream's own connections, to its own origin only, and with an end to what it reads.
 *
 * @param onAnswered  told where a POST found its endpoint (the SDK follows redirects within the origin)
 * @param onMissed    the stream of notices was away, and is asked for again: something may have changed meanwhile
 */
export function createControlFetch(
  pool: Pool,
  origin: string,
  limits: Pick<Limits, 'maxResultBytes' | 'maxEventBytes'>,
  onAnswered: (url: URL) => void,
  onMissed: () => void,
): FetchLike {
  let streamOpenedAt: number | undefined;
  let shortStreams = 0;

  /** What the SDK does on its own is open the stream again after each end of it, once a second and for ever. */
  function mayOpenStream(): boolean {
    if (streamOpenedAt === undefined) return true;
    shortStreams = performance.now() - streamOpenedAt < SHORT_STREAM_MS ? shortStreams + 1 : 0;
    onMissed();
    return shortStreams < MAX_SHORT_STREAMS;
  }

  return async (input, init) => {
    const url = new URL(input);
    if (url.origin !== origin) throw new Error('refused to leave the configured origin');
    const isGet = init?.method === 'GET';
    // In the words of a server that has no such stream: the SDK asks no more, and lists are read when their time is over.
    if (isGet && !mayOpenStream()) return new Response(null, { status: 405 });
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
    if (isStream && isGet) streamOpenedAt = performance.now();
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
