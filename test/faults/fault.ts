import type { ServerEntry } from '../support/downstreams/downstream.ts';
import type { Era, Method } from '../support/evil/usual.ts';
import type { Step } from '../support/evil/wire.ts';

/** One row of the fault table: what goes wrong, and how it is proven what comes of it. */
export interface Fault<S = Step> {
  readonly id: `F${number}`;
  /** What is promised when it happens. */
  readonly promise: string;
  /** Scripts, each of which is run here against every method and both eras that it names. */
  readonly scripts?: readonly Script<S>[];
  /** Tests of other files: `test/…test.ts: title`, as the title stands there. */
  readonly elsewhere?: readonly string[];
  /** A command that proves it, beside the tests or instead of them. */
  readonly command?: string;
  /** What of it cannot be, or is not yet, shown here, and why. */
  readonly notHere?: string;
}

export interface Script<S = Step> {
  /** In words, behind the promise. */
  readonly what: string;
  readonly steps: readonly S[];
  /**
   * What the caller is told, behind `"evil" `; whether its call may have run follows from it. `the answer`: nothing is
   * amiss, it gets the answer.
   */
  readonly told: string;
  readonly mayHaveRun?: boolean;
  /** What is in the answer beside the usual, or instead of it; undefined where it is to be missing. */
  readonly other?: Readonly<Record<string, unknown>>;
  /** It goes on until somebody's time is over. */
  readonly holds?: true;
  /** Default: both. */
  readonly eras?: readonly Era[];
  /** Default: all. */
  readonly methods?: readonly Method[];
  /** Of its entry in servers.json. */
  readonly entry?: ServerEntry;
  /** The call asks for progress. */
  readonly progress?: true;
}
