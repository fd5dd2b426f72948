/** So many are told at once: the others of a downstream's further connections are for lists, notices and cancellations. */
const MAX_AT_ONCE = 8;

/**
 * Tells one server of the legacy era which resources are watched: of each the one thing after the other, as a server may take
 * its time to let go of one that is wanted again by then.
 */
export class Subscriptions {
  readonly #isWatched: (uri: string) => boolean;
  readonly #send: (method: string, uri: string) => Promise<boolean>;
  /** What the server was told of, and whether it has granted it. */
  readonly #told = new Map<string, boolean>();
  readonly #settling = new Map<string, Promise<boolean>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** @param send  false where it is refused */
  constructor(isWatched: (uri: string) => boolean, send: (method: string, uri: string) => Promise<boolean>) {
    this.#isWatched = isWatched;
    this.#send = send;
  }

  /** It is watched now, or is not any more. Resolves when the server knows: false where it will not tell of it. */
  settle(uri: string): Promise<boolean> {
    const settling = this.#settling.get(uri) ?? this.#settle(uri);
    this.#settling.set(uri, settling);
    return settling;
  }

  async #settle(uri: string): Promise<boolean> {
    await this.#turn();
    while (this.#isWatched(uri) !== this.#told.has(uri)) {
      if (this.#isWatched(uri)) this.#told.set(uri, await this.#send('resources/subscribe', uri));
      else {
        await this.#send('resources/unsubscribe', uri);
        this.#told.delete(uri);
      }
    }
    this.#settling.delete(uri);
    this.#pass();
    return this.#told.get(uri) === true;
  }

  async #turn(): Promise<void> {
    if (this.#running < MAX_AT_ONCE) this.#running++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** The turn goes to who waits longest. */
  #pass(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}
