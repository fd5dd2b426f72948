import { createParser } from 'eventsource-parser';

// JSON has no raw line breaks, so one `data:` line always holds a message.
const EVENT_START = 'event: message\ndata: ';
const EVENT_END = '\n\n';

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
  feed(chunk: Uint8Array): void;
}

/**
 * Cuts a byte stream into the data of its events, whatever the chunk borders. An event not ended by a blank line is
 * dropped, as the standard says. `feed` throws a TypeError on bytes that are not UTF-8.
 *
 * @param maxBytes    size of one event
 * @param onNamed     is given the events that are no messages
 * @param onTooLarge  called once when an event exceeds it; nothing more is delivered
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export function createEventDecoder(
  maxBytes: number,
  onData: (data: string) => void,
  onTooLarge: () => void,
  onNamed: (event: string, data: string) => void = () => {},
): EventDecoder {
  const text = new TextDecoder('utf-8', { fatal: true });
  let stopped = false;
  const parser = createParser({
    maxBufferSize: maxBytes,
    onEvent: ({ event, data }) => {
      if (stopped || data === '') return;
      if (event === undefined || event === 'message') onData(data);
      else onNamed(event, data);
    },
    onError: (error) => {
      if (error.type !== 'max-buffer-size-exceeded' || stopped) return;
      stopped = true;
      onTooLarge();
    },
  });
  return {
    feed(chunk) {
      if (!stopped) parser.feed(text.decode(chunk, { stream: true }));
    },
  };
}
