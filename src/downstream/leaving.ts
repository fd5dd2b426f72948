import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from './connection.ts';

/** Connections that another one has replaced: what runs on them may finish, and each call has a deadline of its own. */
export interface Leaving {
  add(connection: Connection): void;
  /** Resolves when none is left. */
  over(): Promise<void>;
}

/** They are few, and nobody waits for their end. */
const LOOK_MS = 50;

/** @param signal  the time is over */
export function createLeaving(signal: AbortSignal): Leaving {
  const all = new Set<Promise<void>>();
  return {
    add(connection) {
      const left = whileBusy(() => connection.link.running > 0, Number.POSITIVE_INFINITY, signal)
        .then(() => connection.close())
        .catch(() => {})
        .finally(() => all.delete(left));
      all.add(left);
    },
    async over() {
      await Promise.all(all);
    },
  };
}

/** Resolves when it is no longer busy, and when the time is over or the signal comes. */
export async function whileBusy(isBusy: () => boolean, graceMs: number, signal: AbortSignal): Promise<void> {
  const endsAt = performance.now() + graceMs;
  while (isBusy() && !signal.aborted && performance.now() < endsAt) {
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}
