import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Limits } from '../../config/config.ts';
import { encodeEvent, KEEP_ALIVE } from '../../protocol/sse.ts';
import { createPipe, type Pipe } from '../pipe.ts';
import { tooManyListeners } from '../too-many.ts';
import { BodyRefused, readBody } from './body.ts';
import { CHALLENGE, type EndpointOptions, UNAUTHORIZED } from './endpoint.ts';
import { type ReplyLimits, refuse, STREAM_HEADERS } from './http-reply.ts';
import { cutIfUnread } from './unread.ts';

interface SseOptions
  extends Pick<EndpointOptions, 'hasToken' | 'refusedHost' | 'select' | 'dispatcher' | 'allowance'> {
  limits: Pick<Limits, 'maxRequestBytes' | 'maxJsonDepth' | 'maxListeners'> & ReplyLimits;
}

/** The transport of 2024-11-05 for callers that know no other: a stream at `/sse`, and messages to `/messages`. */
export interface SseFront {
  /** False for what is not asked of it. */
  serve(req: IncomingMessage, res: ServerResponse): boolean;
  /** Under another configuration: ends the streams whose URL leads nowhere any more, or whose token is none. */
  selectAgain(): void;
  /** Opens none any more, and ends each as soon as nothing runs on it. */
  drain(): void;
  close(): void;
}

/** A caller that does not read its answers is cut off once this much waits for it. */
const MAX_UNSENT_ANSWERS_BYTES = 64 * 1024 * 1024;

/** @see https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse */
export function createSseFront(options: SseOptions): SseFront {
  // What is read from it is what is in force then.
  const { limits } = options;
  const streams = new Map<string, Stream>();
  let isDraining = false;

  function open(url: string, req: IncomingMessage, res: ServerResponse): void {
    const agent = req.headers['user-agent'];
    const select = () => options.select(`/mcp${url.slice('/sse'.length)}`, agent);
    const first = select();
    if ('refusal' in first) return refuse(res, 404, first.refusal);
    let selection = first;
    let isLeaving = false;
    if (isDraining) return refuse(res, 503, 'This gateway is stopping.');
    const { maxListeners } = limits;
    if (streams.size >= maxListeners) {
      const tooMany = tooManyListeners(maxListeners);
      return refuse(res, tooMany.httpStatus, tooMany.message, tooMany.headers);
    }
    const id = randomUUID();
    const pipe = createPipe(
      options.dispatcher,
      { name: 'token', agent },
      () => selection,
      {
        write(json, onLeft) {
          if (res.destroyed || res.writableEnded) return;
          res.write(encodeEvent(json), onLeft);
          if (res.writableLength > MAX_UNSENT_ANSWERS_BYTES) res.destroy();
          else cutIfUnread(res, limits.unsentTimeoutMs);
        },
        get isOpen() {
          return !res.destroyed;
        },
        get mayNotify() {
          return res.writableLength <= limits.maxUnsentBytes;
        },
      },
      limits,
      options.allowance,
      () => (isDraining || isLeaving) && res.end(),
    );
    const selectAgain = () => {
      const again = select();
      isLeaving = 'refusal' in again || !options.hasToken(req.headers);
      if (!('refusal' in again)) selection = again;
      if (!isLeaving) return;
      // What runs on it is answered, and nothing more is taken.
      streams.delete(id);
      if (pipe.waiting === 0) res.end();
    };
    streams.set(id, { pipe, res, selectAgain });
    const timer = setInterval(() => {
      if (!res.writableEnded && res.writableLength <= limits.maxUnsentBytes) res.write(KEEP_ALIVE);
    }, limits.keepAliveCommentMs);
    res.on('close', () => {
      clearInterval(timer);
      streams.delete(id);
      pipe.close();
    });
    res.writeHead(200, [...STREAM_HEADERS]);
    // Unguessable, and of use only together with the token.
    res.write(`event: endpoint\ndata: /messages?sessionId=${id}\n\n`);
  }

  function receive(url: string, req: IncomingMessage, res: ServerResponse): void {
    const id = new URLSearchParams(url.slice(url.indexOf('?') + 1)).get('sessionId');
    readBody(req, limits.maxRequestBytes, (body) => {
      if (body instanceof BodyRefused) return refuse(res, body.httpStatus, body.message);
      // Not before: it may close while this comes.
      const stream = streams.get(id ?? '');
      if (stream === undefined) return refuse(res, 404, 'There is no such stream. Open a new one at /sse.');
      res.writeHead(202).end();
      stream.pipe.receive(body);
    });
  }

  return {
    serve(req, res) {
      const { url = '', method, headers } = req;
      const isStream = method === 'GET' && /^\/sse(?:[/?]|$)/.test(url);
      const isMessage = method === 'POST' && /^\/messages(?:\?|$)/.test(url);
      if (!isStream && !isMessage) return false;
      const refusedHost = options.refusedHost(headers);
      if (refusedHost !== undefined) refuse(res, 403, refusedHost);
      else if (!options.hasToken(headers)) refuse(res, 401, UNAUTHORIZED, ['www-authenticate', CHALLENGE]);
      else if (isStream) open(url, req, res);
      else receive(url, req, res);
      return true;
    },
    selectAgain() {
      for (const stream of streams.values()) stream.selectAgain();
    },
    drain() {
      isDraining = true;
      for (const { pipe, res } of streams.values()) if (pipe.waiting === 0) res.end();
    },
    close() {
      for (const { res } of streams.values()) res.end();
    },
  };
}

interface Stream {
  readonly pipe: Pipe;
  readonly res: ServerResponse;
  selectAgain(): void;
}
