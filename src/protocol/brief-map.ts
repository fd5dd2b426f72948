import type { RequestId } from './messages.ts';

/**
 * A map of what is there for a moment, such as the calls that run. No key may look like a number: see `nameOfId`.
 *
 * Not a `Map`, which grows a new table every few insertions and leaves the new one reachable from the old: once a single
 * old table has grown old itself, V8's young collections keep alive whatever was in any later one. With 16 calls at once a
 * third of all that calls allocate was copied so, twice, and each call cost twice its time. Objects have no such chain.
 */
export class BriefMap<Value> {
  readonly #entries: Record<string, Value | undefined> = Object.create(null);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): Value | undefined {
    return this.#entries[key];
  }

  set(key: string, value: Value): void {
    if (this.#entries[key] === undefined) this.#size++;
    this.#entries[key] = value;
  }

  /** @returns what was there */
  take(key: string): Value | undefined {
    const value = this.#entries[key];
    if (value === undefined) return undefined;
    delete this.#entries[key];
    this.#size--;
    return value;
  }

  /** In the order they came in. */
  values(): Value[] {
    return Object.values(this.#entries) as Value[];
  }

  clear(): void {
    for (const key in this.#entries) delete this.#entries[key];
    this.#size = 0;
  }
}

/**
 * An id as a key. Its type counts: "1" is not 1. And it is never an index, which would be an element: those of an object
 * are an array with holes, and it grows.
 */
export const nameOfId = (key: RequestId) => (typeof key === 'number' ? `#${key}` : `.${key}`);
