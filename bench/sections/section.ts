import type { Bench } from '../measure/bench.ts';
import type { Goal } from '../report/goals.ts';
import type { Plot } from '../report/plots.ts';

/** One part of the results. */
export interface Section {
  readonly key: string;
  readonly title: string;
  /** What it asks, for its reader. */
  readonly text: string;
  run(bench: Bench): Promise<Findings>;
}

export interface Findings {
  /** Markdown, one block each. */
  readonly blocks: readonly string[];
  readonly goals?: readonly Goal[];
  readonly plots?: readonly Plot[];
}
