import type { DownstreamConfig, Limits } from '../config/config.ts';
import { identityOf } from '../config/identity.ts';
import { unavailable } from '../errors.ts';
import type { Logger } from '../log.ts';
import { remembering } from '../protocol/text.ts';
import { Refused } from './ask.ts';
import { createAskingConnections } from './asking-connections.ts';
import { isCutOff, isSessionLost } from './causes.ts';
import { connectTo, isRefusal } from './connecting/connect.ts';
import { type Connection, type ConnectionLimits, untilEnd } from './connection.ts';
import { createDoubt } from './doubt.ts';
import { withFreshHeaders } from './fresh-headers.ts';
import { keepConnected } from './kept-connection.ts';
import { createLeaving, whileBusy } from './leaving.ts';
import type { Exchange, OutgoingRequest, Receiver } from './link.ts';
import { createListKeeper, type ListKeeper } from './lists/list-keeper.ts';
import { type Listing, type ListLimits, readListing } from './lists/listing.ts';
import { createWishes, type Wishes } from './lists/wishes.ts';
import { openConnection } from './open-connection.ts';
import { type BreakerLimits, createBreaker } from './passage/breaker.ts';
import { Gate } from './passage/gate.ts';
import { type Renewal, RenewingExchange } from './passage/renewing-exchange.ts';
import { RetryBudget } from './passage/retry-budget.ts';
import type { DownstreamStatus } from './status.ts';

/** One server behind us: connected, listed, and connected again whenever it goes away. */
export interface Downstream {
  readonly key: string;
  readonly config: DownstreamConfig;
  /** Resolves when the first attempt to connect and list has ended, whichever way. */
  readonly attempted: Promise<void>;
  /** The last list it gave; undefined before the first. */
  readonly listing: Listing | undefined;
  /** Whose list that is: after a change of its url or command that of the server before, until there is another. */
  readonly listedBy: DownstreamConfig;
  /** It is connected to, and nothing binds its calls to this process. */
  readonly isStateless: boolean;
  status(): DownstreamStatus;
  /** Begins to connect. Once is enough. */
  start(): void;
  /** Sends one request: once, and again where `retry-rules` lets it. */
  request(request: OutgoingRequest, receiver: Receiver): Exchange;
  readonly wishes: Pick<Wishes, 'watch' | 'watchTask' | 'awaitElicitation' | 'wantLogs'>;
  /** Asks for its list now, unless that was done just before. Resolves with the last one it gave. */
  relist(): Promise<Listing | undefined>;
  /** Calls that wait: for their answer, for a connection, for their turn, or for what their caller says. */
  readonly running: number;
  /** A call is to go on when its caller has been asked something: until what this returns is called, nobody leaves. */
  hold(): () => void;
  /** Is shown and bounded as this says from now on; it is connected to as before. */
  adopt(config: DownstreamConfig, limits: DownstreamLimits): void;
  /**
   * Is connected to as this says. The new connection takes over when it has listed; calls that run on the old one may
   * finish. Resolves when it has, or could not be had: then the old one is given up as well.
   */
  reconnect(config: DownstreamConfig, limits: DownstreamLimits): Promise<void>;
  /** Closes when nothing runs on it, and after this time at the latest. */
  leave(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

export type DownstreamLimits = ConnectionLimits & ListLimits & BreakerLimits & Pick<Limits, 'maxQueue'>;

interface DownstreamOptions {
  limits: DownstreamLimits;
  log: Logger;
  /** The last good list of an earlier run. */
  restored?: Listing | undefined;
  /** Kept elsewhere; absent where this process asks for it itself. */
  lists?: ListKeeper | undefined;
  /** Its list is another than before. */
  onListing(): void;
  /** It has refused our credentials: they may have changed where they are kept. */
  onRefused(): void;
}

export function createDownstream(given: DownstreamConfig, options: DownstreamOptions): Downstream {
  const { key } = given;
  const log = options.log.child({ downstream: key });
  const closing = new AbortController();
  const leaving = createLeaving(closing.signal);
  // Of these and the target of the connection, one may be ahead of the other while a new connection is made.
  let config = given;
  let listedBy = given;
  const limits = { ...options.limits };

  const asking = createAskingConnections(async (capabilities, onClosed) => {
    // What a process of its own tells of changes, or a server on the stream of a request, the connection that lists does not hear.
    const isApart = kept.target.config.kind === 'stdio';
    const opened = await connectTo(kept.target.config, {
      limits: kept.target.limits,
      log,
      signal: closing.signal,
      mode: 'legacy',
      capabilities,
      onListChanged: lists.announce,
      onUpdated: (uri, inRequest) => (isApart || inRequest ? wishes.updated(uri) : undefined),
      onTask: () => {},
      onElicitationDone: wishes.elicitationDone,
      onClosed,
    });
    return untilEnd(opened, wishes.tellFurther(opened, isApart));
  }, leaving.add);

  /** Where the server has gone away meanwhile, `main` is of no more use either: it is waited for the next one, once. */
  async function openBeside(main: Connection, capabilities: string, mayWait = true): Promise<Connection> {
    if (main.link.era !== 'legacy') return main;
    return asking.with(capabilities).catch(async (error: unknown) => {
      const next = mayWait && isCutOff(error) ? await kept.after(main) : undefined;
      return next === undefined ? main : openBeside(next, capabilities, false);
    });
  }

  /** For requests of callers that can be asked these things. Where no connection can say so, they are asked nothing. */
  const renewalFor = remembering(
    (capabilities): Renewal => ({
      ...renewal,
      connection() {
        const { current } = kept;
        if (current?.link.era !== 'legacy') return current;
        return asking.get(capabilities) ?? (asking.isRefused(capabilities) ? current : undefined);
      },
      connectionAfter(lost) {
        if (lost !== undefined && lost !== kept.current) asking.drop(lost);
        const next = kept.after(lost === kept.current ? lost : undefined);
        return next?.then((main) => openBeside(main, capabilities));
      },
    }),
  );

  const breaker = createBreaker(key, limits, log);
  const lists: ListKeeper =
    options.lists ??
    createListKeeper({
      restored: options.restored,
      async list(): Promise<Listing | undefined> {
        const asked = kept.current;
        try {
          const list = asked && (await readListing(asked, key, limits, lists.current));
          // A newer connection has listed for itself meanwhile.
          return asked === kept.current ? list : undefined;
        } catch (error) {
          if (asked !== undefined && error instanceof Refused) renewal.doubt(asked);
          if (!isSessionLost(error) || asked !== kept.current) throw error;
          // The next one lists for itself. Not as when a call finds it out: this could go on without end.
          kept.end('its session was lost');
          return undefined;
        }
      },
      onChanged(list) {
        for (const warning of list.warnings) log.warn({ event: 'odd_tool_list' }, `${key}: ${warning}`);
        options.onListing();
      },
      onFailed(error) {
        log.warn({ event: 'relist_failed', err: error }, `${key} did not list its tools again`);
        if (isRefusal(error)) options.onRefused();
      },
    });

  /** What one server has listed does not stand for what the next one at its key could not. */
  function listsOf(
    server: DownstreamConfig,
  ): Pick<ListKeeper, 'current' | 'isTold' | 'announce' | 'publish'> {
    const isListed = () => identityOf(listedBy) === identityOf(server);
    return {
      isTold: lists.isTold,
      announce: lists.announce,
      get current() {
        return isListed() ? lists.current : undefined;
      },
      publish(list) {
        const isFirst = !isListed();
        listedBy = server;
        lists.publish(list);
        // Also where it lists the same: what was accepted of the one before was not of this one.
        if (isFirst) options.onListing();
      },
    };
  }

  const wishes = createWishes(key, log, lists.announce, async (connection) => {
    // There are servers that say 404 to what they do not know; a list they know.
    await lists.refresh();
    return kept.current !== connection;
  });
  const kept = keepConnected({
    key,
    log,
    leaving,
    closing,
    target: { config: given, limits: options.limits },
    open: (target, signal, failures) =>
      openConnection({
        ...target,
        key,
        log,
        signal,
        failures,
        wishes,
        onRefused: options.onRefused,
        lists: listsOf(target.config),
      }),
    onReady({ link: { era, version } }) {
      asking.forgive();
      breaker.reconnected();
      log.info(
        { event: 'downstream_ready', era, version, tools: lists.current?.tools.length },
        `"${key}" is connected`,
      );
    },
    onLost: lists.pause,
  });
  const renewal: Renewal = {
    connection: () => kept.current,
    connectionAfter: kept.after,
    unavailable: () => unavailable(key, kept.why),
    async refreshed(request) {
      await lists.refresh();
      return withFreshHeaders(request, lists.current);
    },
    doubt: createDoubt(
      (suspect) => suspect === kept.current,
      () => kept.end('it no longer speaks the version found at connect'),
    ),
    budget: new RetryBudget(),
  };
  const gate = new Gate({
    key,
    limits,
    breaker,
    away: () => (kept.isGone ? unavailable(key, kept.why) : undefined),
    send(request, receiver) {
      const { capabilities } = request;
      const over = capabilities === undefined ? renewal : renewalFor(JSON.stringify(capabilities));
      return new RenewingExchange(request, receiver, over);
    },
  });
  /** Calls whose callers are asked something. */
  let held = 0;
  const running = () => gate.size + held;

  async function close(): Promise<void> {
    closing.abort();
    await Promise.all([kept.close(), asking.close(), leaving.over()]);
  }

  return {
    key,
    get config() {
      return config;
    },
    attempted: kept.attempted,
    get listing() {
      return lists.current;
    },
    get listedBy() {
      return listedBy;
    },
    get isStateless() {
      return kept.current?.link.isStateless === true;
    },
    status() {
      const { current: list } = lists;
      const { current, state, why, detail } = kept;
      const known = list === undefined ? {} : { tools: list.tools.length, warnings: list.warnings };
      if (current === undefined) return { state, why, ...(detail === undefined ? {} : { detail }), ...known };
      const { era, version } = current.link;
      if (breaker.isOpen)
        return { state: 'down', why: 'its calls fail one after the other', era, version, ...known };
      return { state, era, version, ...known };
    },
    request: (request, receiver) => gate.request(request, receiver),
    wishes,
    relist: () => lists.refresh().then(() => lists.current),
    get running() {
      return running();
    },
    hold() {
      held++;
      return () => void held--;
    },
    start: kept.start,
    adopt(fresh, freshLimits) {
      config = fresh;
      Object.assign(limits, freshLimits);
      kept.adopt({ config, limits: freshLimits });
      gate.fill();
    },
    async reconnect(fresh, freshLimits) {
      await kept.replace({ config: fresh, limits: freshLimits });
      // Whichever way that went: those of callers that can be asked are still made from what was before.
      asking.renew();
    },
    leave: (graceMs) => whileBusy(() => running() > 0, graceMs, closing.signal).then(close),
    close,
  };
}
