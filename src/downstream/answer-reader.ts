import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { isObject } from '../protocol/messages.ts';
import { createEventDecoder } from '../protocol/sse.ts';

export interface AnswerReader {
  readonly isStream: boolean;
  feed(chunk: Buffer): void;
  end(): void;
}

interface AnswerListener {
  onMessage(message: Record<string, unknown>): void;
  onEnd(): void;
  onTooLarge(): void;
  onNonsense(what: string, cause?: unknown): void;
  /** Of a stream: where it could be gone on with, and after how long. */
  onPlace(id: string): void;
  onRetry(ms: number): void;
}

/**
 * Reads the JSON-RPC messages of one HTTP answer, by its content type and never by looking at the body.
 *
 * @param maxBytes  of a JSON body, or of one event of a stream, after decompression
 */
export function createAnswerReader(
  headers: IncomingHttpHeaders,
  maxBytes: number,
  listener: AnswerListener,
): AnswerReader {
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  const encoding = headers['content-encoding']?.trim().toLowerCase();
  const open = (to: AnswerListener): AnswerReader =>
    type === 'application/json'
      ? readJson(maxBytes, to)
      : type === 'text/event-stream'
        ? readEvents(maxBytes, to)
        : readNothing(type, to);
  return encoding === undefined || encoding === 'identity'
    ? open(listener)
    : decompress(encoding, open, listener);
}

function readJson(maxBytes: number, listener: AnswerListener): AnswerReader {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return {
    isStream: false,
    feed(chunk) {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        chunks.length = 0;
        listener.onTooLarge();
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

function readEvents(maxBytes: number, listener: AnswerListener): AnswerReader {
  const decoder = createEventDecoder(maxBytes, {
    onData: (data) => deliver(data, listener),
    onTooLarge: listener.onTooLarge,
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
  return { isStream: false, feed() {}, end() {} };
}

const DECODERS = new Map<string, () => Transform>([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

// Servers were seen to compress although `identity` was asked for. The sizes that count are those after it.
function decompress(
  encoding: string,
  open: (listener: AnswerListener) => AnswerReader,
  listener: AnswerListener,
): AnswerReader {
  const decoder = DECODERS.get(encoding)?.();
  if (decoder === undefined) return readNothing(`encoding/${encoding}`, listener);
  const reader = open({
    ...listener,
    // What is already in the decoder may still hold a thousand times its size.
    onTooLarge: () => {
      decoder.destroy();
      listener.onTooLarge();
    },
  });
  decoder.on('data', (chunk: Buffer) => reader.feed(chunk));
  decoder.on('end', () => reader.end());
  decoder.on('error', (cause) => listener.onNonsense('a broken content encoding', cause));
  return {
    isStream: reader.isStream,
    feed: (chunk) => void (decoder.destroyed || decoder.write(chunk)),
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
