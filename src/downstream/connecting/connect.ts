import type { DownstreamConfig, HttpDownstreamConfig } from '../../config/config.ts';
import { DownstreamFailure } from '../../errors.ts';
import { Refused } from '../ask.ts';
import { describeCause, statusOf, whatHappened } from '../causes.ts';
import { NoEventStream } from '../channel/sse-channel.ts';
import { type AttemptOptions, ConnectFailed, type Connection, type ConnectOptions } from '../connection.ts';
import { connectHttp } from './connect-http.ts';
import { connectSse } from './connect-sse.ts';
import { connectStdio } from './connect-stdio.ts';

/** A child may first have to be downloaded (`npx`, `uvx`) or compiled. */
const CONNECT_TIMEOUT_MS = { http: 20_000, stdio: 60_000 };

/**
 * Connects in the way that the entry asks for. Leaves nothing behind when it fails.
 *
 * @throws ConnectFailed  also when its time is over, whatever was being tried then
 */
export async function connectTo(config: DownstreamConfig, options: ConnectOptions): Promise<Connection> {
  const { connectTimeoutMs: timeoutMs = CONNECT_TIMEOUT_MS[config.kind] } = config;
  const attempt = new AbortController();
  const giveUp = () => attempt.abort();
  options.signal.throwIfAborted();
  options.signal.addEventListener('abort', giveUp);
  let isLate = false;
  // The SDK's timeouts are for one request each, and it waits for ever until a notification is taken.
  const timer = setTimeout(() => {
    isLate = true;
    giveUp();
  }, timeoutMs);
  try {
    const within = { ...options, timeoutMs, signal: attempt.signal };
    return await (config.kind === 'http' ? connectOverHttp(config, within) : connectStdio(config, within));
  } catch (error) {
    throw isLate ? new ConnectFailed('it did not answer in time (connectTimeoutMs)') : error;
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener('abort', giveUp);
  }
}

/**
 * Streamable HTTP, and HTTP+SSE where it is refused; the other way round for an entry that says `"type": "sse"`, as its
 * operator knows best, and many that are configured so have moved on since.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#backwards-compatibility
 */
async function connectOverHttp(config: HttpDownstreamConfig, options: AttemptOptions): Promise<Connection> {
  const [first, second] = config.transport === 'sse' ? [connectSse, connectHttp] : [connectHttp, connectSse];
  try {
    return await first(config, options);
  } catch (error) {
    if (options.signal.aborted || !isOtherTransport(error)) throw error;
    try {
      return await second(config, options);
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
  return `its tools cannot be listed: ${whatHappened(error)}`;
}
