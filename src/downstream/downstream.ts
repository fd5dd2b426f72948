import type { DownstreamConfig } from '../config/config.ts';
import { unavailable } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Params } from '../protocol/messages.ts';
import { createAskingConnections } from './asking-connections.ts';
import { connectTo, isRefusal } from './connect.ts';
import type { Connection } from './connection.ts';
import { withFreshHeaders } from './fresh-headers.ts';
import { keepConnected } from './kept-connection.ts';
import { createLeaving, whileBusy } from './leaving.ts';
import type { Exchange, OutgoingRequest, Receiver } from './link.ts';
import { createListKeeper } from './list-keeper.ts';
import { type Listing, readListing } from './listing.ts';
import { openConnection } from './open-connection.ts';
import { type Renewal, RenewingExchange } from './renewing-exchange.ts';
import { RetryBudget } from './retry-budget.ts';
import type { DownstreamStatus } from './status.ts';
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
  readonly wishes: Pick<Wishes, 'watch' | 'watchTask' | 'wantLogs'>;
  /** Requests that wait: for their answer, or for a connection. */
  readonly running: number;
  /** Is shown as this says from now on; it is connected to as before. */
  adopt(config: DownstreamConfig): void;
  /**
   * Is connected to as this says. The new connection takes over when it has listed; calls that run on the old one may
   * finish. Resolves when it has, or could not be had: then the old one is given up as well.
   */
  reconnect(config: DownstreamConfig, maxResultBytes: number): Promise<void>;
  /** Closes when nothing runs on it, and after this time at the latest. */
  leave(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

interface DownstreamOptions {
  maxResultBytes: number;
  log: Logger;
  /** The last good list of an earlier run. */
  restored?: Listing;
  /** Its list is another than before. */
  onListing(): void;
  /** It has refused our credentials: they may have changed where they are kept. */
  onRefused(): void;
}

const DISCOVER_TIMEOUT_MS = 5000;

export function createDownstream(given: DownstreamConfig, options: DownstreamOptions): Downstream {
  const { key } = given;
  const log = options.log.child({ downstream: key });
  const closing = new AbortController();
  const leaving = createLeaving(closing.signal);
  // Of it and the target of the connection, one may be ahead of the other while a new connection is made.
  let config = given;

  const asking = createAskingConnections(async (capabilities, onClosed) => {
    // A process of its own tells here of what has changed in it; of a server over HTTP the connection that lists hears.
    const isApart = kept.target.config.kind === 'stdio';
    const opened = await connectTo(kept.target.config, {
      maxResultBytes: kept.target.maxResultBytes,
      log,
      signal: closing.signal,
      mode: 'legacy',
      capabilities,
      onListChanged: lists.announce,
      onUpdated: isApart ? wishes.updated : () => {},
      onTask: () => {},
      onClosed,
    });
    return untilEnd(opened, wishes.tellFurther(opened, isApart));
  });

  /** For requests of callers that can be asked these things. Where no connection can say so, they are asked nothing. */
  const renewalFor = (capabilities: Params): Renewal => ({
    ...renewal,
    connection() {
      if (kept.current?.link.era !== 'legacy') return kept.current;
      return asking.get(capabilities) ?? (asking.isRefused(capabilities) ? kept.current : undefined);
    },
    connectionAfter(lost) {
      if (lost !== undefined && lost !== kept.current) asking.drop(lost);
      const main = kept.after(lost === kept.current ? lost : undefined);
      return main?.then((next) =>
        next.link.era === 'legacy' ? asking.with(capabilities).catch(() => next) : next,
      );
    },
  });

  let doubted: Connection | undefined;
  /**
   * Asks a modern downstream whether it still is one. The era was found out at connect; a server that was replaced by
   * an older one refuses everything, and would for ever. (A legacy one that was replaced has lost our session.)
   */
  function doubt(suspect: Connection): void {
    if (suspect !== kept.current || suspect === doubted || suspect.link.era !== 'modern') return;
    doubted = suspect;
    suspect.client.discover({ timeout: DISCOVER_TIMEOUT_MS }).then(
      () => {
        doubted = undefined;
      },
      () => {
        if (suspect === kept.current) kept.end('it no longer speaks the version found at connect');
      },
    );
  }

  const lists = createListKeeper({
    restored: options.restored,
    async list() {
      const asked = kept.current;
      const list = asked && (await readListing(asked, key, lists.current, config.listTimeoutMs));
      // A newer connection has listed for itself meanwhile.
      return asked === kept.current ? list : undefined;
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

  const wishes = createWishes(key, log, lists.announce);
  const kept = keepConnected({
    ...{ key, log, leaving, closing },
    target: { config: given, maxResultBytes: options.maxResultBytes },
    open: (target, signal, failures) =>
      openConnection({ ...target, key, log, signal, failures, lists, wishes, onRefused: options.onRefused }),
    onReady({ link: { era, version } }) {
      asking.forgive();
      log.info(
        { event: 'downstream_ready', era, version, tools: lists.current?.tools.length },
        `"${key}" is connected`,
      );
    },
    onLost: lists.pause,
    onReplaced: () => asking.renew(leaving.add),
  });
  const renewal: Renewal = {
    connection: () => kept.current,
    connectionAfter: kept.after,
    unavailable: () => unavailable(key, kept.why),
    async refreshed(request) {
      await lists.refresh();
      return withFreshHeaders(request, lists.current);
    },
    doubt,
    budget: new RetryBudget(),
  };

  const running = () => kept.waiting + asking.running + leaving.running + (kept.current?.link.running ?? 0);

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
    status() {
      const { current: list } = lists;
      const { current, state, why, detail } = kept;
      const known = list === undefined ? {} : { tools: list.tools.length, warnings: list.warnings };
      if (current === undefined) return { state, why, ...(detail === undefined ? {} : { detail }), ...known };
      const { era, version } = current.link;
      return { state, era, version, ...known };
    },
    request(request, receiver) {
      const { capabilities } = request;
      const over = capabilities === undefined ? renewal : renewalFor(capabilities);
      return new RenewingExchange(request, receiver, over);
    },
    wishes,
    start: kept.start,
    adopt(fresh) {
      config = fresh;
    },
    reconnect: (fresh, maxResultBytes) => kept.replace({ config: fresh, maxResultBytes }),
    get running() {
      return running();
    },
    async leave(graceMs) {
      await whileBusy(() => running() > 0, graceMs, closing.signal);
      await close();
    },
    close,
  };
}

/** The connection, with what is to be done when it is left. */
function untilEnd(connection: Connection, leave: () => void): Connection {
  return {
    link: connection.link,
    client: connection.client,
    retire() {
      leave();
      return connection.retire();
    },
    close() {
      leave();
      return connection.close();
    },
  };
}
