import type { Dispatcher, Pool } from 'undici';
import type { Headers } from '../../config/config.ts';
import { drained } from '../../errors.ts';
import { type Era, mirroredName } from '../../protocol/eras.ts';
import { encodeHeaderValue } from '../../protocol/headers.ts';
import type { Notification } from '../../protocol/messages.ts';
import { remembering } from '../../protocol/text.ts';
import type { ConnectionLimits } from '../connection.ts';
import type { Exchange, Link, OutgoingRequest, Receiver } from '../link.ts';
import { OnlyCall } from '../only-call.ts';
import { composeAnswer, composeCancelled, createComposer, createIds, isProgressOf } from '../outgoing.ts';
import { HttpExchange } from './http-exchange.ts';
import { withUserAgent } from './http-headers.ts';
import type { HttpSide } from './http-side.ts';
import { IGNORED_TIMEOUT_MS, IgnoredBody } from './ignored-answer.ts';
import { isBehind } from './open-pool.ts';

export interface HttpLinkOptions {
  key: string;
  pool: Pool;
  /** Path and query of the endpoint, as found at connect (a redirect within the origin already followed). */
  path: string;
  /** Configured headers, and nothing a caller sent. */
  headers: Headers;
  era: Era;
  version: string;
  sessionId: string | undefined;
  limits: ConnectionLimits;
  onNotice: HttpSide['onNotice'];
  /** No connection came about. */
  onUnreachable(error: Error): void;
}

export interface HttpLink extends Link {
  /** What has been sent is given up: its connections are about to be closed here. */
  giveUp(): void;
}

const encoded = remembering(encodeHeaderValue);

/** How long a notice may take to be accepted. */
const NOTICE_TIMEOUT_MS = 1000;
/** The same of what a person has answered, which is not said twice. */
const ANSWER_TIMEOUT_MS = 60_000;

/** Streamable HTTP: one POST a request, answered as JSON or as an event stream of its own. */
export function createHttpLink(options: HttpLinkOptions): HttpLink {
  const { key, pool, path, era, version, sessionId, limits } = options;
  const nextId = createIds();
  const compose = createComposer(era, version);
  // In no order: the last one takes the place of one that is over.
  const running: HttpExchange[] = [];
  const onlyCall = new OnlyCall();
  const onOver = (exchange: HttpExchange, isAnswered: boolean) => {
    const last = running.pop() as HttpExchange;
    if (last !== exchange) {
      running[exchange.place] = last;
      last.place = exchange.place;
    }
    if (era === 'modern') return;
    if (isAnswered) onlyCall.onAnswered(exchange.receiver);
    else if (exchange.hasBegun) onlyCall.onLeft(exchange.receiver);
  };
  const receivers = () => running.map(({ receiver }) => receiver);
  /** Progress names its request, whichever stream it comes on. */
  const receiverOf = (message: Notification) =>
    message.method === 'notifications/progress'
      ? running.find(({ id }) => isProgressOf(id, message))?.receiver
      : onlyCall.ofLog(receivers());
  const fixedHeaders = [
    ...withUserAgent(options.headers).flat(),
    'content-type',
    'application/json',
    'accept',
    'application/json, text/event-stream',
    'accept-encoding',
    'identity',
    'mcp-protocol-version',
    version,
    ...(sessionId === undefined ? [] : ['mcp-session-id', sessionId]),
  ];

  function headersFor({ method, params, paramHeaders }: OutgoingRequest): string[] {
    if (era === 'legacy') return fixedHeaders;
    const name = mirroredName(method, params);
    if (name === undefined) return [...fixedHeaders, 'mcp-method', method];
    // Of the right length at once: one that grows is copied, and has room that nobody needs.
    const headers = [...fixedHeaders, 'mcp-method', method, 'mcp-name', encoded(name)];
    return paramHeaders === undefined ? headers : [...headers, ...paramHeaders];
  }

  // Nobody is helped by hearing that it did not arrive: only that it is over.
  function post(body: string, headersTimeout: number, onOver: () => void = () => {}): void {
    const timeouts = { headersTimeout, bodyTimeout: IGNORED_TIMEOUT_MS };
    const request = { path, method: 'POST', headers: fixedHeaders, body, ...timeouts } as const;
    pool.dispatch(request, new IgnoredAnswer(onOver));
  }

  /** Spec 2025-11-25: what follows on a stream that was cut is asked for with GET. */
  function resume(exchange: HttpExchange, place: string): void {
    const headers = [...fixedHeaders, 'last-event-id', place];
    pool.dispatch({ path, method: 'GET', headers }, exchange);
  }

  const side: HttpSide = {
    key,
    isModern: era === 'modern',
    hasSession: sessionId !== undefined,
    doubt: { isOver: false },
    limits,
    onNotice: options.onNotice,
    onUnreachable: options.onUnreachable,
    isBehind: () => isBehind(pool),
    reply: (questionId, outcome) => post(composeAnswer(questionId, outcome), ANSWER_TIMEOUT_MS),
    onOver,
    // Modern: closing the stream cancels. Legacy: it does not, so it has to be said, and heard before that.
    onCancel({ id }, reason, closeStream) {
      if (era === 'modern') return closeStream();
      // Whether or not it is heard: hung calls must not keep their connections, and the notice may need one of them.
      const timer = setTimeout(closeStream, NOTICE_TIMEOUT_MS);
      post(composeCancelled(id, reason), NOTICE_TIMEOUT_MS, () => {
        clearTimeout(timer);
        closeStream();
      });
    },
    resume: era === 'legacy' ? resume : undefined,
  };

  return {
    era,
    version,
    isStateless: sessionId === undefined,
    get running() {
      return running.length;
    },
    onStray: (message) => receiverOf(message)?.onNotification(message),
    onStrayQuestion: (question, answered) =>
      onlyCall.ofQuestion(receivers())?.onQuestion?.(question, answered),
    request(request: OutgoingRequest, receiver: Receiver): Exchange {
      const id = nextId();
      const exchange = new HttpExchange(side, id, receiver, request.isResent === true);
      exchange.place = running.push(exchange) - 1;
      const body = compose(id, request);
      pool.dispatch({ path, method: 'POST', headers: headersFor(request), body }, exchange);
      return exchange;
    },
    giveUp() {
      for (const exchange of [...running]) if (exchange.hasBegun) exchange.fail(drained(key));
    },
  };
}

class IgnoredAnswer implements Dispatcher.DispatchHandler {
  readonly #onOver: () => void;
  readonly #body = new IgnoredBody();

  constructor(onOver: () => void) {
    this.#onOver = onOver;
  }

  onRequestStart(): void {}

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    // Accepted; a body, or a stream that does not end, is nobody's.
    if (status >= 200 && status !== 202) controller.abort(new Error('not needed'));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#body.take(controller, chunk);
  }

  onResponseEnd(): void {
    this.#onOver();
  }

  onResponseError(): void {
    this.#onOver();
  }
}
