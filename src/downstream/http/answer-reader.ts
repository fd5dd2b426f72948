import type { IncomingHttpHeaders } from 'node:http';
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Limits } from '../../config/config.ts';
import { isFlood, isObject, type Message } from '../../protocol/messages.ts';
import { Pace } from '../../protocol/pace.ts';
import { createEventDecoder } from '../../protocol/sse.ts';
import { decodeUtf8 } from '../../protocol/text.ts';
import { parseMessage } from '../../protocol/written-answer.ts';
import { type Cap, capOf } from '../cap.ts';
import { firstOf } from './http-headers.ts';
import { LARGE_BYTES } from './large-result.ts';

export interface AnswerReader {
  readonly isStream: boolean;
  feed(chunk: Buffer): void;
  end(): void;
}

export interface AnswerListener {
  onMessage(message: Message): void;
  /** So much of an answer has come. Where its result goes on as it comes, this is how; else the answer is held. */
  onLarge?(held: Buffer): LargeReader | undefined;
  onEnd(): void;
  onTooLarge(cap: Cap): void;
  onNonsense(what: string, cause?: unknown): void;
  /** Of a stream: where it could be gone on with, and after how long. */
  onPlace(id: string): void;
  onRetry(ms: number): void;
}

/** Takes the rest of an answer, with what is held of it first. */
export type LargeReader = Omit<AnswerReader, 'isStream'>;

export type AnswerLimits = Pick<Limits, Cap['limit'] | 'maxNoticesPerSecond'>;

/**
 * Reads the JSON-RPC messages of one HTTP answer, by its content type and never by looking at the body. Sizes are
 * those after decompression.
 */
export function createAnswerReader(
  headers: IncomingHttpHeaders,
  limits: AnswerLimits,
  listener: AnswerListener,
): AnswerReader {
  const encoding = firstOf(headers['content-encoding'])?.trim().toLowerCase();
  return encoding === undefined || !CODINGS.test(encoding)
    ? open(headers, limits, listener)
    : decompress(encoding, limits.maxResultBytes, (to) => open(headers, limits, to), listener);
}

function open(headers: IncomingHttpHeaders, limits: AnswerLimits, listener: AnswerListener): AnswerReader {
  const type = mediaTypeOf(firstOf(headers['content-type']));
  if (type === 'application/json') {
    // How many bytes it says that it has; what is compressed has no less.
    const announced = Number(headers['content-length'] ?? 0);
    return new JsonReader(limits.maxResultBytes, announced, listener);
  }
  return type === 'text/event-stream' ? readEvents(limits, listener) : readNothing(type, listener);
}

const mediaTypeOf = (value: string | undefined) =>
  value === 'application/json' || value === 'text/event-stream'
    ? value
    : value?.split(';', 1)[0]?.trim().toLowerCase();

class JsonReader implements AnswerReader {
  readonly isStream = false;
  readonly #maxBytes: number;
  readonly #listener: AnswerListener;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #large: LargeReader | undefined;
  #mayBeLarge = true;

  constructor(maxBytes: number, announced: number, listener: AnswerListener) {
    this.#maxBytes = maxBytes;
    this.#listener = listener;
    if (announced > maxBytes) this.#take(announced);
  }

  feed(chunk: Buffer): void {
    this.#take(chunk.length);
    if (this.#bytes > this.#maxBytes) return;
    if (this.#large !== undefined) return this.#large.feed(chunk);
    this.#chunks.push(chunk);
    if (this.#bytes > LARGE_BYTES && this.#mayBeLarge) this.#tryLarge();
  }

  #tryLarge(): void {
    this.#mayBeLarge = false;
    if (this.#listener.onLarge === undefined) return;
    const held = Buffer.concat(this.#chunks);
    this.#large = this.#listener.onLarge(held);
    this.#chunks = this.#large === undefined ? [held] : [];
    this.#large?.feed(held);
  }

  end(): void {
    if (this.#bytes > this.#maxBytes) return;
    if (this.#large !== undefined) return this.#large.end();
    const [first] = this.#chunks;
    if (first === undefined) return this.#listener.onEnd();
    const body = this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    const text = decodeUtf8(body);
    if (text === undefined) return this.#listener.onNonsense('not UTF-8');
    deliver(text, this.#listener);
    this.#listener.onEnd();
  }

  #take(bytes: number): void {
    const wasTooLarge = this.#bytes > this.#maxBytes;
    this.#bytes += bytes;
    if (wasTooLarge || this.#bytes <= this.#maxBytes) return;
    this.#chunks = [];
    this.#listener.onTooLarge({ bytes: this.#maxBytes, limit: 'maxResultBytes' });
  }
}

function readEvents(limits: AnswerLimits, listener: AnswerListener): AnswerReader {
  const cap = capOf(limits, 'maxEventBytes');
  const pace = new Pace(limits.maxNoticesPerSecond);
  const decoder = createEventDecoder(cap.bytes, {
    onData: (data) => {
      if (!isFlood(data, pace)) deliver(data, listener);
    },
    onTooLarge: () => listener.onTooLarge(cap),
    onPlace: (id) => listener.onPlace(id),
    onRetry: (ms) => listener.onRetry(ms),
  });
  return {
    isStream: true,
    feed(chunk) {
      try {
        decoder.feed(chunk);
      } catch (cause) {
        listener.onNonsense('not UTF-8', cause);
      }
    },
    end: () => listener.onEnd(),
  };
}

function readNothing(type: string | undefined, listener: AnswerListener): AnswerReader {
  const isReadable = type === undefined || /^[\w./+-]{1,64}$/.test(type);
  listener.onNonsense(isReadable ? (type ?? 'no content type') : 'no readable content type');
  return NOTHING;
}

const NOTHING: AnswerReader = { isStream: false, feed() {}, end() {} };

/** Those that there are, and lists. What else servers write there, such as `none`, `utf-8` or nothing, leaves a body as it is. */
const CODINGS = /,|^((x-)?gzip|deflate|br|zstd|(x-)?compress|dc[bz]|exi|aes128gcm|pack200-gzip)$/;
/** By default a quarter of it, and a bomb costs the event loop of all callers twice as much until it is found out. */
const DECODED = { chunkSize: 64 * 1024 };
const DECODERS = new Map<string, () => Transform>([
  ['gzip', () => createGunzip(DECODED)],
  ['x-gzip', () => createGunzip(DECODED)],
  ['deflate', () => createInflate(DECODED)],
  ['br', () => createBrotliDecompress(DECODED)],
]);

/** What makes plain bytes of a body; undefined for an encoding that is not known. */
export const decoderFor = (encoding: string): Transform | undefined =>
  DECODERS.get(encoding.trim().toLowerCase())?.();

/** What decodes a body that comes in pieces. */
export interface Decoder {
  feed(chunk: Buffer): void;
  end(): void;
  /** What is already in it may still hold a thousand times its size. */
  destroy(): void;
}

interface Decoded {
  feed(chunk: Buffer): void;
  end(): void;
  onBroken(cause: unknown): void;
  /** It comes faster than it is decoded. */
  onTooLarge(): void;
}

/** @returns undefined for an encoding that is not known */
export function openDecoder(encoding: string, maxWaitingBytes: number, to: Decoded): Decoder | undefined {
  const decoder = decoderFor(encoding);
  decoder?.on('data', (chunk: Buffer) => to.feed(chunk));
  decoder?.on('end', () => to.end());
  decoder?.on('error', (cause) => to.onBroken(cause));
  return (
    decoder && {
      feed(chunk) {
        if (decoder.destroyed) return;
        decoder.write(chunk);
        if (decoder.writableLength <= maxWaitingBytes) return;
        decoder.destroy();
        to.onTooLarge();
      },
      end: () => void (decoder.destroyed || decoder.end()),
      destroy: () => void decoder.destroy(),
    }
  );
}

// Servers were seen to compress although `identity` was asked for. The sizes that count are those after it.
function decompress(
  encoding: string,
  maxWaitingBytes: number,
  open: (listener: AnswerListener) => AnswerReader,
  listener: AnswerListener,
): AnswerReader {
  const decoder = openDecoder(encoding, maxWaitingBytes, {
    feed: (chunk) => reader.feed(chunk),
    end: () => reader.end(),
    onBroken: (cause) => listener.onNonsense('a broken content encoding', cause),
    onTooLarge: () => listener.onTooLarge({ bytes: maxWaitingBytes, limit: 'maxResultBytes' }),
  });
  if (decoder === undefined) return readNothing(`encoding/${encoding}`, listener);
  const reader = open({
    onMessage: (message) => listener.onMessage(message),
    onEnd: () => listener.onEnd(),
    onNonsense: (what, cause) => listener.onNonsense(what, cause),
    onPlace: (id) => listener.onPlace(id),
    onRetry: (ms) => listener.onRetry(ms),
    onTooLarge(cap) {
      decoder.destroy();
      listener.onTooLarge(cap);
    },
  });
  return { isStream: reader.isStream, feed: decoder.feed, end: decoder.end };
}

function deliver(json: string, listener: AnswerListener): void {
  let value: unknown;
  try {
    value = parseMessage(json);
  } catch {
    // Without the cause: its text quotes the body.
    return listener.onNonsense('invalid JSON');
  }
  // Revision 2025-03-26 had batches; a server of that time may still answer with one.
  for (const message of Array.isArray(value) ? value : [value]) {
    if (isObject(message)) listener.onMessage(message);
  }
}
