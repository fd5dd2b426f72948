import { hash } from 'node:crypto';
import { keyOf, type Same } from './same-calls.ts';

/** Calls that run in other processes of the same gateway: a repetition of one belongs there. */
export interface Elsewhere {
  readonly isEmpty: boolean;
  /** The process that runs the call of this key; undefined where none does, or it began a moment ago. */
  find(key: string): number | undefined;
  /** What another one says of its own; absent, it has ended. */
  hear(from: number, news?: News): void;
  /** Tells the others of this process. */
  tell(news: News): void;
}

/** By digests of what makes calls the same. */
export interface News {
  readonly begun: readonly string[];
  readonly over: readonly string[];
}

/** @param tell  passes it on to all others */
export function createElsewhere(tell: (news: News) => void): Elsewhere {
  const places = new Map<string, number>();
  return {
    get isEmpty() {
      return places.size === 0;
    },
    find: (key) => (places.size === 0 ? undefined : places.get(markOf(key))),
    hear(from, news) {
      const over = news?.over ?? places.keys();
      for (const mark of over) if (places.get(mark) === from) places.delete(mark);
      for (const mark of news?.begun ?? []) places.set(mark, from);
    },
    tell,
  };
}

interface ToldCall {
  readonly same: Same;
  readonly beganAt: number;
}

/** Most calls are over before another process could hear of them: so long a call runs before it is told of. */
const TOLD_AFTER_MS = 250;
const TELL_MS = 100;

/** Tells them now and then of what still runs, or is kept, and of what is over. */
export function tellOthers(calls: { all(): readonly ToldCall[] }, elsewhere: Elsewhere): NodeJS.Timeout {
  let told = new Map<ToldCall, string>();
  const tell = () => {
    const before = performance.now() - TOLD_AFTER_MS;
    const still = new Map<ToldCall, string>();
    const begun: string[] = [];
    for (const call of calls.all()) {
      if (call.beganAt > before) continue;
      const mark = told.get(call) ?? markOf(keyOf(call.same));
      if (!told.has(call)) begun.push(mark);
      still.set(call, mark);
    }
    const over = [...told].filter(([call]) => !still.has(call)).map(([, mark]) => mark);
    told = still;
    if (begun.length + over.length > 0) elsewhere.tell({ begun, over });
  };
  return setInterval(tell, TELL_MS).unref();
}

/** A call as it is told of: what it says stays where it runs. */
const markOf = (key: string) => hash('sha256', key, 'base64url').slice(0, 24);
