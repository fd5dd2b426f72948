import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cap } from '../cap.ts';
import { ConnectFailed } from '../connection.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BEHIND_MS = 100;

/** A body that ends with an error once there is more of it than this. */
export function boundBody(body: Readable, cap: Cap): ReadableStream<Uint8Array> {
  let bytes = 0;
  return bound(body, cap, (chunk) => {
    bytes += chunk.byteLength;
    return bytes;
  });
}

/**
 * The same for a stream of events, which may go on for ever: of one event. It is read no faster than so many events a second,
 * but for those of one piece.
 *
 * @param isBehind  what has come of earlier events is still under way: nothing is read meanwhile
 */
export function boundEvents(
  body: Readable,
  cap: Cap,
  maxPerSecond: number,
  isBehind: () => boolean,
): ReadableStream<Uint8Array> {
  let bytes = 0;
  let events = 0;
  let secondBeganAt = performance.now();
  async function slowDown(): Promise<void> {
    while (isBehind()) await sleep(BEHIND_MS, undefined, { ref: false });
    const leftMs = secondBeganAt + 1000 - performance.now();
    if (leftMs > 0 && events < maxPerSecond) return;
    if (leftMs > 0) await sleep(leftMs, undefined, { ref: false });
    secondBeganAt = performance.now();
    events = 0;
  }
  let isLineEmpty = true;
  let previous = 0;
  const measure = (chunk: Uint8Array) => {
    for (const byte of chunk) {
      const isRestOfBreak = byte === NEWLINE && previous === RETURN;
      previous = byte;
      if (isRestOfBreak) continue;
      const isBreak = byte === NEWLINE || byte === RETURN;
      // An empty line ends an event.
      const isEnd = isBreak && isLineEmpty;
      if (isEnd) events++;
      bytes = isEnd ? 0 : bytes + 1;
      isLineEmpty = isBreak;
      if (bytes > cap.bytes) break;
    }
    return bytes;
  };
  return bound(body, cap, measure, slowDown);
}

function bound(
  body: Readable,
  { bytes, limit }: Cap,
  measure: (chunk: Uint8Array) => number,
  slowDown: () => Promise<void> | undefined = () => undefined,
): ReadableStream<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  // Nobody may be reading when the connection breaks.
  body.on('error', () => {});
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        await slowDown();
        const next = await chunks.next();
        if (next.done === true) return controller.close();
        if (measure(next.value) <= bytes) return controller.enqueue(next.value);
        body.destroy();
        controller.error(new ConnectFailed(`it answers with more than ${bytes} bytes (limits.${limit})`));
      },
      cancel: () => void body.destroy(),
    },
    { highWaterMark: 0 },
  );
}
