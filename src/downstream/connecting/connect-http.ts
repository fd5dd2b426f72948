import {
  type ReconnectionScheduler,
  StreamableHTTPClientTransport,
  type Transport,
} from '@modelcontextprotocol/client';
import type { HttpDownstreamConfig } from '../../config/config.ts';
import { within } from '../../promises.ts';
import { describeCause, isOddAnswer } from '../causes.ts';
import type { AttemptOptions, Connection } from '../connection.ts';
import { Cookies } from '../http/cookies.ts';
import { withUserAgent } from '../http/http-headers.ts';
import { createHttpLink, type HttpLink } from '../http/http-link.ts';
import { openPool } from '../http/open-pool.ts';
import { createControlClient, passStrays, tell } from './control-client.ts';
import { createControlFetch } from './control-fetch.ts';

const END_SESSION_TIMEOUT_MS = 1000;
/** Of the stream of notices of an earlier revision, when it was cut: for ever, as calls go on without it. */
const REOPENING = {
  initialReconnectionDelay: 0,
  maxReconnectionDelay: 0,
  reconnectionDelayGrowFactor: 1,
  maxRetries: Number.POSITIVE_INFINITY,
};
const LONGEST_REOPENING_MS = 60_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * The pauses are ours: where its server has once said when to come back (`retry`), the SDK waits so long before every attempt
 * from then on, be it not at all.
 */
const scheduleReopening: ReconnectionScheduler = (reopen, ms, attempts) => {
  const leastMs = Math.min(1000 * 2 ** attempts, LONGEST_REOPENING_MS);
  const timer = setTimeout(reopen, Math.min(Math.max(ms, leastMs), LONGEST_TIMER_MS));
  return () => clearTimeout(timer);
};

/** What is left behind it is for the handshake of one that does not answer what it does not know. */
const PROBE_SHARE = 0.75;

/** Connects over Streamable HTTP, finds out the era, and does its handshake. Leaves nothing open when it fails. */
export async function connectHttp(
  config: HttpDownstreamConfig,
  options: AttemptOptions,
): Promise<Connection> {
  try {
    return await startHttp(config, options);
  } catch (error) {
    // A server of the legacy era may meet a question of before `initialize` with anything.
    if (options.mode !== 'auto' || options.signal.aborted || !isOddAnswer(error)) throw error;
    return await startHttp(config, { ...options, mode: 'legacy' }).catch(() => {
      throw error;
    });
  }
}

async function startHttp(config: HttpDownstreamConfig, options: AttemptOptions): Promise<Connection> {
  const endpoint = new URL(config.url);
  const { timeoutMs } = options;
  const pool = openPool(endpoint.origin, options.limits.maxInFlight, timeoutMs);
  const cookies = new Cookies();
  let answeredAt = endpoint;
  const transport = new StreamableHTTPClientTransport(endpoint, {
    requestInit: {
      headers: withUserAgent(config.headers).map(([name, value]): [string, string] => [name, value]),
    },
    fetch: createControlFetch(
      pool,
      endpoint.origin,
      options.limits,
      cookies,
      (url) => {
        answeredAt = url;
      },
      options.onListChanged,
    ),
    reconnectionOptions: REOPENING,
    reconnectionScheduler: scheduleReopening,
  });
  const giveUp = () => {
    void pool.destroy();
    // It may be waiting for an answer that has already come and was none.
    void transport.close();
  };
  options.signal.addEventListener('abort', giveUp);
  const probeMs = options.mode === 'auto' ? timeoutMs * PROBE_SHARE : timeoutMs;
  const client = createControlClient(options, probeMs);
  let link: HttpLink | undefined;
  const close = async () => {
    // Before the session is given back: its server may end their streams with it.
    link?.giveUp();
    await endSession(transport);
    await client.close().catch(() => {});
    await pool.destroy();
  };
  try {
    await client.connect(transport as Transport, { timeout: timeoutMs });
  } catch (error) {
    await close();
    throw error;
  } finally {
    options.signal.removeEventListener('abort', giveUp);
  }
  link = createHttpLink({
    key: config.key,
    pool,
    path: answeredAt.pathname + answeredAt.search,
    headers: cookies.addToHeaders(config.headers),
    era: client.getProtocolEra() ?? 'legacy',
    version: client.getNegotiatedProtocolVersion() ?? '2025-03-26',
    sessionId: transport.sessionId,
    limits: options.limits,
    onNotice: (notice) => tell(notice, options, true),
    onUnreachable(error) {
      if (!pool.closed && !pool.destroyed) options.onClosed(describeCause(error));
    },
  });
  passStrays(client, link);
  return { link, client, close };
}

/** The session is given back (spec 2025-11-25: SHOULD); a server may refuse that, or be gone. */
async function endSession(transport: StreamableHTTPClientTransport): Promise<void> {
  if (transport.sessionId === undefined) return;
  await within(
    END_SESSION_TIMEOUT_MS,
    transport.terminateSession().catch(() => {}),
  );
}
