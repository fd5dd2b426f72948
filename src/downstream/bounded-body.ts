import type { Readable } from 'node:stream';
import type { Cap } from './cap.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** A body that ends with an error once there is more of it than this. */
export function boundBody(body: Readable, cap: Cap): ReadableStream<Uint8Array> {
  let bytes = 0;
  return bound(body, cap, (chunk) => {
    bytes += chunk.byteLength;
    return bytes;
  });
}

/** The same for a stream of events, which may go on for ever: of one event. */
export function boundEvents(body: Readable, cap: Cap): ReadableStream<Uint8Array> {
  let bytes = 0;
  let isLineEmpty = true;
  let previous = 0;
  return bound(body, cap, (chunk) => {
    for (const byte of chunk) {
      const isRestOfBreak = byte === NEWLINE && previous === RETURN;
      previous = byte;
      if (isRestOfBreak) continue;
      const isBreak = byte === NEWLINE || byte === RETURN;
      // An empty line ends an event.
      bytes = isBreak && isLineEmpty ? 0 : bytes + 1;
      isLineEmpty = isBreak;
      if (bytes > cap.bytes) break;
    }
    return bytes;
  });
}

/** What it says is ours, and not its server's. */
export class TooLarge extends Error {}

function bound(
  body: Readable,
  { bytes, limit }: Cap,
  measure: (chunk: Uint8Array) => number,
): ReadableStream<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  // Nobody may be reading when the connection breaks.
  body.on('error', () => {});
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await chunks.next();
        if (next.done === true) return controller.close();
        if (measure(next.value) <= bytes) return controller.enqueue(next.value);
        body.destroy();
        controller.error(new TooLarge(`it answers with more than ${bytes} bytes (limits.${limit})`));
      },
      cancel: () => void body.destroy(),
    },
    { highWaterMark: 0 },
  );
}
