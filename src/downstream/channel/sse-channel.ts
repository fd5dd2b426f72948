import type { IncomingHttpHeaders } from 'node:http';
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import type { Dispatcher, Pool } from 'undici';
import type { HttpDownstreamConfig } from '../../config/config.ts';
import { cutOff, type DownstreamFailure, failedStatus, notMcp, tooLarge, unavailable } from '../../errors.ts';
import { type Deferred, deferred } from '../../promises.ts';
import { createEventDecoder, type EventDecoder } from '../../protocol/sse.ts';
import { type Cap, capOf } from '../cap.ts';
import { describeCause, describeRedirect, isMalformed, redirectWithin } from '../causes.ts';
import { ConnectFailed, type ConnectionLimits } from '../connection.ts';
import { type Decoder, openDecoder } from '../http/answer-reader.ts';
import { Cookies } from '../http/cookies.ts';
import { firstOf, withUserAgent } from '../http/http-headers.ts';
import { IGNORED_TIMEOUT_MS, IgnoredBody } from '../http/ignored-answer.ts';
import { judgeStatus } from '../http/judge-status.ts';
import { isBehind, openPool } from '../http/open-pool.ts';
import { type Channel, Intake, type Interceptor } from './channel.ts';

/** As many as the SDK's client follows where it posts. */
const MAX_REDIRECTS = 5;

/** It does not open such a stream: it may speak another transport. */
export class NoEventStream extends ConnectFailed {}

/**
 * The transport of 2024-11-05, HTTP+SSE: one stream for all that the downstream says, which names first where messages
 * are to be posted.
 *
 * @see https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse
 */
export class SseChannel implements Channel {
  readonly #config: HttpDownstreamConfig;
  readonly #cap: Cap;
  readonly #intake: Intake;
  readonly #openTimeoutMs: number;
  /** Where its stream is: redirects within its origin are followed. */
  #url: URL;
  readonly #pool: Pool;
  readonly #cookies = new Cookies();
  /** Of each of its requests. */
  #headers: string[];
  readonly #endpoint: Deferred<string> = deferred();
  readonly #decoder: EventDecoder;
  /** Path and query of where messages go; undefined until it is named. */
  #path: string | undefined;

  onclose?: Transport['onclose'];
  onerror?: Transport['onerror'];
  onmessage?: Transport['onmessage'];
  intercept: Interceptor = () => false;
  onUnreadable: Channel['onUnreadable'] = () => {};
  ended: string | undefined;
  failure: DownstreamFailure | undefined;

  constructor(config: HttpDownstreamConfig, limits: ConnectionLimits, openTimeoutMs: number) {
    const cap = capOf(limits, 'maxEventBytes');
    this.#openTimeoutMs = openTimeoutMs;
    this.#config = config;
    this.#cap = cap;
    this.#intake = new Intake(this, limits.maxNoticesPerSecond);
    this.#url = new URL(config.url);
    this.#headers = this.#composeHeaders();
    this.#pool = openPool(this.#url.origin, limits.maxInFlight);
    this.#decoder = createEventDecoder(cap.bytes, {
      onData: (data) => this.#onData(data),
      onTooLarge: () => this.#onTooLarge(),
      onNamed: (event, data) => {
        if (event === 'endpoint') this.#onEndpoint(data);
      },
    });
    // Where nobody waits for it any more, it is no news.
    this.#endpoint.promise.catch(() => {});
  }

  /** @throws NoEventStream, ConnectFailed  it opens no stream, or names no place for messages on it */
  async start(): Promise<void> {
    const timer = setTimeout(
      () => this.#end('it opened an event stream and named no endpoint', NoEventStream),
      this.#openTimeoutMs,
    );
    this.#open(MAX_REDIRECTS);
    try {
      this.#path = await this.#endpoint.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #composeHeaders(): string[] {
    const headers = this.#cookies.addToHeaders(withUserAgent(this.#config.headers));
    return [...headers.flat(), 'accept-encoding', 'identity'];
  }

  #open(redirects: number): void {
    const headers = [...this.#headers, 'accept', 'text/event-stream', 'cache-control', 'no-cache'];
    const path = this.#url.pathname + this.#url.search;
    this.#pool.dispatch({ path, method: 'GET', headers }, this.#listener(redirects));
  }

  #listener(redirects: number): Dispatcher.DispatchHandler {
    let isElsewhere = false;
    let decoder: Decoder | undefined;
    return {
      onRequestStart() {},
      onResponseStart: (controller, status, headers: IncomingHttpHeaders) => {
        if (status < 200) return;
        this.#cookies.take(headers['set-cookie']);
        this.#headers = this.#composeHeaders();
        const isStream = /^text\/event-stream\b/i.test(String(headers['content-type'] ?? ''));
        if (status === 200 && isStream) {
          this.#intake.open({
            pause: () => controller.pause(),
            resume: () => controller.resume(),
            isBehind: () => isBehind(this.#pool),
          });
          decoder = this.#decoding(firstOf(headers['content-encoding']));
          return;
        }
        const redirect = describeRedirect(status, headers.location, this.#url);
        const next = redirects > 0 ? redirectWithin(status, headers.location, this.#url) : undefined;
        if (redirect !== undefined) this.#end(redirect);
        else if (next !== undefined) {
          isElsewhere = true;
          this.#url = next;
          this.#open(redirects - 1);
        } else if (status === 200) this.#end('it opened no event stream', NoEventStream);
        else this.#end(`HTTP ${status}`, NoEventStream, status);
        controller.abort(new Error('not an event stream'));
      },
      onResponseData: (_controller, chunk) => {
        if (decoder === undefined) this.#onBytes(chunk);
        else decoder.feed(chunk);
      },
      onResponseEnd: () => {
        if (decoder !== undefined) decoder.end();
        else if (!isElsewhere) this.#end('it closed the event stream');
      },
      onResponseError: (_controller, error) => void (isElsewhere || this.#end(describeCause(error))),
    };
  }

  // Servers were seen to compress although `identity` was asked for.
  #decoding(encoding = ''): Decoder | undefined {
    const decoder = openDecoder(encoding, this.#cap.bytes, {
      feed: (chunk) => {
        this.#onBytes(chunk);
        if (this.ended !== undefined) decoder?.destroy();
      },
      end: () => this.#end('it closed the event stream'),
      onBroken: () => this.#end('its event stream has a broken content encoding'),
      onTooLarge: () => this.#onTooLarge(),
    });
    return decoder;
  }

  #onBytes(chunk: Buffer): void {
    if (this.ended !== undefined) return;
    try {
      this.#decoder.feed(chunk);
    } catch {
      this.#end('its event stream is not UTF-8');
    }
  }

  #onEndpoint(data: string): void {
    const endpoint = URL.canParse(data, this.#url.href) ? new URL(data, this.#url) : undefined;
    // Our headers would go there.
    if (endpoint?.origin !== this.#url.origin) {
      this.#end('it wants messages sent to another address than that of its url');
    } else this.#endpoint.resolve(endpoint.pathname + endpoint.search);
  }

  #onData(data: string): void {
    if (this.ended === undefined) this.#intake.take(data);
  }

  /** Whose answer it was, nobody can tell, and nothing more can be read. */
  #onTooLarge(): void {
    this.failure = tooLarge(this.#config.key, this.#cap.bytes, this.#cap.limit);
    this.#end('it sent an event that is too large');
  }

  send(message: JSONRPCMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = this.#post(JSON.stringify(message), resolve, reject);
      if (giveUp === undefined) reject(new Error(`The event stream is closed (${this.ended})`));
    });
  }

  write(json: string, onRefused?: (failure: DownstreamFailure) => void): (() => void) | undefined {
    return this.#post(json, () => {}, onRefused);
  }

  #post(
    body: string,
    onAccepted: () => void,
    onRefused?: (failure: DownstreamFailure) => void,
  ): (() => void) | undefined {
    if (this.ended !== undefined || this.#path === undefined) return undefined;
    const headers = [...this.#headers, 'content-type', 'application/json'];
    const handler = new Posted(this.#config.key, onAccepted, onRefused);
    // Where nobody is told whether it has arrived, nothing is waited for either once it is sent.
    const headersTimeout = onRefused === undefined ? IGNORED_TIMEOUT_MS : 0;
    const timeouts = { headersTimeout, bodyTimeout: IGNORED_TIMEOUT_MS };
    this.#pool.dispatch({ path: this.#path, method: 'POST', headers, body, ...timeouts }, handler);
    return () => handler.giveUp();
  }

  async close(): Promise<void> {
    this.#end('closed');
    await this.#pool.destroy();
  }

  #end(why: string, Failed: typeof ConnectFailed = ConnectFailed, status?: number): void {
    if (this.ended !== undefined) return;
    this.ended = why;
    this.#endpoint.reject(Object.assign(new Failed(why), status !== undefined && { status }));
    void this.#pool.destroy();
    this.onclose?.();
  }
}

/** One message on its way. What comes back is that it has arrived, or why not. */
class Posted implements Dispatcher.DispatchHandler {
  readonly #key: string;
  readonly #onAccepted: () => void;
  readonly #onRefused: (failure: DownstreamFailure) => void;
  #controller: Dispatcher.DispatchController | undefined;
  /** What comes behind the status says nothing, nor does how it ends. */
  #isOver = false;
  #isGivenUp = false;
  readonly #body = new IgnoredBody();

  constructor(
    key: string,
    onAccepted: () => void,
    onRefused: (failure: DownstreamFailure) => void = () => {},
  ) {
    this.#key = key;
    this.#onAccepted = onAccepted;
    this.#onRefused = onRefused;
  }

  /** Some servers answer when the work is done: its connection is wanted elsewhere. */
  giveUp(): void {
    this.#isOver = true;
    this.#isGivenUp = true;
    this.#controller?.abort(new Error('given up'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isGivenUp) controller.abort(new Error('given up'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200) return;
    this.#isOver = true;
    if (status < 300) return this.#onAccepted();
    // What is not found here is not the server but the stream that named this place.
    this.#onRefused(judgeStatus(this.#key, status, headers, true) ?? failedStatus(this.#key, status));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#body.take(controller, chunk);
  }

  onResponseEnd(): void {}

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (this.#isOver) return;
    if (this.#controller === undefined) this.#onRefused(unavailable(this.#key, describeCause(error), error));
    else if (isMalformed(error)) this.#onRefused(notMcp(this.#key, 'malformed HTTP', error));
    else this.#onRefused(cutOff(this.#key, error));
  }
}
