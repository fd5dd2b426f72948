import type { Limits } from '../config/config.ts';
import { FULL_MS } from './observing/process-health.ts';
import { heapIsFull, type TooMany, tooManyAtOnce, tooManyInAMinute } from './too-many.ts';

export type AllowanceLimits = Pick<Limits, 'maxCallerInFlight' | 'maxRequestsPerMinute'>;

/** What one caller may have running at once, and ask for in a minute. What listens has a limit of its own. */
export class Allowance {
  readonly #limits: AllowanceLimits;
  readonly #isFull: () => boolean;
  #running = 0;
  /** Requests that may be made now, filled up evenly; a caller may use a minute's worth at once. */
  #left = Number.POSITIVE_INFINITY;
  #filledAt = performance.now();

  /**
   * @param limits  those in force
   * @param isFull  whether the process has no room for anybody
   */
  constructor(limits: AllowanceLimits, isFull: () => boolean) {
    this.#limits = limits;
    this.#isFull = isFull;
  }

  /** Why one more request is refused. Undefined where it may run: it counts until `leave`. */
  enter(): TooMany | undefined {
    const { maxCallerInFlight, maxRequestsPerMinute } = this.#limits;
    if (this.#isFull()) return heapIsFull(FULL_MS / 1000);
    if (this.#running >= maxCallerInFlight) return tooManyAtOnce(maxCallerInFlight);
    if (maxRequestsPerMinute > 0) {
      const seconds = this.#take(maxRequestsPerMinute);
      if (seconds > 0) return tooManyInAMinute(maxRequestsPerMinute, seconds);
    }
    this.#running++;
    return undefined;
  }

  /** Bound, since it is a listener. */
  readonly leave = (): void => {
    this.#running--;
  };

  /** Takes one, or says in how many seconds there is one. */
  #take(perMinute: number): number {
    const now = performance.now();
    const perMs = perMinute / 60_000;
    this.#left = Math.min(perMinute, this.#left + (now - this.#filledAt) * perMs);
    this.#filledAt = now;
    if (this.#left < 1) return Math.max(1, Math.ceil((1 - this.#left) / perMs / 1000));
    this.#left--;
    return 0;
  }
}
