import { afterRounds } from './after-rounds.ts';
import type { End } from './joined.ts';

/** What is kept is forgotten by itself. */
interface Forgetful {
  /** Nobody has come back for it. */
  expire(): void;
}

interface Kept {
  /** Undefined where it is not known, or too large. */
  end: End | undefined;
  readonly keyChars: number;
  chars: number;
  readonly timer: NodeJS.Timeout;
}

const MAX_CALLS = 1000;
/** Of all results and arguments together, as JSON. */
const MAX_CHARS = 32 * 1024 * 1024;
const MAX_RESULT_CHARS = 1024 * 1024;

/** How calls ended that nobody was there to hear. Few, and not for long: what is too much is known to have run, no more. */
export class Unheard<Call extends Forgetful> {
  readonly #kept = new Map<Call, Kept>();
  #chars = 0;

  keep(call: Call, end: End | undefined, keyChars: number, forMs: number): void {
    this.#drop(call);
    const resultChars = charsOf(end);
    const isSmall = resultChars <= MAX_RESULT_CHARS;
    const timer = setTimeout(() => afterRounds(() => this.#expire(call, timer)), forMs).unref();
    const chars = keyChars + (isSmall ? resultChars : 0);
    this.#kept.set(call, { end: isSmall ? end : undefined, keyChars, chars, timer });
    this.#chars += chars;
    this.#makeRoom();
  }

  /** Its end, which is the taker's then; undefined where nothing is known but that it may have run. */
  take(call: Call): End | undefined {
    const end = this.#kept.get(call)?.end;
    if (end !== undefined) this.#drop(call);
    return end;
  }

  close(): void {
    for (const call of [...this.#kept.keys()]) this.#forget(call);
  }

  /** The oldest first: of results rather than of what has run. */
  #makeRoom(): void {
    for (const kept of this.#kept.values()) {
      if (this.#chars <= MAX_CHARS) break;
      this.#chars -= kept.chars - kept.keyChars;
      kept.chars = kept.keyChars;
      kept.end = undefined;
    }
    for (const call of this.#kept.keys()) {
      if (this.#chars <= MAX_CHARS && this.#kept.size <= MAX_CALLS) break;
      this.#forget(call);
    }
  }

  /** Unless it was taken, or kept anew, since. */
  #expire(call: Call, timer: NodeJS.Timeout): void {
    if (this.#kept.get(call)?.timer === timer) this.#forget(call);
  }

  #forget(call: Call): void {
    this.#drop(call);
    call.expire();
  }

  #drop(call: Call): void {
    const kept = this.#kept.get(call);
    if (kept === undefined) return;
    clearTimeout(kept.timer);
    this.#chars -= kept.chars;
    this.#kept.delete(call);
  }
}

function charsOf(end: End | undefined): number {
  if (end === undefined || 'failure' in end) return 0;
  const { outcome } = end;
  if ('result' in outcome && outcome.written !== undefined) return outcome.written.length;
  try {
    return JSON.stringify(outcome).length;
  } catch {
    // Nested too deep to be written.
    return Number.POSITIVE_INFINITY;
  }
}
