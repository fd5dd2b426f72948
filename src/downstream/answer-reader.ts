import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Limits } from '../config/config.ts';
import { isFlood, isObject } from '../protocol/messages.ts';
import { Pace } from '../protocol/pace.ts';
import { createEventDecoder } from '../protocol/sse.ts';
import { type Cap, capOf } from './cap.ts';

export interface AnswerReader {
  readonly isStream: boolean;
  feed(chunk: Buffer): void;
  end(): void;
}

interface AnswerListener {
  onMessage(message: Record<string, unknown>): void;
  onEnd(): void;
  onTooLarge(cap: Cap): void;
  onNonsense(what: string, cause?: unknown): void;
  /** Of a stream: where it could be gone on with, and after how long. */
  onPlace(id: string): void;
  onRetry(ms: number): void;
}

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
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  const encoding = headers['content-encoding']?.trim().toLowerCase();
  const open = (to: AnswerListener): AnswerReader =>
    type === 'application/json'
      ? readJson(limits.maxResultBytes, Number(headers['content-length'] ?? 0), to)
      : type === 'text/event-stream'
        ? readEvents(limits, to)
        : readNothing(type, to);
  return encoding === undefined || encoding === 'identity'
    ? open(listener)
    : decompress(encoding, limits.maxResultBytes, open, listener);
}

/** @param announced  how many bytes it says that it has; what is compressed has no less */
function readJson(maxBytes: number, announced: number, listener: AnswerListener): AnswerReader {
  const cap = { bytes: maxBytes, limit: 'maxResultBytes' } as const;
  if (announced > maxBytes) {
    listener.onTooLarge(cap);
    return NOTHING;
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  return {
    isStream: false,
    feed(chunk) {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        chunks.length = 0;
        listener.onTooLarge(cap);
      } else chunks.push(chunk);
    },
    end() {
      if (bytes > maxBytes) return;
      const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
      if (body.length === 0) return listener.onEnd();
      if (!isUtf8(body)) return listener.onNonsense('not UTF-8');
      deliver(body.toString('utf8'), listener);
      listener.onEnd();
    },
  };
}

function readEvents(limits: AnswerLimits, listener: AnswerListener): AnswerReader {
  const cap = capOf(limits, 'maxEventBytes');
  const pace = new Pace(limits.maxNoticesPerSecond);
  const decoder = createEventDecoder(cap.bytes, {
    onData: (data) => {
      if (!isFlood(data, pace)) deliver(data, listener);
    },
    onTooLarge: () => listener.onTooLarge(cap),
    onPlace: listener.onPlace,
    onRetry: listener.onRetry,
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
    end: listener.onEnd,
  };
}

function readNothing(type: string | undefined, listener: AnswerListener): AnswerReader {
  const isReadable = type === undefined || /^[\w./+-]{1,64}$/.test(type);
  listener.onNonsense(isReadable ? (type ?? 'no content type') : 'no readable content type');
  return NOTHING;
}

const NOTHING: AnswerReader = { isStream: false, feed() {}, end() {} };

const DECODERS = new Map<string, () => Transform>([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

// Servers were seen to compress although `identity` was asked for. The sizes that count are those after it.
function decompress(
  encoding: string,
  maxWaitingBytes: number,
  open: (listener: AnswerListener) => AnswerReader,
  listener: AnswerListener,
): AnswerReader {
  const decoder = DECODERS.get(encoding)?.();
  if (decoder === undefined) return readNothing(`encoding/${encoding}`, listener);
  const reader = open({
    ...listener,
    // What is already in the decoder may still hold a thousand times its size.
    onTooLarge: (cap) => {
      decoder.destroy();
      listener.onTooLarge(cap);
    },
  });
  decoder.on('data', (chunk: Buffer) => reader.feed(chunk));
  decoder.on('end', () => reader.end());
  decoder.on('error', (cause) => listener.onNonsense('a broken content encoding', cause));
  return {
    isStream: reader.isStream,
    feed(chunk) {
      if (decoder.destroyed) return;
      decoder.write(chunk);
      // It comes faster than it is decoded.
      if (decoder.writableLength <= maxWaitingBytes) return;
      decoder.destroy();
      listener.onTooLarge({ bytes: maxWaitingBytes, limit: 'maxResultBytes' });
    },
    end: () => void (decoder.destroyed || decoder.end()),
  };
}

const BYTE_ORDER_MARK = 0xfeff;

function deliver(json: string, listener: AnswerListener): void {
  let value: unknown;
  try {
    // RFC 8259: it must not be written, and may be ignored.
    value = JSON.parse(json.charCodeAt(0) === BYTE_ORDER_MARK ? json.slice(1) : json);
  } catch {
    // Without the cause: its text quotes the body.
    return listener.onNonsense('invalid JSON');
  }
  // Revision 2025-03-26 had batches; a server of that time may still answer with one.
  for (const message of Array.isArray(value) ? value : [value]) {
    if (isObject(message)) listener.onMessage(message);
  }
}
