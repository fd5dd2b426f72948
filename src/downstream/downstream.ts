import { setTimeout as sleep } from 'node:timers/promises';
import type { DownstreamConfig, Limits } from '../config/config.ts';
import { unavailable } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Params } from '../protocol/messages.ts';
import { createAskingConnections } from './asking-connections.ts';
import { backoffMs } from './backoff.ts';
import { type BreakerLimits, createBreaker } from './breaker.ts';
import { connectTo, whyOf } from './connect.ts';
import {
  ConnectFailed,
  type Connection,
  type ConnectionLimits,
  type ConnectOptions,
  untilEnd,
} from './connection.ts';
import { deferred } from './deferred.ts';
import { createDoubt } from './doubt.ts';
import { withFreshHeaders } from './fresh-headers.ts';
import { Gate } from './gate.ts';
import type { Exchange, OutgoingRequest, Receiver } from './link.ts';
import { createListKeeper } from './list-keeper.ts';
import { type Listing, type ListLimits, readListing } from './listing.ts';
import { type Renewal, RenewingExchange } from './renewing-exchange.ts';
import { RetryBudget } from './retry-budget.ts';
import type { DownstreamStatus } from './status.ts';
import { Waiters } from './waiters.ts';
import { createWishes, type Wishes } from './wishes.ts';

/** One server behind us: connected, listed, and connected again whenever it goes away. */
export interface Downstream {
  readonly key: string;
  readonly config: DownstreamConfig;
  /** Resolves when the first attempt to connect and list has ended, whichever way. */
  readonly attempted: Promise<void>;
  /** The last list it gave; undefined before the first. */
  readonly listing: Listing | undefined;
  status(): DownstreamStatus;
  /** Begins to connect. Once is enough. */
  start(): void;
  /** Sends one request: once, and again where `retry-rules` lets it. */
  request(request: OutgoingRequest, receiver: Receiver): Exchange;
  readonly wishes: Pick<Wishes, 'watch' | 'watchTask' | 'awaitElicitation' | 'wantLogs'>;
  /** Requests that wait: for their answer, for a connection, or for their turn. */
  readonly running: number;
  close(): Promise<void>;
}

type DownstreamLimits = ConnectionLimits & ListLimits & BreakerLimits & Pick<Limits, 'maxQueue'>;

interface DownstreamOptions {
  limits: DownstreamLimits;
  log: Logger;
  /** The last good list of an earlier run. */
  restored?: Listing;
  /** Its list is another than before. */
  onListing(): void;
}

/** A connection that ends sooner than this counts as a failed attempt: a crash loop must slow down too. */
const STABLE_MS = 10_000;

/** How a connection ended, or an attempt at one. */
interface End {
  why: string;
  detail: string | undefined;
  wasReady: boolean;
}

export function createDownstream(config: DownstreamConfig, options: DownstreamOptions): Downstream {
  const { key } = config;
  const { limits } = options;
  const log = options.log.child({ downstream: key });
  const closing = new AbortController();
  const attempted = deferred<void>();
  let state: DownstreamStatus['state'] = 'connecting';
  let why = 'not connected yet';
  let detail: string | undefined;
  let connection: Connection | undefined;
  let endConnection: (why: string) => void = () => {};
  const waiters = new Waiters();

  let failures = 0;
  /** It did not come back at the first attempt; what comes for it is told so, and does not wait for the next one. */
  let isAway = false;
  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      const startedAt = performance.now();
      state = 'connecting';
      const end = await connectUntilEnd();
      if (closing.signal.aborted) break;
      const wasStable = end.wasReady && performance.now() - startedAt > STABLE_MS;
      failures = wasStable ? 0 : failures + 1;
      isAway = !end.wasReady || failures > 1;
      // The first renewal of a connection that had worked is immediate: a restart is over in a moment.
      const retryInMs = end.wasReady && failures <= 1 ? 0 : backoffMs(failures);
      // Said once: a downstream that stays away for a night is one line, not a thousand.
      const isNews = end.wasReady || why !== end.why;
      ({ why, detail } = end);
      log[isNews ? 'warn' : 'debug'](
        { event: 'downstream_down', why, detail, retryInMs },
        `"${key}" is not connected: ${why}`,
      );
      attempted.resolve();
      if (retryInMs === 0) continue;
      state = 'down';
      waiters.reject(why);
      await sleep(retryInMs, undefined, { signal: closing.signal }).catch(() => {});
    }
    state = 'down';
    attempted.resolve();
    waiters.reject('closed');
  }

  const connect = (given: Omit<ConnectOptions, 'limits' | 'log' | 'signal'>) =>
    connectTo(config, { ...given, limits, log, signal: closing.signal });

  /** One connection, from the attempt to its end. */
  async function connectUntilEnd(): Promise<End> {
    const ended = deferred<string>();
    endConnection = ended.resolve;
    let opened: Connection | undefined;
    let stopTelling = () => {};
    try {
      opened = await connect({
        mode: 'auto',
        capabilities: {},
        onListChanged: lists.announce,
        onUpdated: wishes.updated,
        onTask: wishes.taskChanged,
        onElicitationDone: wishes.elicitationDone,
        onClosed: ended.resolve,
      });
      const leave = () => void opened?.close();
      closing.signal.addEventListener('abort', leave);
      try {
        stopTelling = await wishes.tell(opened);
        lists.publish(await readListing(opened, key, limits, lists.current));
      } finally {
        closing.signal.removeEventListener('abort', leave);
      }
    } catch (error) {
      stopTelling();
      await opened?.close().catch(() => {});
      log.debug({ event: 'connect_failed', err: error }, 'the attempt failed');
      return {
        why: whyOf(error),
        detail: error instanceof ConnectFailed ? error.detail : undefined,
        wasReady: false,
      };
    }
    const { era, version } = opened.link;
    log.info(
      { event: 'downstream_ready', era, version, tools: lists.current?.tools.length },
      `"${key}" is connected`,
    );
    const ready = opened;
    connection = ready;
    asking.forgive();
    state = 'ready';
    isAway = false;
    breaker.reconnected();
    attempted.resolve();
    waiters.resolve(ready);
    const reason = await ended.promise;
    lists.pause();
    stopTelling();
    connection = undefined;
    state = 'connecting';
    why = reason;
    await (closing.signal.aborted ? ready.close() : ready.retire()).catch(() => {});
    return { why: reason, detail: undefined, wasReady: true };
  }

  /** It is away, and not just coming back. */
  const isGone = () => connection === undefined && (state !== 'connecting' || isAway);

  /** The connection after `lost`, as soon as there is one; undefined when none is being made just now. */
  function connectionAfter(lost: Connection | undefined): Promise<Connection> | undefined {
    if (lost !== undefined && lost === connection) {
      connection = undefined;
      state = 'connecting';
      endConnection('the connection was lost');
    }
    if (connection !== undefined) return Promise.resolve(connection);
    return isGone() ? undefined : waiters.add();
  }

  const asking = createAskingConnections(async (capabilities, onClosed) => {
    // A process of its own tells here of what has changed in it; of a server over HTTP the connection that lists hears.
    const isApart = config.kind === 'stdio';
    const opened = await connect({
      mode: 'legacy',
      capabilities,
      onListChanged: lists.announce,
      onUpdated: isApart ? wishes.updated : () => {},
      onTask: () => {},
      onElicitationDone: wishes.elicitationDone,
      onClosed,
    });
    return untilEnd(opened, wishes.tellFurther(opened, isApart));
  });

  /** For requests of callers that can be asked these things. Where no connection can say so, they are asked nothing. */
  const renewalFor = (capabilities: Params): Renewal => ({
    ...renewal,
    connection() {
      if (connection?.link.era !== 'legacy') return connection;
      return asking.get(capabilities) ?? (asking.isRefused(capabilities) ? connection : undefined);
    },
    connectionAfter(lost) {
      if (lost !== undefined && lost !== connection) asking.drop(lost);
      const main = connectionAfter(lost === connection ? lost : undefined);
      return main?.then((next) =>
        next.link.era === 'legacy' ? asking.with(capabilities).catch(() => next) : next,
      );
    },
  });

  const breaker = createBreaker(key, limits, log);
  const lists = createListKeeper({
    restored: options.restored,
    async list() {
      const asked = connection;
      const list = asked && (await readListing(asked, key, limits, lists.current));
      // A newer connection has listed for itself meanwhile.
      return asked === connection ? list : undefined;
    },
    onChanged(list) {
      for (const warning of list.warnings) log.warn({ event: 'odd_tool_list' }, `${key}: ${warning}`);
      options.onListing();
    },
    onFailed: (error) =>
      log.warn({ event: 'relist_failed', err: error }, `${key} did not list its tools again`),
  });

  const wishes = createWishes(key, log, lists.announce);
  const renewal: Renewal = {
    connection: () => connection,
    connectionAfter,
    unavailable: () => unavailable(key, why),
    async refreshed(request) {
      await lists.refresh();
      return withFreshHeaders(request, lists.current);
    },
    doubt: createDoubt(
      (suspect) => suspect === connection,
      () => endConnection('it no longer speaks the version found at connect'),
    ),
    budget: new RetryBudget(),
  };
  const gate = new Gate({
    key,
    maxInFlight: limits.maxInFlight,
    maxQueue: limits.maxQueue,
    breaker,
    away: () => (isGone() ? unavailable(key, why) : undefined),
    send(request, receiver) {
      const { capabilities } = request;
      const over = capabilities === undefined ? renewal : renewalFor(capabilities);
      return new RenewingExchange(request, receiver, over);
    },
  });
  let running: Promise<void> | undefined;

  return {
    key,
    config,
    attempted: attempted.promise,
    get listing() {
      return lists.current;
    },
    status() {
      const { current: list } = lists;
      const known = list === undefined ? {} : { tools: list.tools.length, warnings: list.warnings };
      // A further attempt after a failed one is no news until it has succeeded.
      const shown = state === 'connecting' && failures > 0 ? 'down' : state;
      if (connection === undefined) {
        return { state: shown, why, ...(detail === undefined ? {} : { detail }), ...known };
      }
      const { era, version } = connection.link;
      if (breaker.isOpen)
        return { state: 'down', why: 'its calls fail one after the other', era, version, ...known };
      return { state, era, version, ...known };
    },
    request: (request, receiver) => gate.request(request, receiver),
    wishes,
    get running() {
      return (connection?.link.running ?? 0) + asking.running + waiters.size + gate.waiting;
    },
    start() {
      running ??= run();
    },
    async close() {
      closing.abort();
      endConnection('closed');
      await Promise.all([running, asking.close()]);
    },
  };
}
