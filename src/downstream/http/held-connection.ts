import type { Socket } from 'node:net';
import { buildConnector } from 'undici';

/** What undici reads a connection with. */
interface Parser {
  paused: boolean;
  readonly ptr: unknown;
  readonly llhttp: { llhttp_resume(ptr: unknown): void };
  resume(): void;
}

/**
 * Connects as undici does, for answers that are held back now and then. Where a connection that is not to be kept ends, or
 * is reset, while that is so, undici 7 fails an assertion, with which the process would end.
 */
export function connectHeld(options: buildConnector.BuildOptions): buildConnector.connector {
  const connect = buildConnector(options);
  return (to, callback) =>
    connect(to, (...[error, socket]) => {
      if (error !== null) return callback(error, null);
      // Each before what undici does then: it adds its own when it is given the connection.
      socket.on('end', () => parserOf(socket)?.resume());
      for (const event of ['end', 'error', 'close']) socket.on(event, () => release(parserOf(socket)));
      callback(null, socket);
    });
}

/** All has come that will. What has no length is at its end, and not before: `resume` alone holds it back once more. */
function release(parser: Parser | undefined | null): void {
  if (!parser?.paused) return;
  parser.llhttp.llhttp_resume(parser.ptr);
  parser.paused = false;
}

/** Null once the connection has gone. */
function parserOf(socket: Socket): Parser | undefined | null {
  const [key] = Object.getOwnPropertySymbols(socket).filter(({ description }) => description === 'parser');
  return key && (socket as unknown as Record<symbol, Parser | null>)[key];
}
