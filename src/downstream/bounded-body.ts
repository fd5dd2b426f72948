const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** A body that ends with an error once there is more of it than this. */
export function boundBody(body: ReadableStream<Uint8Array>, maxBytes: number): ReadableStream<Uint8Array> {
  let bytes = 0;
  return bound(body, maxBytes, (chunk) => {
    bytes += chunk.byteLength;
    return bytes;
  });
}

/** The same for a stream of events, which may go on for ever: of one event. */
export function boundEvents(body: ReadableStream<Uint8Array>, maxBytes: number): ReadableStream<Uint8Array> {
  let bytes = 0;
  let isLineEmpty = true;
  let previous = 0;
  return bound(body, maxBytes, (chunk) => {
    for (const byte of chunk) {
      const isRestOfBreak = byte === NEWLINE && previous === RETURN;
      previous = byte;
      if (isRestOfBreak) continue;
      const isBreak = byte === NEWLINE || byte === RETURN;
      // An empty line ends an event.
      bytes = isBreak && isLineEmpty ? 0 : bytes + 1;
      isLineEmpty = isBreak;
      if (bytes > maxBytes) break;
    }
    return bytes;
  });
}

function bound(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
  measure: (chunk: Uint8Array) => number,
): ReadableStream<Uint8Array> {
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        if (measure(chunk) > maxBytes) controller.error(new Error(`larger than ${maxBytes} bytes`));
        else controller.enqueue(chunk);
      },
    }),
  );
}
