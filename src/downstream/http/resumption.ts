/** What a stream has said that lets it go on over another connection; it is asked for so often and no more. */
export class Resumption {
  #place: string | undefined;
  #retryMs = DEFAULT_RETRY_MS;
  /** Attempts that brought nothing new. */
  #inVain = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Everything up to here has been read. */
  at(place: string): void {
    if (place !== this.#place) this.#inVain = 0;
    this.#place = place;
  }

  after(ms: number): void {
    this.#retryMs = Math.max(ms, MIN_RETRY_MS);
  }

  /**
   * Calls back with the place to go on from, when its server wants that. False where it cannot go on, or not soon enough.
   *
   * @param leftMs  how long there is somebody who waits for it
   */
  schedule(leftMs: number, resume: (place: string) => void): boolean {
    const place = this.#place;
    // Spec 2025-11-25: who comes back MUST respect it.
    if (this.#retryMs >= leftMs) return false;
    // A header of its own: what does not fit into one leads nowhere.
    if (place === undefined || !HEADER_SAFE.test(place) || ++this.#inVain > MAX_IN_VAIN) return false;
    this.#timer = setTimeout(() => resume(place), this.#retryMs);
    return true;
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}

/** Where its server names no time. */
const DEFAULT_RETRY_MS = 500;
/** A server may end each stream at once, and mark another place in each: that is how some have a long call polled. */
const MIN_RETRY_MS = 100;
const MAX_IN_VAIN = 3;
const HEADER_SAFE = /^[\x21-\x7e]{1,1024}$/;
