import { pipeline, type Readable } from 'node:stream';
import type { FetchLike } from '@modelcontextprotocol/client';
import type { Dispatcher, Pool } from 'undici';
import type { Limits } from '../../config/config.ts';
import { LATEST_MODERN_VERSION } from '../../protocol/eras.ts';
import { describeRedirect } from '../causes.ts';
import { ConnectFailed } from '../connection.ts';
import { decoderFor } from '../http/answer-reader.ts';
import { boundBody, boundEvents } from '../http/bounded-body.ts';
import type { Cookies } from '../http/cookies.ts';
import { firstOf } from '../http/http-headers.ts';
import { isBehind } from '../http/open-pool.ts';

/** From the opening of a stream that was closed soon to that of the next one, before which there is a second. */
const SHORT_STREAM_MS = 11_000;
const MAX_SHORT_STREAMS = 3;

/**
 * The SDK's `fetch`: over this downstream's own connections, to its own origin only, and with an end to what it reads. It
 * follows no redirect. Not undici's `fetch`, which takes twice as long: with fifty servers, a tenth of a start.
 *
 * @param cookies     those that it sets are taken, and sent
 * @param onAnswered  told where a POST found its endpoint (the SDK follows redirects within the origin)
 * @param onMissed    the stream of notices was away, and is asked for again: something may have changed meanwhile
 */
export function createControlFetch(
  pool: Pool,
  origin: string,
  limits: Pick<Limits, 'maxResultBytes' | 'maxEventBytes' | 'maxNoticesPerSecond'>,
  cookies: Cookies,
  onAnswered: (url: URL) => void,
  onMissed: () => void,
): FetchLike {
  /** Of the last stream, until its length is counted. */
  let streamOpenedAt: number | undefined;
  let shortStreams = 0;
  let wasOpen = false;

  /** What the SDK does on its own is open the stream again after each end of it, once a second and for ever. */
  function mayOpenStream(): boolean {
    if (!wasOpen) return true;
    if (streamOpenedAt !== undefined)
      shortStreams = performance.now() - streamOpenedAt < SHORT_STREAM_MS ? shortStreams + 1 : 0;
    // An attempt that fails is no stream.
    streamOpenedAt = undefined;
    onMissed();
    return shortStreams < MAX_SHORT_STREAMS;
  }

  return async (input, init) => {
    const url = new URL(input);
    if (url.origin !== origin) throw new Error('refused to leave the configured origin');
    const isGet = init?.method === 'GET';
    const headers = new Headers(init?.headers);
    // In the words of a server that has no such stream: the SDK asks no more, and lists are read when their time is over. Spec
    // 2026-07-28 has none, and the SDK would go on for ever with one whose events named places, which is asked for anew instead.
    const hasStreams = headers.get('mcp-protocol-version') !== LATEST_MODERN_VERSION;
    if (isGet && !(hasStreams && mayOpenStream())) return new Response(null, { status: 405 });
    headers.set('accept-encoding', 'identity');
    const cookie = cookies.addTo(headers.get('cookie'));
    if (cookie !== undefined) headers.set('cookie', cookie);
    const answer = await pool.request({
      path: url.pathname + url.search,
      method: (init?.method ?? 'GET') as Dispatcher.HttpMethod,
      headers: Object.fromEntries(headers),
      body: (init?.body as string | undefined) ?? null,
      signal: init?.signal ?? null,
    });
    const status = answer.statusCode;
    cookies.take(answer.headers['set-cookie']);
    const answered = headersOf(answer);
    const redirect = describeRedirect(status, answered.get('location'), url);
    if (redirect !== undefined || status > LAST_STATUS) {
      answer.body.on('error', () => {}).destroy();
      throw redirect === undefined ? odd(status) : new ConnectFailed(redirect);
    }
    if (init?.method === 'POST' && status >= 200 && status < 300) onAnswered(url);
    if (BODILESS.has(status)) {
      answer.body.resume().on('error', () => {});
      return new Response(null, { status, headers: answered });
    }
    const body = decoded(answer.body, firstOf(answer.headers['content-encoding']));
    // Streams of notices, a GET or an answered `subscriptions/listen`, go on as long as the connection.
    const isStream = answered.get('content-type')?.startsWith('text/event-stream') === true;
    if (isStream && isGet) {
      streamOpenedAt = performance.now();
      wasOpen = true;
    }
    const bounded = isStream
      ? boundEvents(
          body,
          { bytes: limits.maxEventBytes, limit: 'maxEventBytes' },
          limits.maxNoticesPerSecond,
          () => isBehind(pool),
        )
      : boundBody(body, { bytes: limits.maxResultBytes, limit: 'maxResultBytes' });
    // Without its text: a response cannot be made with one in another alphabet.
    return new Response(bounded, { status, headers: answered });
  };
}

/** Of those that a response can be made with. Some servers turn others away with 999. */
const LAST_STATUS = 599;
const odd = (status: number) => Object.assign(new ConnectFailed(`HTTP ${status}`), { status });

/** A response of these statuses must be made without a body. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

function headersOf({ headers }: Dispatcher.ResponseData): Headers {
  const all = new Headers();
  for (const [name, value = []] of Object.entries(headers)) {
    for (const each of [value].flat()) all.append(name, each);
  }
  return all;
}

// Servers were seen to compress although `identity` was asked for.
function decoded(body: Readable, encoding = ''): Readable {
  const decoder = decoderFor(encoding);
  return decoder === undefined ? body : pipeline(body, decoder, () => {});
}
