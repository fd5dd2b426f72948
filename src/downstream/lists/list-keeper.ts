import type { Listing } from './listing.ts';

/** Keeps the last good list of one downstream, and keeps it fresh. */
export interface ListKeeper {
  /** Undefined before the first. */
  readonly current: Listing | undefined;
  /** Another process asks, and tells: see `told-list`. */
  readonly isTold: boolean;
  /** A new connection has listed. */
  publish(list: Listing): void;
  /** The downstream says that its list has changed. */
  announce(): void;
  /** Asks for the list now, unless that was done just before. Resolves when it is there, or cannot be had. */
  refresh(): Promise<void>;
  /** No list can be asked for until the next `publish`. */
  pause(): void;
}

interface ListKeeperOptions {
  /** The list that was kept from an earlier run. */
  restored: Listing | undefined;
  /** Asks the downstream for its list; undefined while there is no connection to ask over, or it was replaced. */
  list(): Promise<Listing | undefined>;
  /** The list is another than before. */
  onChanged(list: Listing): void;
  onFailed(error: unknown): void;
}

/** Of lists that name no time: change notices get lost with a stream that a proxy cuts. */
const DEFAULT_TTL_MS = 300_000;
/** A list that is never fresh is not asked for without end. */
const NEVER_FRESH_TTL_MS = 60_000;
const MIN_TTL_MS = 1000;
const MAX_TTL_MS = 3_600_000;
/** Spec 2026-07-28: who asks by the clock MUST do so with jitter: lists that came together are not asked for together. */
const MAX_JITTER = 0.1;
/** Bursts become one listing; a server that announces a change after each of its lists is asked ever more slowly. */
const MIN_PAUSE_MS = 300;
const MAX_PAUSE_MS = 60_000;

/** One listing at a time, and one more at the end for all that was announced meanwhile. */
export function createListKeeper({ restored, list, onChanged, onFailed }: ListKeeperOptions): ListKeeper {
  let current = restored;
  let written = restored === undefined ? undefined : JSON.stringify(restored);
  let timer: NodeJS.Timeout | undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  let isPaused = true;
  /** The listing that runs; one over a connection that is gone is nobody's. */
  let listing: symbol | undefined;
  let wasAnnounced = false;
  let pauseMs = 0;
  let listedAt = Number.NEGATIVE_INFINITY;
  let failures = 0;

  /** An earlier appointment stands. */
  function schedule(ms: number): void {
    const at = performance.now() + ms;
    if (isPaused || at >= dueAt) return;
    cancel();
    dueAt = at;
    timer = setTimeout(refresh, ms);
    timer.unref();
  }

  function cancel(): void {
    clearTimeout(timer);
    dueAt = Number.POSITIVE_INFINITY;
  }

  function keep(fresh: Listing): void {
    listedAt = performance.now();
    const rewritten = JSON.stringify(fresh);
    // The same list stays the same object: whoever compares sees that nothing is new.
    if (rewritten !== written) {
      current = fresh;
      written = rewritten;
      onChanged(fresh);
    }
    failures = 0;
    schedule(wasAnnounced ? pauseMs : about(ttlOf(fresh)));
  }

  let refreshing: Promise<void> = Promise.resolve();

  function refresh(): Promise<void> {
    refreshing = askForList();
    return refreshing;
  }

  async function askForList(): Promise<void> {
    const mine = Symbol();
    cancel();
    listing = mine;
    wasAnnounced = false;
    try {
      const fresh = await list();
      if (listing === mine && fresh !== undefined) keep(fresh);
    } catch (error) {
      if (listing !== mine) return;
      onFailed(error);
      const waitMs = Math.min(NEVER_FRESH_TTL_MS * 2 ** failures++, MAX_TTL_MS);
      schedule(wasAnnounced ? pauseMs : about(waitMs));
    } finally {
      if (listing === mine) listing = undefined;
    }
  }

  return {
    isTold: false,
    get current() {
      return current;
    },
    publish(fresh) {
      isPaused = false;
      listing = undefined;
      keep(fresh);
    },
    announce() {
      if (wasAnnounced) return;
      wasAnnounced = true;
      // Soon after the last list: it may be the list itself that makes it announce.
      const isSoon = performance.now() - listedAt < 2 * pauseMs + 1000;
      pauseMs = isSoon ? Math.min(Math.max(2 * pauseMs, MIN_PAUSE_MS), MAX_PAUSE_MS) : MIN_PAUSE_MS;
      if (listing === undefined) schedule(pauseMs);
    },
    refresh() {
      if (listing !== undefined) return refreshing;
      return performance.now() - listedAt < MIN_TTL_MS ? Promise.resolve() : refresh();
    },
    pause() {
      isPaused = true;
      cancel();
      listing = undefined;
      wasAnnounced = false;
    },
  };
}

function ttlOf({ ttlMs = DEFAULT_TTL_MS }: Listing): number {
  return ttlMs === 0 ? NEVER_FRESH_TTL_MS : Math.min(Math.max(ttlMs, MIN_TTL_MS), MAX_TTL_MS);
}

/** Shortened by chance. */
const about = (ms: number) => ms * (1 - Math.random() * MAX_JITTER);
