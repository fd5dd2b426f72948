import type { RequestId } from './messages.ts';

/**
 * A map of what is there for a moment, such as the calls that run. The type of a key counts: "1" is not 1.
 *
 * Not a `Map`, which grows a new table every few insertions and leaves the new one reachable from the old: once a single
 * old table has grown old itself, V8's young collections keep alive whatever was in any later one. With 16 calls at once a
 * third of all that calls allocate was copied so, twice, and each call cost twice its time. Objects have no such chain.
 */
export class BriefMap<Key extends RequestId, Value> {
  readonly #entries: Record<string, Value | undefined> = Object.create(null);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: Key): Value | undefined {
    return this.#entries[nameOf(key)];
  }

  set(key: Key, value: Value): void {
    const name = nameOf(key);
    if (this.#entries[name] === undefined) this.#size++;
    this.#entries[name] = value;
  }

  /** @returns what was there */
  take(key: Key): Value | undefined {
    const name = nameOf(key);
    const value = this.#entries[name];
    if (value === undefined) return undefined;
    delete this.#entries[name];
    this.#size--;
    return value;
  }

  /** In the order they came in. */
  values(): Value[] {
    return Object.values(this.#entries) as Value[];
  }

  clear(): void {
    for (const name in this.#entries) delete this.#entries[name];
    this.#size = 0;
  }
}

/** Never an index, which would be an element: those of an object are an array with holes, and it grows. */
const nameOf = (key: RequestId) => (typeof key === 'number' ? `#${key}` : `.${key}`);
