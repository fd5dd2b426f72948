import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { isModern, type Message } from '../messages.ts';
import { type Answer, sseEvent } from './exchange.ts';

// Ways in which servers in the wild answer a request, or fail to. Each is for `answers` of a plain server.

/** Opens an SSE answer, sends some progress if asked to, and ends it without a response. */
export function endsStreamWithoutAnswer(notifications = 0): Answer {
  return (given) => {
    const stream = given.stream();
    for (let step = 1; step <= notifications; step++) stream.send(progress(given.message.params, step));
    stream.end();
  };
}

/** 202 with no body, as if the request were a notification. */
export const acceptsWithoutAnswer: Answer = ({ res }) => res.writeHead(202).end();

/** A well-formed response to a request that nobody made, and nothing else. */
export function answersWrongId(as: 'json' | 'sse' = 'json'): Answer {
  return ({ res }) => {
    const message = { jsonrpc: '2.0', id: 'not-yours', result: { content: [], resultType: 'complete' } };
    if (as === 'json') return body(res, 200, 'application/json', JSON.stringify(message));
    return body(res, 200, 'text/event-stream', sseEvent(message));
  };
}

/** A login page, as a proxy in front of the server sends it. */
export const answersHtml: Answer = ({ res }) =>
  body(res, 200, 'text/html; charset=utf-8', '<!doctype html><title>Sign in</title>');

export const answersInvalidJson: Answer = ({ res }) =>
  body(res, 200, 'application/json', '{"jsonrpc":"2.0",');

export const answersEmptyBody: Answer = ({ res }) => body(res, 200, 'application/json', '');

/** An HTTP status with a text body of this many bytes that begins with `boom`. */
export function answersStatus(
  status: number,
  options: { bytes?: number; headers?: Record<string, string> } = {},
): Answer {
  return ({ res }) =>
    body(res, status, 'text/plain', 'boom'.padEnd(options.bytes ?? 4, '.'), options.headers);
}

/** 307 keeps method and body, so that a client which follows it sends everything again. */
export function redirects(location: string, status = 307): Answer {
  return ({ res }) => res.writeHead(status, { location }).end();
}

/** Accepts the request and says nothing until it is cancelled; not even headers. */
export const neverAnswers: Answer = ({ signal }) =>
  new Promise((resolve) => signal.addEventListener('abort', resolve));

/** Cuts the connection: before any byte, after the headers of an SSE answer, or in the middle of a JSON body. */
export function cutsConnection(when: 'before headers' | 'after headers' | 'in the body'): Answer {
  return async (given) => {
    if (when === 'after headers') given.stream();
    if (when === 'in the body') {
      given.res.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      await new Promise((resolve) => given.res.write('{"jsonrpc":"2.0","id":', resolve));
    }
    cut(given.res);
  };
}

/** All progress notifications and the result in one write: the result must not overtake the last of them. */
export function progressThenResult(steps: number): Answer {
  return ({ message, res }) => {
    const result = textResult('done', message);
    const notifications = Array.from({ length: steps }, (_, index) => progress(message.params, index + 1));
    const response = { id: message.id, result };
    const events = [...notifications, response].map((event) => sseEvent({ jsonrpc: '2.0', ...event }));
    body(res, 200, 'text/event-stream', events.join(''));
  };
}

/** A result whose text has this many bytes; gzip makes a bomb of it. Written piece by piece, never held in memory. */
export function answersHuge(bytes: number, as: 'json' | 'sse' | 'gzip' = 'json'): Answer {
  return async ({ message, res }) => {
    const piece = 'a'.repeat(64 * 1024);
    const result = textResult('%', message);
    const [start, end] = as === 'sse' ? ['event: message\ndata: ', '\n\n'] : ['', ''];
    function* pieces() {
      const [before, after] = JSON.stringify({ jsonrpc: '2.0', id: message.id, result }).split('%');
      yield start + before;
      for (let sent = 0; sent < bytes; sent += piece.length) yield piece.slice(0, bytes - sent);
      yield after + end;
    }
    res.writeHead(200, {
      'content-type': as === 'sse' ? 'text/event-stream' : 'application/json',
      ...(as === 'gzip' ? { 'content-encoding': 'gzip' } : {}),
    });
    const stages =
      as === 'gzip' ? [Readable.from(pieces()), createGzip(), res] : [Readable.from(pieces()), res];
    // A client that has had enough closes the connection; that is the point of the exercise.
    await pipeline(stages as [Readable, ServerResponse]).catch(() => {});
  };
}

/** Writes a piece again and again, as fast as it is taken, until the response is over. */
export function flood(res: ServerResponse, piece: string, onWritten: () => void = () => {}): void {
  if (res.destroyed || res.writableEnded) return;
  onWritten();
  const next = () => void setImmediate(flood, res, piece, onWritten);
  if (res.write(piece)) next();
  else res.once('drain', next);
}

/**
 * Asks the caller something on the response stream of its own POST, as legacy servers do (elicitation/create,
 * sampling/createMessage, roots/list, ping), and gives back as text the response that came.
 */
export function asks(method: string, params: object = {}, id: string | number = 'question-1'): Answer {
  return async (given) => {
    const stream = given.stream();
    stream.send({ id, method, params });
    const { result, error } = await given.responseTo(id);
    stream.result(textResult(JSON.stringify(error ?? result), given.message));
  };
}

/** Exactly this result, unknown fields and all. */
export function answersResult(result: unknown): Answer {
  return (given) => given.result(result);
}

/** A result of one text block, of the era of the request that it answers. */
export function textResult(text: string, request: Message) {
  return { content: [{ type: 'text', text }], ...(isModern(request) ? { resultType: 'complete' } : {}) };
}

const cuts = new WeakSet<ServerResponse>();

/** Ends the connection from this side, so that it does not count as a cancellation by the other. */
function cut(res: ServerResponse): void {
  cuts.add(res);
  res.destroy();
}

export function isCut(res: ServerResponse): boolean {
  return cuts.has(res);
}

function body(
  res: ServerResponse,
  status: number,
  type: string,
  text: string,
  headers: Record<string, string> = {},
): void {
  res.writeHead(status, { 'content-type': type, ...headers });
  res.end(text);
}

function progress(params: Record<string, { progressToken?: unknown }>, step: number) {
  const progressToken = params._meta?.progressToken;
  return { method: 'notifications/progress', params: { progressToken, progress: step } };
}

/** What the server says without a script, compressed whether or not somebody asked for it. */
export function compresses(encoding: string | string[], compress: (text: string) => Buffer): Answer {
  return ({ res, usual }) => {
    const end = res.end.bind(res) as (body: Buffer) => ServerResponse;
    res.setHeader('content-encoding', encoding);
    res.end = ((text: string) => end(compress(text))) as typeof res.end;
    return usual();
  };
}
