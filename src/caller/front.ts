import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Limits } from '../config/config.ts';
import { within } from '../downstream/within.ts';
import type { Allowance } from './allowance.ts';
import type { Dispatcher } from './dispatch.ts';
import { createEndpoint } from './endpoint.ts';
import { createHostCheck, isLoopback } from './hosts.ts';
import { createPages, type PagesOptions } from './pages.ts';
import type { Selector } from './selection.ts';
import type { Sessions } from './sessions.ts';
import { createSseFront } from './sse.ts';
import { createTokenCheck } from './token.ts';
import { refuseUnreadable } from './unreadable.ts';

export interface Front {
  /** Where callers reach the MCP endpoint. */
  readonly url: string;
  /** Requests whose answer has not ended. */
  readonly running: number;
  /** Takes no more requests, lets the running ones finish for a moment, and closes. */
  close(): Promise<void>;
}

export interface FrontOptions extends Pick<PagesOptions, 'isReady' | 'status' | 'metrics'> {
  host: string;
  /** 0 for any free one. */
  port: number;
  token: string;
  allowedHosts: readonly string[];
  allowance: Allowance;
  limits: FrontLimits;
  select: Selector;
  dispatcher: Dispatcher;
  sessions: Sessions;
  /** Serves the transport of 2024-11-05 as well. */
  legacySse: boolean;
}

type FrontLimits = Pick<
  Limits,
  | 'maxRequestBytes'
  | 'maxHeaderBytes'
  | 'maxJsonDepth'
  | 'maxConnections'
  | 'headersTimeoutMs'
  | 'requestTimeoutMs'
  | 'keepAliveTimeoutMs'
  | 'maxListeners'
  | 'maxUnsentBytes'
  | 'unsentTimeoutMs'
>;

/** How often it is looked for requests that take too long to come; Node's own 30 s is as long as what they may take. */
const CHECK_MS = 2000;
const CLOSE_GRACE_MS = 2000;

/**
 * Opens the HTTP face. Calls go straight from `node:http` to the endpoint; Express has the pages around it, which are
 * rare.
 */
export async function openFront(options: FrontOptions): Promise<Front> {
  const hasToken = createTokenCheck(options.token);
  const refusedHost = createHostCheck(isLoopback(options.host), options.allowedHosts);
  const { select, dispatcher, sessions, allowance, limits } = options;
  const checks = { hasToken, refusedHost };
  const endpoint = createEndpoint({ ...checks, select, dispatcher, sessions, allowance, limits });
  const { isReady, status, metrics } = options;
  const pages = createPages({ ...checks, isReady, status, metrics });

  const sse = options.legacySse
    ? createSseFront({ ...checks, select, dispatcher, allowance, limits })
    : undefined;

  let running = 0;
  let onIdle = () => {};
  const server = createServer(
    {
      // Of two Authorization headers none is picked: joined they are no token of ours, and two of others no value either.
      joinDuplicateHeaders: true,
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_MS, limits.headersTimeoutMs, limits.requestTimeoutMs),
      // By default longer than the 60 s of common load balancers: the side that reuses a connection must not find it
      // just closed.
      keepAliveTimeout: limits.keepAliveTimeoutMs,
    },
    (req: IncomingMessage, res: ServerResponse) => {
      running++;
      // Not `once`: the state it allocates makes V8 keep it for old, and one process in ten was 1.5 times slower for it.
      res.on('close', () => {
        if (--running === 0) onIdle();
      });
      if (isMcp(req.url)) endpoint(req, res);
      else if (sse?.serve(req, res) !== true) pages(req, res);
    },
  );
  server.on('clientError', refuseUnreadable);
  server.maxConnections = limits.maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;

  return {
    url: `http://${host}:${port}/mcp`,
    get running() {
      return running;
    },
    async close() {
      sse?.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const idle = new Promise<void>((resolve) => {
        onIdle = resolve;
      });
      if (running > 0) await within(CLOSE_GRACE_MS, idle);
      // What is left are connections without a request; Node would wait for one on those that never had any.
      server.closeAllConnections();
      await closed;
    },
  };
}

/** `/mcp`, `/mcp?…` and `/mcp/<toolset>`. */
function isMcp(url = ''): boolean {
  return url.startsWith('/mcp') && (url.length === 4 || url[4] === '?' || url[4] === '/');
}
