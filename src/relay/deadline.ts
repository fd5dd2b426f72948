import type { CallTiming } from '../catalog/call-timing.ts';
import { afterRounds } from './after-rounds.ts';

/** Who is told that the time is over. */
export interface Timed {
  /** It was sent: an answer may be on its way. */
  readonly hasBegun: boolean;
  /** @param isSilence  it had reported progress, and then nothing for so long */
  onDeadline(ms: number, isSilence: boolean): void;
  /** It was not its own: nobody has answered the question that stopped it. */
  onNotAnswered(questionMs: number): void;
}

/** The time of one call. Progress gives it more, but no more in all than `maxMs`; a question stops it. */
export class Deadline {
  readonly #timing: CallTiming;
  readonly #timed: Timed;
  #timer: NodeJS.Timeout | undefined;
  #startedAt = 0;
  #movedAt = 0;
  /** Until it was last stopped. */
  #usedMs = 0;
  /** Of the question that stops it. */
  #questionMs: number | undefined;
  #isOver = false;

  constructor(timing: CallTiming, timed: Timed) {
    this.#timing = timing;
    this.#timed = timed;
  }

  start(): void {
    if (this.#isOver) return;
    this.#questionMs = undefined;
    this.#startedAt = performance.now();
    this.#movedAt = this.#startedAt;
    this.#arm(this.leftMs);
  }

  /** The call has reported progress. The timer stays: it looks again when it fires. */
  moved(): void {
    this.#movedAt = performance.now();
  }

  /** It is another's turn, until it starts again. */
  hold(): void {
    this.stop();
    this.#usedMs += performance.now() - this.#startedAt;
  }

  /** Somebody is asked something, for so long at most. */
  pause(questionMs: number): void {
    this.hold();
    this.#questionMs = questionMs;
    this.#arm(questionMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** It does not start again. */
  end(): void {
    this.#isOver = true;
    this.stop();
  }

  /** While somebody is asked something it is that time. */
  get leftMs(): number {
    if (this.#questionMs !== undefined) return this.#questionMs;
    const { idleMs, maxMs } = this.#timing;
    const endsAt = Math.min(this.#movedAt + idleMs, this.#startedAt + maxMs - this.#usedMs);
    return endsAt - performance.now();
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(onTimer, Math.ceil(ms), this);
  }

  /** Where this process stood still, an answer may have come in time that is still to be read. */
  onTimer(): void {
    // One that waits has none, and would be sent meanwhile.
    if (!this.#timed.hasBegun) return this.#look();
    const timer = this.#timer;
    afterRounds(() => {
      if (timer === this.#timer) this.#look();
    });
  }

  #look(): void {
    if (this.#questionMs !== undefined) return this.#timed.onNotAnswered(this.#questionMs);
    const { leftMs } = this;
    // Timers of Node may be a millisecond early.
    if (leftMs > 1) return this.#arm(leftMs);
    const { idleMs, maxMs } = this.#timing;
    const isSilent = performance.now() + 1 >= this.#movedAt + idleMs;
    if (!isSilent) this.#timed.onDeadline(maxMs, false);
    else this.#timed.onDeadline(idleMs, this.#movedAt > this.#startedAt);
  }
}

const onTimer = (deadline: Deadline) => deadline.onTimer();
