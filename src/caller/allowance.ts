import type { Limits } from '../config/config.ts';
import { type TooMany, tooManyAtOnce, tooManyInAMinute } from './too-many.ts';

export type AllowanceLimits = Pick<Limits, 'maxCallerInFlight' | 'maxRequestsPerMinute'>;

/** What one caller may have running at once, and ask for in a minute. What listens has a limit of its own. */
export class Allowance {
  readonly #atOnce: number;
  readonly #perMinute: number;
  #running = 0;
  /** Requests that may be made now, filled up evenly; a caller may use a minute's worth at once. */
  #left: number;
  #filledAt = performance.now();

  constructor({ maxCallerInFlight, maxRequestsPerMinute }: AllowanceLimits) {
    this.#atOnce = maxCallerInFlight;
    this.#perMinute = maxRequestsPerMinute;
    this.#left = maxRequestsPerMinute;
  }

  /** Why one more request is refused. Undefined where it may run: it counts until `leave`. */
  enter(): TooMany | undefined {
    if (this.#running >= this.#atOnce) return tooManyAtOnce(this.#atOnce);
    if (this.#perMinute > 0) {
      const seconds = this.#take();
      if (seconds > 0) return tooManyInAMinute(this.#perMinute, seconds);
    }
    this.#running++;
    return undefined;
  }

  /** Bound, since it is a listener. */
  readonly leave = (): void => {
    this.#running--;
  };

  /** Takes one, or says in how many seconds there is one. */
  #take(): number {
    const now = performance.now();
    const perMs = this.#perMinute / 60_000;
    this.#left = Math.min(this.#perMinute, this.#left + (now - this.#filledAt) * perMs);
    this.#filledAt = now;
    if (this.#left < 1) return Math.max(1, Math.ceil((1 - this.#left) / perMs / 1000));
    this.#left--;
    return 0;
  }
}
