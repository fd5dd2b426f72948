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
