import { Pace } from '../protocol/pace.ts';

/** Where something is read from: a pipe, a response. */
export interface Source {
  pause(): void;
  resume(): void;
  /** What follows of what was read is still under way, and too much of it. */
  isBehind?(): boolean;
}

const REST_MS = 1000;

/** Of what is never dropped no more is read for a second, once so much has come within one, and while its source is behind. */
export class Rests {
  readonly #pace: Pace;
  readonly #source: Source;
  #isResting = false;

  constructor(perSecond: number, source: Source) {
    this.#pace = new Pace(perSecond);
    this.#source = source;
  }

  count(): void {
    const isWithin = this.#pace.allows();
    if (this.#isResting || (isWithin && this.#source.isBehind?.() !== true)) return;
    this.#isResting = true;
    this.#source.pause();
    this.#rest();
  }

  #rest(): void {
    setTimeout(() => {
      if (this.#source.isBehind?.() === true) return this.#rest();
      this.#isResting = false;
      this.#source.resume();
    }, REST_MS);
  }
}
