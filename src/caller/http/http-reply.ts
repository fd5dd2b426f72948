import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Limits } from '../../config/config.ts';
import type { Profile } from '../../config/profiles.ts';
import type { Era } from '../../protocol/eras.ts';
import type { Notification, Request } from '../../protocol/messages.ts';
import { encodeEvent, KEEP_ALIVE, splitEvent } from '../../protocol/sse.ts';
import type { Reply, ReplySink } from '../caller.ts';
import { endAfterRequest } from './last-answer.ts';
import { cutIfUnread } from './unread.ts';

/** At the latest: callers count to the first byte (Claude Code: 60 s), proxies to the next one (nginx: 60 s). */
const FIRST_SIGN_MS = 10_000;

export type ReplyLimits = Pick<Limits, 'keepAliveCommentMs' | 'maxUnsentBytes' | 'unsentTimeoutMs'>;

/**
 * Answers one POST, as JSON or as an event stream: legacy callers that accept a stream get one (OpenAI's legacy client
 * imported 0 tools from JSON), modern ones JSON, and a call that has something to say before its answer is a stream.
 */
export class HttpReply implements Reply {
  readonly #res: ServerResponse;
  readonly #headers: readonly string[];
  readonly #limits: ReplyLimits;
  readonly #mayStream: boolean;
  readonly #prefersStream: boolean;
  readonly #namesStream: boolean;
  readonly #takesLogs: boolean;
  #streaming = false;
  /** The response itself has begun: nothing else may stand in it. */
  #isSending = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param headers  further response headers, name and value in turn */
  constructor(
    req: IncomingMessage,
    res: ServerResponse,
    era: Era,
    framing: Profile['framing'],
    limits: ReplyLimits,
    headers: readonly string[] = [],
  ) {
    const accept = req.headers.accept ?? '*/*';
    const namesStream = accept.includes('text/event-stream');
    this.#res = res;
    this.#namesStream = namesStream;
    this.#headers = headers;
    this.#limits = limits;
    // Asked for with each request in the modern era; before it a server may log unasked.
    this.#takesLogs = namesStream || era === 'modern';
    this.#mayStream = namesStream || accept.includes('*/*');
    const isWanted = framing === 'auto' ? era === 'legacy' : framing === 'sse';
    this.#prefersStream = namesStream && (isWanted || !/application\/(json|\*)|\*\/\*/.test(accept));
  }

  notify(message: Notification): void {
    // Dropped, for a caller that does not read.
    if (!this.#mayStream || this.#isSending || this.#res.writableLength > this.#limits.maxUnsentBytes) return;
    if (!this.#takesLogs && message.method === 'notifications/message') return;
    this.#write(encodeEvent(JSON.stringify(message)));
  }

  ask(question: Request): boolean {
    // A caller that says `*/*` may not know what to do with a question in a stream.
    if (
      !this.#namesStream ||
      this.#isSending ||
      this.isGone ||
      this.#res.writableLength > this.#limits.maxUnsentBytes
    )
      return false;
    this.#write(encodeEvent(JSON.stringify(question)));
    return true;
  }

  end(json: string, httpStatus = 200, headers: readonly string[] = NONE): number {
    const bytes = Buffer.byteLength(json);
    clearTimeout(this.#timer);
    if (this.#res.destroyed) return bytes;
    if (this.#streaming) {
      this.#res.end(encodeEvent(json));
    } else if (this.#prefersStream && httpStatus === 200) {
      const event = encodeEvent(json);
      const eventBytes = bytes + event.length - json.length;
      this.#openStream(eventBytes);
      endWith(this.#res, event, eventBytes);
    } else {
      const all = headers === NONE ? this.#headers : [...this.#headers, ...headers];
      sendJson(this.#res, httpStatus, json, all, bytes);
    }
    cutIfUnread(this.#res, this.#limits.unsentTimeoutMs);
    return bytes;
  }

  sink(head: string, tail: string, goOn: () => void): ReplySink | undefined {
    const res = this.#res;
    if (res.destroyed) return undefined;
    const isStream = this.#streaming || this.#prefersStream;
    const [before, after] = isStream ? splitEvent(head, tail) : [head, tail];
    if (isStream) this.#openStream();
    // Of unknown length: Node sends it in chunks.
    else res.writeHead(200, [...this.#headers, 'content-type', 'application/json']);
    this.#isSending = true;
    clearTimeout(this.#timer);
    res.write(before);
    res.on('drain', goOn);
    res.on('close', goOn);
    return {
      write: (piece) => {
        // Nobody reads it, and its server is not to be held up for that.
        if (res.destroyed) return true;
        const hasRoom = res.write(piece);
        cutIfUnread(res, this.#limits.unsentTimeoutMs);
        return hasRoom;
      },
      end: () => {
        if (res.destroyed) return;
        res.end(after);
        cutIfUnread(res, this.#limits.unsentTimeoutMs);
      },
      cut: () => void res.destroy(),
    };
  }

  endAround(head: string, body: Buffer, tail: string): void {
    if (this.#res.destroyed) return;
    const [before, after] = this.#prefersStream ? splitEvent(head, tail) : [head, tail];
    const bytes = Buffer.byteLength(before) + body.length + Buffer.byteLength(after);
    this.#res.cork();
    if (this.#prefersStream) this.#openStream(bytes);
    else this.#res.writeHead(200, jsonHeaders(bytes, this.#headers));
    this.#res.write(before);
    this.#res.write(body);
    this.#res.end(after);
    this.#res.uncork();
    cutIfUnread(this.#res, this.#limits.unsentTimeoutMs);
  }

  get isGone(): boolean {
    return this.#res.destroyed;
  }

  abandon(): void {
    clearTimeout(this.#timer);
    if (this.#res.destroyed || this.#res.writableEnded) return;
    if (this.#mayStream) this.#openStream();
    else this.#res.writeHead(204);
    this.#res.end();
  }

  running(onGone: () => void): void {
    if (this.#res.writableEnded) return;
    if (this.#res.destroyed) return onGone();
    // Only who says so reads streams for certain; progress, which was asked for, may make one of `*/*` as well.
    if (this.#namesStream) this.#signIn(Math.min(FIRST_SIGN_MS, this.#limits.keepAliveCommentMs));
    this.#watch(onGone);
  }

  listening(onGone: () => void): boolean {
    if (!this.#mayStream || this.isGone) return false;
    this.#openStream();
    this.#res.flushHeaders();
    this.#signIn(this.#limits.keepAliveCommentMs);
    this.#watch(onGone);
    return true;
  }

  #write(text: string): void {
    if (this.#res.writableEnded) return;
    this.#openStream();
    this.#res.write(text);
    cutIfUnread(this.#res, this.#limits.unsentTimeoutMs);
  }

  #watch(onGone: () => void): void {
    this.#res.on('close', () => {
      clearTimeout(this.#timer);
      if (!this.#res.writableFinished) onGone();
    });
  }

  #signIn(ms: number): void {
    this.#timer = setTimeout(() => this.#sign(), ms);
  }

  #sign(): void {
    const { keepAliveCommentMs, maxUnsentBytes } = this.#limits;
    if (this.#res.writableLength <= maxUnsentBytes) this.#write(KEEP_ALIVE);
    this.#signIn(keepAliveCommentMs);
  }

  /** @param bytes  of the whole stream, where it is known: an answer that is all there is */
  #openStream(bytes?: number): void {
    if (this.#streaming || this.#res.destroyed) return;
    this.#streaming = true;
    const head = [...STREAM_HEADERS, ...this.#headers];
    if (bytes !== undefined) head.push('content-length', String(bytes));
    this.#res.writeHead(200, head);
  }
}

const NONE: readonly string[] = [];

export const STREAM_HEADERS: readonly string[] = [
  'content-type',
  'text/event-stream',
  'cache-control',
  'no-cache, no-transform',
  // Or nginx would hold the events back.
  'x-accel-buffering',
  'no',
];

function jsonHeaders(bytes: number, headers: readonly string[]): string[] {
  return [...headers, 'content-type', 'application/json', 'content-length', String(bytes)];
}

export function sendJson(
  res: ServerResponse,
  status: number,
  json: string,
  headers: readonly string[] = [],
  bytes = Buffer.byteLength(json),
): void {
  res.writeHead(status, jsonHeaders(bytes, headers));
  endWith(res, json, bytes);
}

/**
 * Ends a response whose length its headers say. As text and not as bytes: so Node sends head and body in one write. ASCII,
 * which has as many bytes as characters, is the same in Latin-1, and need not be looked at once more.
 *
 * Not with `end`, which sends an empty chunk after a text that it is given: of two chunks Node makes a list and copies them.
 */
function endWith(res: ServerResponse, text: string, bytes: number): void {
  // Or Node would hold it back until the end of this turn, and so would the end.
  res.cork();
  res.write(text, bytes === text.length ? 'latin1' : 'utf8');
  res.uncork();
  res.end();
}

/** The largest body that is still read to its end, unused, so that the connection can go on after a refusal. */
const MAX_DRAINED_BYTES = 64 * 1024;

/** Answers what is refused before it is a message, whether or not its body was read. */
export function refuse(
  res: ServerResponse,
  status: number,
  message: string,
  headers: readonly string[] = [],
): void {
  const json = JSON.stringify({ error: message });
  if (!hasLargeBody(res.req)) return sendJson(res, status, json, headers);
  res.writeHead(status, jsonHeaders(Buffer.byteLength(json), [...headers, 'connection', 'close']));
  res.write(json);
  endAfterRequest(res);
}

/** Larger than what is read for nothing, or of a length that it does not say. */
export function hasLargeBody({ headers }: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = headers;
  const hasBody = length !== undefined || encoding !== undefined;
  return hasBody && !(Number(length ?? Number.POSITIVE_INFINITY) <= MAX_DRAINED_BYTES);
}
