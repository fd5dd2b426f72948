import { deferred } from '../promises.ts';

/** At a start, lists become one catalog when none has come for so long. */
const GATHER_MS = 500;

/** When a new catalog is made of what the downstreams list. */
export interface Publishing {
  /** A list, or what is accepted of it, is another: a catalog is made now, or of more that is coming. */
  publish(): void;
  /** The catalog is worth listing: every downstream was tried, or has had its time. */
  readonly isSettled: boolean;
  readonly settled: Promise<void>;
  settle(): void;
  /** From now on there is something to wait for. */
  gather(): void;
  /** Makes what waits to be made. */
  flush(): void;
  /** Nothing is published meanwhile: what changes together is told together, after it, or when it fails. */
  during<T>(change: Promise<T>): Promise<T>;
  close(): void;
}

export function createPublishing(publishNow: () => void): Publishing {
  let isSettled = false;
  let isGathering = false;
  let isHeld = false;
  let hasMissed = false;
  let timer: NodeJS.Timeout | undefined;
  const settled = deferred<void>();

  function now(): void {
    clearTimeout(timer);
    timer = undefined;
    hasMissed = false;
    publishNow();
  }
  function flush(): void {
    // Also during a change: what is to be told together can wait, and who was let wait for the first lists cannot.
    if (timer !== undefined || hasMissed) now();
  }

  function publish(): void {
    if (isHeld) {
      hasMissed = true;
      return;
    }
    // Nobody is given a list before they all were tried: fifty servers are not fifty catalogs.
    if (isGathering && !isSettled) timer = timer?.refresh() ?? setTimeout(now, GATHER_MS);
    else now();
  }

  return {
    publish,
    get isSettled() {
      return isSettled;
    },
    settled: settled.promise,
    settle() {
      flush();
      isSettled = true;
      settled.resolve();
    },
    gather() {
      isGathering = true;
    },
    flush,
    async during(change) {
      isHeld = true;
      hasMissed = false;
      const [ended] = await Promise.allSettled([change]);
      isHeld = false;
      if (ended.status === 'fulfilled') return ended.value;
      if (hasMissed) publish();
      throw ended.reason;
    },
    close: () => clearTimeout(timer),
  };
}
