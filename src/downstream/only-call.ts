import type { Receiver } from './link.ts';

/** For so long a server may still be at work on a call that ended without its answer. */
const LEFT_MS = 30_000;
/** For so long what a call logged may come after its answer, where the two come on streams of their own. */
const OVERTAKEN_MS = 1000;

/**
 * To whose call a message of a downstream belongs that does not say so: to the only one of a caller that runs, and to
 * nobody's where several do, or where it may be of an earlier one of another caller.
 */
export class OnlyCall {
  readonly #left = new Last(LEFT_MS);
  readonly #answered = new Last(OVERTAKEN_MS);

  /** It has ended without an answer: cancelled, too late, cut. Its server may go on with it. */
  onLeft(receiver: Receiver): void {
    if (isOfCaller(receiver)) this.#left.add(receiver.caller);
  }

  /** It was answered on one stream; what it logged may still come on another. */
  onAnswered(receiver: Receiver): void {
    if (isOfCaller(receiver)) this.#answered.add(receiver.caller);
  }

  /** Whose a question is: it is asked while its call waits for it. */
  ofQuestion(running: Iterable<Receiver>): Receiver | undefined {
    const [only, ...others] = [...running].filter(isOfCaller);
    return others.length === 0 && only !== undefined && !this.#left.isOfAnother(only.caller)
      ? only
      : undefined;
  }

  ofLog(running: Iterable<Receiver>): Receiver | undefined {
    const only = this.ofQuestion(running);
    return only === undefined || this.#answered.isOfAnother(only.caller) ? undefined : only;
  }
}

const isOfCaller = ({ isOwn }: Receiver) => isOwn !== true;

/** Whose calls ended last: of the latest caller, and of the latest other one. More need not be known. */
class Last {
  readonly #countsMs: number;
  #caller: object | undefined;
  #at = Number.NEGATIVE_INFINITY;
  #otherAt = Number.NEGATIVE_INFINITY;

  constructor(countsMs: number) {
    this.#countsMs = countsMs;
  }

  add(caller: object | undefined): void {
    if (caller === undefined || caller !== this.#caller) this.#otherAt = this.#at;
    this.#caller = caller;
    this.#at = performance.now();
  }

  /** Of a caller that cannot be told from others, every call counts as another's. */
  isOfAnother(caller: object | undefined): boolean {
    const isSame = caller !== undefined && caller === this.#caller;
    return performance.now() - (isSame ? this.#otherAt : this.#at) < this.#countsMs;
  }
}
