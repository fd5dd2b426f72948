import type { IncomingMessage } from 'node:http';
import { decodeUtf8 } from '../../protocol/text.ts';

/** A request that is refused before it is JSON-RPC. */
export class BodyRefused extends Error {
  readonly httpStatus: number;

  constructor(httpStatus: number, message: string) {
    super(message);
    this.httpStatus = httpStatus;
  }
}

/**
 * Reads a request's body as text. Calls back once, with the text or with why it was refused (413 larger than
 * `maxBytes`, 400 not UTF-8); not at all when the caller leaves before the end of it.
 */
export function readBody(
  req: IncomingMessage,
  maxBytes: number,
  done: (text: string | BodyRefused) => void,
): void {
  const refuse = () =>
    done(
      new BodyRefused(
        413,
        `The body is larger than ${maxBytes} bytes (limits.maxRequestBytes in servers.json).`,
      ),
    );
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) return refuse();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const onData = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxBytes) {
      chunks.push(chunk);
      return;
    }
    req.off('data', onData);
    req.off('end', onEnd);
    req.pause();
    refuse();
  };
  const onEnd = () => {
    const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
    done(decodeUtf8(body) ?? new BodyRefused(400, 'The body is not UTF-8.'));
  };
  req.on('data', onData);
  req.on('end', onEnd);
}
