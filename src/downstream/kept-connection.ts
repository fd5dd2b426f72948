import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../log.ts';
import { deferred } from '../promises.ts';
import { isCutOff } from './causes.ts';
import { backoffMs, respawnMs, restartMs } from './connecting/backoff.ts';
import { whyOf } from './connecting/connect.ts';
import { ConnectFailed, type Connection } from './connection.ts';
import type { Leaving } from './leaving.ts';
import type { Ending, Ready, Target } from './open-connection.ts';
import { Waiters } from './waiters.ts';

/** The one connection that lists and calls, made again whenever it ends. */
export interface KeptConnection {
  /** Undefined while there is none. */
  readonly current: Connection | undefined;
  readonly state: 'connecting' | 'ready' | 'down';
  /** Why there is none, in a few words. */
  readonly why: string;
  /** There is none, and it is not just coming back. */
  readonly isGone: boolean;
  /** What the downstream said about that itself. */
  readonly detail: string | undefined;
  /** What it is made from. */
  readonly target: Target;
  /** Resolves when the first attempt has ended, whichever way. */
  readonly attempted: Promise<void>;
  /** Begins to connect. Once is enough. */
  start(): void;
  /** The connection after `lost`, as soon as there is one; undefined when none is being made just now. */
  after(lost: Connection | undefined): Promise<Connection> | undefined;
  /** It is of no more use. */
  end(why: string): void;
  /** What it holds on to is as before. From now on it lists, and is made the next time, as this says. */
  adopt(target: Target): void;
  /**
   * Makes it from something else: the new one first, then the old one goes when its calls have ended. Resolves when that
   * is so, or the new one could not be had: then the old one goes all the same.
   */
  replace(target: Target): Promise<void>;
  close(): Promise<void>;
}

interface KeptOptions {
  key: string;
  log: Logger;
  target: Target;
  /**
   * Connects and lists.
   *
   * @param failures  how many attempts have failed while it is away
   */
  open(target: Target, signal: AbortSignal, failures: number): Promise<Ready>;
  onReady(connection: Connection): void;
  /** There is none, for now. */
  onLost(): void;
  leaving: Leaving;
  /** Aborted when it is to end for good. */
  closing: AbortController;
}

/** A connection that ends sooner than this counts as a failed attempt: a crash loop must slow down too. */
const STABLE_MS = 10_000;

/** How a connection ended, or an attempt at one. */
interface End {
  readonly why: string;
  readonly detail: string | undefined;
  readonly wasReady: boolean;
  /** What comes next is its renewal, and no further attempt. */
  readonly wasSound?: boolean | undefined;
  /** No connection came about at all, as where a process has just gone and the next one is not there yet. */
  readonly isCutOff?: boolean;
}

export function keepConnected(options: KeptOptions): KeptConnection {
  const { key, log, leaving, closing } = options;
  const attempted = deferred<void>();
  let { target } = options;
  let state: KeptConnection['state'] = 'connecting';
  let why = 'not connected yet';
  let detail: string | undefined;
  let ready: Ready | undefined;
  /** What takes over from it. Not told with its end: each one would hold on to all that came after it. */
  let successor: Ready | undefined;
  /** That of `ready`, as long as it is of use. */
  let connection: Connection | undefined;
  const waiters = new Waiters();

  let failures = 0;
  /** Since when there is the connection: a start may take as long as it likes. */
  let readyAt = 0;
  /** Of the attempts that follow the end of a connection at once, those that were made. */
  let restarts = Number.POSITIVE_INFINITY;
  /** It did not come back at the first attempt; what comes for it is told so, and does not wait for the next one. */
  let isAway = false;
  /** Gives up what is being done to get a connection, or the pause before it. */
  let attempt = new AbortController();
  let tried = attempted;
  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      attempt = new AbortController();
      const { signal } = attempt;
      state = 'connecting';
      const end = await connectUntilEnd(signal);
      if (closing.signal.aborted) break;
      // What to connect to has changed meanwhile.
      if (signal.aborted) continue;
      const wasStable = end.wasSound === true || (end.wasReady && performance.now() - readyAt > STABLE_MS);
      if (end.wasReady) restarts = 0;
      const restartInMs = end.isCutOff && target.config.kind === 'http' ? restartMs(restarts++) : undefined;
      if (restartInMs !== undefined) {
        await sleep(restartInMs, undefined, { signal }).catch(() => {});
        continue;
      }
      failures = wasStable ? 0 : failures + 1;
      isAway = !end.wasReady || failures > 1;
      // The first renewal of a connection that had worked is immediate: a restart is over in a moment.
      const pauseMs = target.config.kind === 'stdio' ? respawnMs : backoffMs;
      const retryInMs = end.wasReady && failures <= 1 ? 0 : pauseMs(failures);
      // Said once: a downstream that stays away for a night is one line, not a thousand.
      const isNews = end.wasReady || why !== end.why;
      ({ why, detail } = end);
      log[isNews ? 'warn' : 'debug'](
        { event: 'downstream_down', why, detail, retryInMs },
        `"${key}" is not connected: ${why}`,
      );
      onTried();
      if (retryInMs === 0) continue;
      state = 'down';
      waiters.reject(why);
      await sleep(retryInMs, undefined, { signal }).catch(() => {});
    }
    state = 'down';
    onTried();
    waiters.reject('closed');
  }

  /** From the attempt at a connection to its end, or to that of the last one that took over from it. */
  async function connectUntilEnd(signal: AbortSignal): Promise<End> {
    try {
      ready = await options.open(target, signal, isAway ? failures : 0);
    } catch (error) {
      return { ...failed(error), wasReady: false };
    }
    for (;;) {
      const mine: Ready = ready;
      use(mine.connection);
      const end: Ending = await mine.ended.promise;
      mine.stopTelling();
      if (successor !== undefined && !closing.signal.aborted) {
        ready = successor;
        successor = undefined;
        leaving.add(mine.connection);
        continue;
      }
      options.onLost();
      ready = undefined;
      connection = undefined;
      state = 'connecting';
      why = end.why;
      if (closing.signal.aborted) {
        successor?.stopTelling();
        await Promise.allSettled([mine.connection.close(), successor?.connection.close()]);
      } else if (mine.config.kind === 'http' || end.isDismissed === true) leaving.add(mine.connection);
      // What is left of a process is gone before the next one is started.
      else await mine.connection.close().catch(() => {});
      return { why: end.why, detail: end.detail, wasReady: true, wasSound: end.isFoundOut };
    }
  }

  function failed(error: unknown): Omit<End, 'wasReady'> {
    log.debug({ event: 'connect_failed', err: error }, 'the attempt failed');
    const said = error instanceof ConnectFailed ? error.detail : undefined;
    return { why: whyOf(error), detail: said, isCutOff: isCutOff(error) };
  }

  function use(fresh: Connection): void {
    connection = fresh;
    readyAt = performance.now();
    state = 'ready';
    isAway = false;
    options.onReady(fresh);
    onTried();
    waiters.resolve(fresh);
  }

  function onTried(): void {
    attempted.resolve();
    tried.resolve();
  }

  let replacing: AbortController | undefined;
  async function takeOverFrom(old: Ready): Promise<void> {
    replacing?.abort();
    const mine = new AbortController();
    replacing = mine;
    let fresh: Ready | undefined;
    let end: Ending;
    try {
      fresh = await options.open(target, mine.signal, 0);
      end = { why: 'replaced' };
    } catch (error) {
      end = { ...failed(error), isDismissed: true };
    }
    const isWanted = !mine.signal.aborted && ready === old && !closing.signal.aborted;
    if (isWanted) {
      successor = fresh;
      return old.ended.resolve(end);
    }
    fresh?.stopTelling();
    await fresh?.connection.close().catch(() => {});
  }

  /** Without what is left of the pause before the next attempt. */
  async function tryAgain(): Promise<void> {
    replacing?.abort();
    failures = 0;
    isAway = false;
    tried = deferred();
    attempt.abort();
    await tried.promise;
  }

  const isGone = () => connection === undefined && (state !== 'connecting' || isAway);

  function end(reason: string, isFoundOut = false): void {
    ready?.ended.resolve({ why: reason, isFoundOut });
  }

  let running: Promise<void> | undefined;

  return {
    get current() {
      return connection;
    },
    get state() {
      // A further attempt after a failed one is no news until it has succeeded.
      return state === 'connecting' && failures > 0 ? 'down' : state;
    },
    get why() {
      return why;
    },
    get isGone() {
      return isGone();
    },
    get detail() {
      return detail;
    },
    get target() {
      return target;
    },
    attempted: attempted.promise,
    start() {
      running ??= run();
    },
    after(lost) {
      if (lost !== undefined && lost === connection) {
        connection = undefined;
        state = 'connecting';
        end('the connection was lost', target.config.kind === 'http');
      }
      if (connection !== undefined) return Promise.resolve(connection);
      return isGone() ? undefined : waiters.add();
    },
    end,
    adopt(fresh) {
      const hasOtherTime = fresh.config.connectTimeoutMs !== target.config.connectTimeoutMs;
      target = fresh;
      // What was too short may be enough now.
      if (hasOtherTime && ready === undefined) void tryAgain();
    },
    async replace(fresh) {
      target = fresh;
      if (running === undefined || closing.signal.aborted) return;
      return ready === undefined ? tryAgain() : takeOverFrom(ready);
    },
    async close() {
      attempt.abort();
      replacing?.abort();
      end('closed');
      await running;
    },
  };
}
