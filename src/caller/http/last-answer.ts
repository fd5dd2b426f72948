import type { ServerResponse } from 'node:http';

/** A connection that is closed on what still comes is reset, and its caller never reads what it was sent. */
export const LINGER_MS = 1000;
/** More than anybody is likely to send within that time, and still soon read. */
const MAX_LINGER_BYTES = 32 * 1024 * 1024;

/**
 * Ends an answer that was written already, and with it its connection, once the rest of the request has come and gone
 * unused; or does not come in time, or is too large for that.
 */
export function endAfterRequest(res: ServerResponse): void {
  const { req } = res;
  const end = () => void res.end();
  const lingering = setTimeout(end, LINGER_MS);
  let bytes = 0;
  req.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_LINGER_BYTES) end();
  });
  req.once('end', end);
  res.once('close', () => clearTimeout(lingering));
  res.flushHeaders();
  req.resume();
}
