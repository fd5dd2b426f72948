import { TextDecoder } from 'node:util';
import { createParser } from 'eventsource-parser';
import { decodeUtf8, withoutMark } from './text.ts';

// JSON has no raw line breaks, so one `data:` line always holds a message.
const EVENT_START = 'event: message\ndata: ';
const EVENT_END = '\n\n';

/** Beside what an event says, a stream may have so much to carry it and to stay alive. */
const FRAMING_BYTES = 64 * 1024;

/** One message as one server-sent event. */
export function encodeEvent(json: string): string {
  return EVENT_START + json + EVENT_END;
}

/** The same for a message in three parts, of which the middle one is not touched: what goes before it and after it. */
export function splitEvent(head: string, tail: string): readonly [before: string, after: string] {
  return [EVENT_START + head, tail + EVENT_END];
}

/** A comment: keeps the connection alive and means nothing. */
export const KEEP_ALIVE = ': keep-alive\n\n';

export interface EventDecoder {
  feed(chunk: Buffer): void;
}

export interface EventListener {
  onData(data: string): void;
  /** An event exceeds the limit, or what says nothing does: called once, and nothing more is delivered. */
  onTooLarge(): void;
  /** The events that are no messages. */
  onNamed?(event: string, data: string): void;
  /** What is needed to go on behind this event over another connection. */
  onPlace?(id: string): void;
  /** How long to wait before that. */
  onRetry?(ms: number): void;
}

/**
 * Cuts a byte stream into the data of its events, whatever the chunk borders. An event not ended by a blank line is
 * dropped, as the standard says. `feed` throws a TypeError on bytes that are not UTF-8.
 *
 * @param maxBytes  size of one event; comments and fields before it count, but for some framing
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export function createEventDecoder(maxBytes: number, listener: EventListener): EventDecoder {
  const decode = createDecode();
  let stopped = false;
  let endedWithReturn = false;
  let bytesWithoutData = 0;
  const parser = createParser({
    maxBufferSize: maxBytes,
    onEvent: ({ id, event, data }) => {
      if (stopped) return;
      if (id !== undefined) listener.onPlace?.(id);
      // An event without data marks a place, and says nothing.
      if (data === '') return;
      bytesWithoutData = 0;
      // The parser measures what it keeps between chunks.
      if (data.length > maxBytes) return stop();
      if (event === undefined || event === 'message') listener.onData(data);
      else listener.onNamed?.(event, data);
    },
    onRetry: (ms) => listener.onRetry?.(ms),
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded' && !stopped) stop();
    },
  });
  function stop(): void {
    stopped = true;
    listener.onTooLarge();
  }
  return {
    feed(chunk) {
      if (stopped) return;
      let cut = decode(chunk);
      // The parser waits for what follows a carriage return; the event that it ends may be the last for long.
      if (cut === '') return;
      if (endedWithReturn && cut.startsWith('\n')) cut = cut.slice(1);
      endedWithReturn = cut.endsWith('\r');
      bytesWithoutData += chunk.length;
      parser.feed(endedWithReturn ? `${cut}\n` : cut);
      if (bytesWithoutData > maxBytes + FRAMING_BYTES && !stopped) stop();
    },
  };
}

/**
 * Makes text of a stream of bytes as a TextDecoder does, which takes several times as long: it is asked from the first
 * chunk on that is no text by itself. Throws a TypeError on bytes that are not UTF-8.
 */
function createDecode(): (chunk: Buffer) => string {
  let decoder: TextDecoder | undefined;
  /** A byte order mark is dropped before that, and is text from there on. */
  let hasBegun = false;
  return (chunk) => {
    const text = decoder === undefined ? decodeUtf8(chunk) : undefined;
    if (text === undefined) {
      decoder ??= new TextDecoder('utf-8', { fatal: true, ignoreBOM: hasBegun });
      return decoder.decode(chunk, { stream: true });
    }
    const isFirst = !hasBegun;
    hasBegun ||= text !== '';
    return isFirst ? withoutMark(text) : text;
  };
}
