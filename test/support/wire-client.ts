import type { IncomingHttpHeaders } from 'node:http';
import { createParser } from 'eventsource-parser';
import { type Dispatcher, request } from 'undici';
import type { Message } from './messages.ts';

export interface Sending {
  readonly method?: 'POST' | 'GET' | 'DELETE' | 'OPTIONS' | 'PUT';
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** An object is sent as JSON; a string or bytes as they are. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** An HTTP answer as it came, read to its end. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Compressed answers, which were not asked for, count as other. */
  readonly framing: 'json' | 'sse' | 'other';
  readonly text: string;
  /** The JSON-RPC messages in it, in order: one for JSON, one for each event for SSE. */
  readonly messages: Message[];
  /** The parsed body of a JSON answer. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came.
  readonly json: any;
  /** SSE comments, which is what keep-alives are. */
  readonly comments: string[];
}

/** An answer whose headers have come and whose messages are still coming. */
export interface OpenReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The next message; undefined when the stream has ended. */
  next(): Promise<Message | undefined>;
  /** Cuts the connection, as a caller does that has lost patience. */
  cut(): void;
}

/** Sends one request and reads the whole answer, whatever it is. */
export async function send(url: string, sending: Sending): Promise<Reply> {
  const { statusCode, headers, body } = await dispatch(url, sending);
  const text = await body.text();
  const framing = framingOf(headers);
  const comments: string[] = [];
  const messages: Message[] = [];
  let json: unknown;
  if (framing === 'json' && text !== '') {
    json = JSON.parse(text);
    messages.push(...([json].flat() as Message[]));
  } else if (framing === 'sse') {
    const parser = eventParser(messages, comments);
    parser.feed(text);
  }
  return { status: statusCode, headers, framing, text, messages, json, comments };
}

/** Sends one request and hands back the answer as soon as its headers are there. */
export async function open(url: string, sending: Sending): Promise<OpenReply> {
  const { statusCode, headers, body } = await dispatch(url, sending);
  const messages = readMessages(headers, body);
  return {
    status: statusCode,
    headers,
    next: async () => (await messages.next()).value,
    cut: () => body.on('error', () => {}).destroy(),
  };
}

async function dispatch(url: string, { method = 'POST', headers = {}, body, signal }: Sending) {
  const isRaw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
  const payload = isRaw ? body : JSON.stringify(body);
  return request(url, {
    method,
    headers,
    ...(payload === undefined ? {} : { body: payload }),
    signal: signal ?? null,
  });
}

async function* readMessages(
  headers: IncomingHttpHeaders,
  body: Dispatcher.ResponseData['body'],
): AsyncGenerator<Message, undefined> {
  if (framingOf(headers) === 'json') {
    yield* [await body.json()].flat() as Message[];
    return undefined;
  }
  const arrived: Message[] = [];
  const parser = eventParser(arrived, []);
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    yield* arrived.splice(0);
  }
  return undefined;
}

function eventParser(messages: Message[], comments: string[]) {
  return createParser({
    onEvent: ({ data }) => void (data === '' || messages.push(JSON.parse(data))),
    onComment: (comment) => void comments.push(comment),
  });
}

function framingOf(headers: IncomingHttpHeaders): Reply['framing'] {
  if (headers['content-encoding'] !== undefined) return 'other';
  const type = String(headers['content-type'] ?? '');
  if (/^application\/json\b/i.test(type)) return 'json';
  return /^text\/event-stream\b/i.test(type) ? 'sse' : 'other';
}
