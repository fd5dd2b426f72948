import type { DownstreamConfig, HttpDownstreamConfig } from '../config/config.ts';
import { DownstreamFailure } from '../errors.ts';
import { Refused } from './ask.ts';
import { describeCause, statusOf } from './causes.ts';
import { connectHttp } from './connect-http.ts';
import { connectSse } from './connect-sse.ts';
import { connectStdio } from './connect-stdio.ts';
import { ConnectFailed, type Connection, type ConnectOptions } from './connection.ts';
import { NoEventStream } from './sse-channel.ts';

/** Connects in the way that the entry asks for. Leaves nothing behind when it fails. */
export function connectTo(config: DownstreamConfig, options: ConnectOptions): Promise<Connection> {
  return config.kind === 'http' ? connectOverHttp(config, options) : connectStdio(config, options);
}

/**
 * Streamable HTTP, and HTTP+SSE where it is refused; the other way round for an entry that says `"type": "sse"`, as its
 * operator knows best, and many that are configured so have moved on since.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#backwards-compatibility
 */
async function connectOverHttp(config: HttpDownstreamConfig, options: ConnectOptions): Promise<Connection> {
  const ways = [connectHttp, connectSse] as const;
  const [first, second] = config.transport === 'sse' ? ways.toReversed() : ways;
  try {
    return await (first as typeof connectHttp)(config, options);
  } catch (error) {
    if (options.signal.aborted || !isOtherTransport(error)) throw error;
    try {
      return await (second as typeof connectHttp)(config, options);
    } catch (other) {
      // What it opened itself tells more than that it was refused.
      throw other instanceof ConnectFailed && !(other instanceof NoEventStream) ? other : error;
    }
  }
}

/** The server is there, and does not know what it was sent: not its credentials, nor its load, are the matter. */
function isOtherTransport(error: unknown): boolean {
  const status = statusOf(error);
  if (status === undefined) return error instanceof NoEventStream;
  return status >= 400 && status < 500 && ![401, 403, 429].includes(status);
}

/** Our credentials are not taken. */
export function isRefusal(error: unknown): boolean {
  const status = statusOf(error);
  return (
    status === 401 || status === 403 || (error instanceof DownstreamFailure && error.reason === 'refused')
  );
}

/** Why an attempt failed, in a few words. */
export function whyOf(error: unknown): string {
  const status = statusOf(error);
  if (error instanceof Refused || (error instanceof ConnectFailed && status === undefined))
    return error.message;
  if (!(error instanceof DownstreamFailure)) return describeCause(error);
  // What a caller may do about it comes behind that.
  const [whatHappened] = error.what.split(/\.(?: |$)/);
  return `its tools cannot be listed: it ${whatHappened}`;
}
