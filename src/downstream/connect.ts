import {
  Client,
  type ClientOptions,
  type FetchLike,
  StreamableHTTPClientTransport,
  type Transport,
} from '@modelcontextprotocol/client';
import { Pool, type RequestInit as UndiciRequestInit, fetch as undiciFetch } from 'undici';
import type { DownstreamConfig, HttpDownstreamConfig, StdioDownstreamConfig } from '../config/config.ts';
import type { Logger } from '../log.ts';
import { IMPLEMENTATION } from '../version.ts';
import { createHttpLink } from './http-link.ts';
import type { Link } from './link.ts';
import { StdioChannel } from './stdio-channel.ts';
import { createStdioLink } from './stdio-link.ts';
import { within } from './within.ts';

/** One established connection: the SDK's client for control, the link for calls, both over the same session. */
export interface Connection {
  readonly link: Link;
  readonly client: Client;
  /** Leaves it to be replaced: calls that run on it may finish. */
  retire(): Promise<void>;
  /** Ends it and what runs on it; a session is given back. */
  close(): Promise<void>;
}

export interface ConnectOptions {
  maxResultBytes: number;
  log: Logger;
  /** Gives the attempt up. */
  signal: AbortSignal;
  /** The downstream says that its tools have changed. */
  onToolsChanged(): void;
  /** The connection has ended by itself. */
  onClosed(why: string): void;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** A child may first have to be downloaded (`npx`, `uvx`) or compiled. */
const STDIO_HANDSHAKE_TIMEOUT_MS = 60_000;
const STDIO_PROBE_TIMEOUT_MS = 5000;
const TCP_CONNECT_TIMEOUT_MS = 5000;
const END_SESSION_TIMEOUT_MS = 1000;
const MAX_CONNECTIONS = 64;
/** Bursts of change notices become one. */
const CHANGE_DEBOUNCE_MS = 300;

/** Connects, finds out the era, and does its handshake. Everything opened is closed again when it fails. */
export function connect(config: DownstreamConfig, options: ConnectOptions): Promise<Connection> {
  return config.kind === 'http' ? connectHttp(config, options) : connectStdio(config, options);
}

async function connectHttp(config: HttpDownstreamConfig, options: ConnectOptions): Promise<Connection> {
  const endpoint = new URL(config.url);
  const pool = new Pool(endpoint.origin, {
    connections: MAX_CONNECTIONS,
    pipelining: 1,
    connect: { timeout: TCP_CONNECT_TIMEOUT_MS },
    // Deadlines are the relay's: a listening stream may be silent for hours, a call has a limit of its own.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  let answeredAt = endpoint;
  const transport = new StreamableHTTPClientTransport(endpoint, {
    requestInit: { headers: config.headers.map(([name, value]) => [name, value] as [string, string]) },
    fetch: boundedFetch(pool, endpoint.origin, options.maxResultBytes, (url) => {
      answeredAt = url;
    }),
  });
  const giveUp = () => void pool.destroy();
  options.signal.addEventListener('abort', giveUp);
  const client = createClient(options, HANDSHAKE_TIMEOUT_MS);
  const close = async () => {
    await endSession(transport);
    await client.close().catch(() => {});
    await pool.destroy();
  };
  const retire = async () => {
    await client.close().catch(() => {});
    void pool.close();
  };
  try {
    await client.connect(transport as Transport, { timeout: HANDSHAKE_TIMEOUT_MS });
  } catch (error) {
    await close();
    throw error;
  } finally {
    options.signal.removeEventListener('abort', giveUp);
  }
  const link = createHttpLink({
    key: config.key,
    pool,
    path: answeredAt.pathname + answeredAt.search,
    headers: config.headers,
    era: client.getProtocolEra() ?? 'legacy',
    version: client.getNegotiatedProtocolVersion() ?? '2025-03-26',
    sessionId: transport.sessionId,
    maxResultBytes: options.maxResultBytes,
  });
  return { link, client, retire, close };
}

async function connectStdio(config: StdioDownstreamConfig, options: ConnectOptions): Promise<Connection> {
  try {
    return await startStdio(config, options, 'auto');
  } catch (error) {
    if (!(error instanceof EndedOnProbe)) throw error;
    // Servers built on some SDKs exit on anything before `initialize`: begin with that, then.
    return startStdio(config, options, 'legacy');
  }
}

class EndedOnProbe extends Error {}

async function startStdio(
  config: StdioDownstreamConfig,
  options: ConnectOptions,
  mode: 'auto' | 'legacy',
): Promise<Connection> {
  const channel = new StdioChannel(config, options.maxResultBytes, options.log);
  const giveUp = () => void channel.close();
  options.signal.addEventListener('abort', giveUp);
  const client = createClient(options, STDIO_PROBE_TIMEOUT_MS, mode);
  try {
    await client.connect(channel, { timeout: STDIO_HANDSHAKE_TIMEOUT_MS });
  } catch (error) {
    const { ended } = channel;
    const lastWords = channel.lastWords();
    await channel.close();
    if (ended === undefined) throw error;
    if (mode === 'auto' && ended.startsWith('exit code')) throw new EndedOnProbe(ended, { cause: error });
    throw new ChildEnded(lastWords === undefined ? ended : `${ended}; it said: ${lastWords.slice(0, 200)}`);
  } finally {
    options.signal.removeEventListener('abort', giveUp);
  }
  client.onclose = () => options.onClosed(channel.ended ?? 'closed');
  const link = createStdioLink(
    config.key,
    channel,
    client.getProtocolEra() ?? 'legacy',
    client.getNegotiatedProtocolVersion() ?? '2025-03-26',
  );
  const close = async () => {
    delete client.onclose;
    await client.close().catch(() => {});
    await channel.close();
  };
  // A pipe has one process at its end: what runs on it ends with it.
  return { link, client, retire: close, close };
}

/** The child ended before it was ready; the message says how, and its last line on stderr. */
export class ChildEnded extends Error {}

function createClient(
  options: ConnectOptions,
  probeTimeoutMs: number,
  mode: 'auto' | 'legacy' = 'auto',
): Client {
  const clientOptions: ClientOptions = {
    capabilities: {},
    versionNegotiation: { mode, probe: { timeoutMs: probeTimeoutMs } },
    // Compiling what a downstream wrote has frozen event loops; nothing is validated that is merely passed on.
    jsonSchemaValidator: {
      getValidator: () => (data) => ({ valid: true, data: data as never, errorMessage: undefined }),
    },
    listChanged: {
      tools: {
        autoRefresh: false,
        debounceMs: CHANGE_DEBOUNCE_MS,
        onChanged: () => options.onToolsChanged(),
      },
    },
  };
  const client = new Client(IMPLEMENTATION, clientOptions);
  // A stream of notices that breaks is the SDK's to reopen, and no news for anyone.
  client.onerror = (error) =>
    options.log.debug({ event: 'control_error', error: error.message }, 'control connection');
  return client;
}

/** The session is given back (spec 2025-11-25: SHOULD); a server may refuse that, or be gone. */
async function endSession(transport: StreamableHTTPClientTransport): Promise<void> {
  if (transport.sessionId === undefined) return;
  await within(
    END_SESSION_TIMEOUT_MS,
    transport.terminateSession().catch(() => {}),
  );
}

/**
 * The SDK's `fetch`: over this downstream's own connections, to its own origin only, and with an end to what it reads.
 *
 * @param onAnswered  told where a POST found its endpoint (the SDK follows redirects within the origin)
 */
function boundedFetch(
  pool: Pool,
  origin: string,
  maxBytes: number,
  onAnswered: (url: URL) => void,
): FetchLike {
  return async (input, init) => {
    const url = new URL(input);
    if (url.origin !== origin) throw new Error('refused to leave the configured origin');
    const headers = new Headers(init?.headers);
    headers.set('accept-encoding', 'identity');
    const response = await undiciFetch(url, {
      ...(init as unknown as UndiciRequestInit),
      headers: [...headers],
      dispatcher: pool,
    });
    if (init?.method === 'POST' && response.ok) onAnswered(url);
    // A GET is the stream of notices: as long as the connection lives. Everything else is one answer.
    if (init?.method === 'GET' || response.body === null) return response as unknown as Response;
    return new Response(limitBytes(response.body as unknown as ReadableStream<Uint8Array>, maxBytes), {
      status: response.status,
      statusText: response.statusText,
      headers: [...response.headers],
    });
  };
}

function limitBytes(body: ReadableStream<Uint8Array>, maxBytes: number): ReadableStream<Uint8Array> {
  let bytes = 0;
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength;
        if (bytes > maxBytes) controller.error(new Error(`answer larger than ${maxBytes} bytes`));
        else controller.enqueue(chunk);
      },
    }),
  );
}
