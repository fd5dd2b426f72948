import type { Limits } from '../../config/config.ts';
import { circuitOpen, type DownstreamFailure, type FailureReason } from '../../errors.ts';
import type { Logger } from '../../log.ts';

export type BreakerLimits = Pick<Limits, 'breakerFailures' | 'breakerOpenMs' | 'breakerMaxOpenMs'>;

interface BreakerOptions {
  key: string;
  limits: BreakerLimits;
  /** It is left alone from now on, for this long. */
  onOpen(ms: number): void;
  /** It has answered again. */
  onClose(): void;
  now?: () => number;
}

/**
 * Says of what a request ended with whether its downstream is there but broken. One that is not there at all is no matter
 * of it: that is known by the loop that connects, and it alone tries again.
 */
export function judgeFailure({ reason, mayHaveRun }: DownstreamFailure): 'broken' | 'well' | 'unknown' {
  if (BROKEN.has(reason)) return 'broken';
  if (NOT_THERE.has(reason)) return 'unknown';
  // Of the answers that are none, a 4xx is about the request: a model that repeats its mistake says nothing of others.
  return reason === 'bad_answer' && mayHaveRun ? 'broken' : 'well';
}

const BROKEN: ReadonlySet<FailureReason> = new Set(['outcome_unknown', 'deadline', 'server_error']);
// One that does not read what it is sent has not answered it either.
const NOT_THERE: ReadonlySet<FailureReason> = new Set(['unavailable', 'session_lost', 'busy']);

/**
 * Leaves a downstream alone that has failed so many times in a row, and then lets one request through: if that is
 * answered, all are; if not, it is left alone for longer.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  readonly #now: () => number;
  #failures = 0;
  /** How many times in a row it was opened; 0 while it is closed. */
  #opened = 0;
  #openUntil = 0;
  #isProbing = false;

  constructor(options: BreakerOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  get isOpen(): boolean {
    // Switched off by a reload, an open one refuses nothing either.
    return this.#opened > 0 && this.#options.limits.breakerFailures > 0;
  }

  /** Why nothing is sent now; undefined where it may be. With an open circuit, what may be sent is the probe. */
  refusal(): DownstreamFailure | undefined {
    if (!this.isOpen) return undefined;
    const ms = this.#openUntil - this.#now();
    if (ms <= 0 && !this.#isProbing) return undefined;
    const { key } = this.#options;
    return circuitOpen(key, this.#failures, ms > 0 ? Math.ceil(ms / 1000) : undefined);
  }

  beginProbe(): void {
    this.#isProbing = true;
  }

  /** The probe has ended; where nothing came of it, the next request is one. */
  endProbe(): void {
    this.#isProbing = false;
  }

  /** It has been connected to anew: worth a probe. */
  reconnected(): void {
    this.#openUntil = 0;
  }

  answered(): void {
    this.#failures = 0;
    if (this.#opened === 0) return;
    this.#opened = 0;
    this.#options.onClose();
  }

  /** @returns whether it has been opened by this */
  failed(isProbe: boolean): boolean {
    const { breakerFailures, breakerOpenMs, breakerMaxOpenMs } = this.#options.limits;
    // What was sent before the circuit opened says nothing new.
    if (breakerFailures === 0 || (this.#opened > 0 && !isProbe)) return false;
    if (++this.#failures < breakerFailures) return false;
    const ms = Math.min(breakerOpenMs * ++this.#opened, Math.max(breakerOpenMs, breakerMaxOpenMs));
    this.#openUntil = this.#now() + ms;
    this.#options.onOpen(ms);
    return true;
  }
}

/** One that tells the log. */
export function createBreaker(key: string, limits: BreakerLimits, log: Logger): Breaker {
  return new Breaker({
    key,
    limits,
    onOpen: (ms) =>
      log.warn({ event: 'circuit_open', retryInMs: ms }, `"${key}" fails, and is left alone for a while`),
    onClose: () => log.info({ event: 'circuit_closed' }, `"${key}" answers again`),
  });
}
