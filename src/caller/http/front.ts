import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type Server,
  ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as immediate } from 'node:timers/promises';
import type { Limits } from '../../config/config.ts';
import { within } from '../../promises.ts';
import { afterRounds } from '../../relay/after-rounds.ts';
import type { Places } from '../processes/places.ts';
import { BodyRefused, readBody } from './body.ts';
import { createEndpoint, type EndpointOptions } from './endpoint.ts';
import type { Entrance } from './entrance.ts';
import { createHostCheck, inUrl, isLoopback } from './hosts.ts';
import { hasLargeBody, refuse } from './http-reply.ts';
import { createPages, NOT_FOUND, NOT_SHOWN, type PagesOptions, type Readiness } from './pages.ts';
import { createSseFront } from './sse.ts';
import { answerOn, refuseUnreadable, UNSERVABLE } from './unreadable.ts';

export interface Front {
  /** Where callers reach the MCP endpoint. */
  readonly url: string;
  /** Requests whose answer has not ended. */
  readonly running: number;
  /** From now on these count. */
  apply(rules: FrontRules): void;
  /**
   * Listens no more, and answers what is running and what still comes on connections that are open.
   *
   * @param lingerMs  how long connections without a request are left open, for who is just about to use them
   * @returns         how many requests were still running when the time was over
   */
  drain(graceMs: number, lingerMs: number): Promise<number>;
  /** Ends what is left. */
  close(): Promise<void>;
}

/** What may change while it is open. */
export interface FrontRules {
  readonly allowedHosts: readonly string[];
  /** Serves the transport of 2024-11-05 as well. */
  readonly legacySse: boolean;
}

export interface FrontOptions
  extends Pick<PagesOptions, 'status' | 'metrics'>,
    Omit<EndpointOptions, 'refusedHost' | 'limits'> {
  host: string;
  /** How connections come to its server. */
  open(server: Server): Promise<Entrance>;
  rules: FrontRules;
  /** Those in force: but for `maxHeaderBytes`, what is read from them later may be other than at first. */
  limits: FrontLimits;
  isReady(): boolean;
  /** It can be reached, and answers too late. */
  isBehind(): boolean;
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
  | 'keepAliveCommentMs'
  | 'maxUnsentBytes'
  | 'unsentTimeoutMs'
>;

/** How often it is looked for requests that take too long to come; Node's own 30 s is as long as what they may take. */
const CHECK_MS = 2000;
/** For answers that were written last to leave. */
const LAST_BYTES_MS = 500;

/**
 * Opens the HTTP face. Calls go straight from `node:http` to the endpoint; Express has the pages around it, which are
 * rare.
 */
export async function openFront(options: FrontOptions): Promise<Front> {
  const { hasToken, select, dispatcher, sessions, allowance, limits, places } = options;
  const listensOnLoopback = isLoopback(options.host);
  let { rules } = options;
  let refusedHost = createHostCheck(listensOnLoopback, rules.allowedHosts);
  let isStopping = false;
  /** Each connection carries one more answer. */
  let isLast = false;
  const readiness = (): Readiness => {
    if (isStopping) return 'stopping';
    if (!options.isReady()) return 'starting';
    return options.isBehind() ? 'behind' : 'ready';
  };
  const given = {
    refusedHost: (headers: IncomingHttpHeaders) => refusedHost(headers),
    readiness,
    status: options.status,
    metrics: options.metrics,
    ...{ hasToken, select, dispatcher, sessions, allowance, limits, places },
  };
  const endpoint = createEndpoint(given);
  let pages: RequestListener | undefined;
  /** Made when somebody asks for one: Express is a sixth of what an idle gateway holds. */
  function servePage(req: IncomingMessage, res: ServerResponse): void {
    // No page takes one, and Node would read it to its end.
    if (hasLargeBody(req)) return refuse(res, 404, NOT_FOUND);
    try {
      pages ??= createPages(given);
    } catch {
      return refuse(res, 503, NOT_SHOWN, ['retry-after', '1']);
    }
    pages(req, res);
  }
  /** A message to a stream at `/sse` goes on whole: what is refused in the middle of it would be cut, and not answered. */
  function passPage(places: Places, place: number, req: IncomingMessage, res: ServerResponse): void {
    if (req.method !== 'POST' || !hasToken(req.headers)) return places.pass(place, req, res);
    readBody(req, limits.maxRequestBytes, (body) => {
      if (body instanceof BodyRefused) refuse(res, body.httpStatus, body.message);
      else places.pass(place, req, res, body);
    });
  }
  let sse = rules.legacySse ? createSseFront(given) : undefined;

  /** Says at the end that it is the last one on its connection. */
  class LastResponse<R extends IncomingMessage> extends ServerResponse<R> {
    override writeHead(...head: unknown[]): this {
      if (isLast) this.shouldKeepAlive = false;
      return super.writeHead(...(head as Parameters<ServerResponse['writeHead']>));
    }
  }

  let running = 0;
  let begun = 0;
  let onIdle = () => {};
  function serve(req: IncomingMessage, res: ServerResponse): void {
    // Behind the last answer of its connection, or its end. Node would take it for the next in turn where others still wait for
    // theirs, and fail an assertion, with which the process would end.
    if (!req.socket.writable) return;
    running++;
    begun++;
    // Not `once`: the state it allocates makes V8 keep it for old, and one process in ten was 1.5 times slower for it.
    res.on('close', () => {
      if (--running === 0) onIdle();
    });
    if (res.socket === null) endWithConnection(res, req.socket);
    if (req.headers.host === undefined && req.httpVersion === '1.1') return refuse(res, 400, UNSERVABLE);
    if (places !== undefined && (req.method !== 'POST' || !isMcp(req.url))) {
      const place = places.placeOfPage(req, isMcp(req.url));
      if (place !== undefined) return passPage(places, place, req, res);
    }
    if (isMcp(req.url)) return endpoint(req, res);
    // Express makes the response one of its own kind.
    if (isLast) res.shouldKeepAlive = false;
    if (sse?.serve(req, res) !== true) servePage(req, res);
  }
  const server = createServer(
    {
      ServerResponse: LastResponse,
      // Of two Authorization headers none is picked: joined they are no token of ours, and two of others no value either.
      joinDuplicateHeaders: true,
      requireHostHeader: false,
      maxHeaderSize: limits.maxHeaderBytes,
      connectionsCheckingInterval: Math.min(CHECK_MS, limits.headersTimeoutMs, limits.requestTimeoutMs),
    },
    serve,
  );
  // Those that Node would answer itself come here as well.
  server.on('checkExpectation', serve);
  server.on('clientError', refuseUnreadable);
  // A connection has been idle for long enough; where this process stood still, a request may have come that is still to be read.
  server.on('timeout', (connection) => {
    const { bytesRead } = connection;
    // The time of an answer, of which a part was not read.
    if (answerOn(connection) !== undefined) return;
    afterRounds(() => void (connection.bytesRead === bytesRead && connection.destroy()));
  });
  function applyLimits(): void {
    server.headersTimeout = Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs);
    server.requestTimeout = limits.requestTimeoutMs;
    // By default longer than the 60 s of common load balancers: the side that reuses a connection must not find it
    // just closed.
    server.keepAliveTimeout = limits.keepAliveTimeoutMs;
    entrance.allow(limits.maxConnections);
  }
  const entrance = await options.open(server);
  applyLimits();
  const { port } = entrance;
  let closed: Promise<void> | undefined;

  async function stopListening(): Promise<void> {
    isStopping = true;
    // Who has connected already, and is not accepted yet, would be reset: a round of the event loop takes them in.
    await immediate();
    await immediate();
    // Only now: who hears that its connection ends opens another one.
    isLast = true;
    await entrance.close();
  }

  function idle(): Promise<void> {
    return new Promise((resolve) => {
      onIdle = resolve;
      if (running === 0) resolve();
    });
  }

  return {
    url: `http://${inUrl(options.host)}:${port}/mcp`,
    get running() {
      return running;
    },
    apply(fresh) {
      rules = fresh;
      applyLimits();
      refusedHost = createHostCheck(listensOnLoopback, rules.allowedHosts);
      if (!rules.legacySse) sse?.drain();
      sse = rules.legacySse ? (sse ?? createSseFront(given)) : undefined;
      sse?.selectAgain();
    },
    async drain(graceMs, lingerMs) {
      closed ??= stopListening();
      const endsAt = performance.now() + graceMs;
      sse?.drain();
      let seen = -1;
      while (seen !== begun || running > 0) {
        seen = begun;
        if (!(await within(Math.max(endsAt - performance.now(), 0), idle()))) break;
        if (await within(Math.min(lingerMs, Math.max(endsAt - performance.now(), 0)), closed)) break;
      }
      return running;
    },
    async close() {
      closed ??= stopListening();
      sse?.close();
      await within(LAST_BYTES_MS, idle());
      server.close();
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

/** Responses that wait behind another one on their connection. */
const waiting = new WeakMap<Socket, Set<ServerResponse>>();

/** Node tells a response that waits for its turn nothing of the end of its connection. */
function endWithConnection(res: ServerResponse, connection: Socket): void {
  const known = waiting.get(connection);
  const all = known ?? new Set();
  all.add(res);
  res.on('close', () => all.delete(res));
  if (known !== undefined) return;
  waiting.set(connection, all);
  connection.once('close', () => {
    for (const one of all) if (one.socket === null) one.destroy();
    // Node 24 says by itself that they are closed, Node 20 does not.
    setImmediate(() => {
      for (const one of all) if (one.socket === null) one.emit('close');
    });
  });
}
