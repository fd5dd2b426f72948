/** Lets through so many a second. */
export class Pace {
  readonly #perSecond: number;
  #secondBeganAt = Number.NEGATIVE_INFINITY;
  #count = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Whether one more is within it. It counts either way. */
  allows(): boolean {
    const now = performance.now();
    if (now - this.#secondBeganAt > 1000) {
      this.#secondBeganAt = now;
      this.#count = 0;
    }
    return ++this.#count <= this.#perSecond;
  }
}

/** Where something is read from: a pipe, a response. */
export interface Source {
  pause(): void;
  resume(): void;
}

const REST_MS = 1000;

/** Of what is never dropped no more is read for a second, once so much has come within one. */
export class Rests {
  readonly #pace: Pace;
  readonly #source: Source;
  #isResting = false;

  constructor(perSecond: number, source: Source) {
    this.#pace = new Pace(perSecond);
    this.#source = source;
  }

  count(): void {
    if (this.#pace.allows() || this.#isResting) return;
    this.#isResting = true;
    this.#source.pause();
    setTimeout(() => {
      this.#isResting = false;
      this.#source.resume();
    }, REST_MS);
  }
}
