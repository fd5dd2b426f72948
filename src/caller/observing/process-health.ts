import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';

/** Whether the process can take on more. Where it can, asking costs nothing. */
export interface ProcessHealth {
  /** Its heap is about to be full: what comes now may end it. */
  isFull(): boolean;
  /** It has stood still again and again: who can go elsewhere should. */
  isBehind(): boolean;
  close(): void;
}

/** Of what V8 lets old objects take; the rest of its limit is for young ones: three times 16 MiB, from version 13 on 64. */
const FULL = 0.9;
const YOUNG_BYTES = 3 * (Number.parseInt(process.versions.v8, 10) < 13 ? 16 : 64) * 1024 * 1024;
/**
 * How long one look at the heap counts. What is still used is known after a collection only: when nothing is taken in, none
 * may come. So some are let in again then, and where there still is no room, the next collection says so at once.
 */
export const FULL_MS = 2000;

/**
 * So often it is looked whether the event loop turns, which wakes the process, and over this time it is judged: one long
 * pause is no reason, four are. Node's own histogram of it takes a third of a megabyte.
 */
const LOOK_MS = 100;
const WINDOW_MS = 10_000;
const LATE_MS = 1000;
const MOST_LATE_SHARE = 0.05;

export function watchProcess(): ProcessHealth {
  let fullUntil = 0;
  const collections = new PerformanceObserver((list) => {
    const hasMajor = list.getEntries().some(isMajor);
    if (!hasMajor) return;
    const { used_heap_size: used, heap_size_limit: most } = getHeapStatistics();
    fullUntil = used > FULL * (most - YOUNG_BYTES) ? performance.now() + FULL_MS : 0;
  });
  collections.observe({ entryTypes: ['gc'] });

  let isBehind = false;
  let looks = 0;
  let late = 0;
  let lookedAt = performance.now();
  let judgedAt = lookedAt;
  const looking = setInterval(() => {
    const now = performance.now();
    looks++;
    if (now - lookedAt > LOOK_MS + LATE_MS) late++;
    lookedAt = now;
    if (now - judgedAt < WINDOW_MS) return;
    isBehind = late > MOST_LATE_SHARE * looks;
    looks = 0;
    late = 0;
    judgedAt = now;
  }, LOOK_MS).unref();

  return {
    isFull: () => fullUntil > 0 && performance.now() < fullUntil,
    isBehind: () => isBehind,
    close() {
      collections.disconnect();
      clearInterval(looking);
    },
  };
}

/** Its types do not know it yet. */
function isMajor(entry: PerformanceEntry): boolean {
  const { detail } = entry as PerformanceEntry & { detail?: { kind?: number } };
  return detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}
