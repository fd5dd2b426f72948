import type { Cell } from './plan.ts';
import type { Sample, Samples } from './rounds.ts';
import { median } from './statistics.ts';

/** One target in one cell: medians over the rounds. */
export interface Row extends Sample {
  readonly key: string;
  /** CPU per call by that of another target, undefined where that one did not run. */
  readonly toLimit: Ratio | undefined;
  readonly toNaive: Ratio | undefined;
}

/** Taken within each round, since what disturbs the machine disturbs neighbouring slices alike. */
export interface Ratio {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

export type Summary = ReadonlyMap<Cell, readonly Row[]>;

export function summarize(samples: Samples): Summary {
  return new Map([...samples].map(([cell, byTarget]) => [cell, rowsOf(byTarget)]));
}

function rowsOf(byTarget: ReadonlyMap<string, readonly Sample[]>): Row[] {
  return [...byTarget].map(([key, own]) => {
    const middle = (name: keyof Sample) => median(own.map((sample) => sample[name]));
    return {
      key,
      cpuMsPerCall: middle('cpuMsPerCall'),
      perSecond: middle('perSecond'),
      p50Ms: middle('p50Ms'),
      p99Ms: middle('p99Ms'),
      toLimit: ratioOf(own, byTarget.get('limit')),
      toNaive: ratioOf(own, byTarget.get('naive')),
    };
  });
}

function ratioOf(own: readonly Sample[], others: readonly Sample[] | undefined): Ratio | undefined {
  if (others === undefined) return undefined;
  const ratios = own.map(
    ({ cpuMsPerCall }, round) => cpuMsPerCall / (others[round]?.cpuMsPerCall ?? Number.NaN),
  );
  return { median: median(ratios), lowest: Math.min(...ratios), highest: Math.max(...ratios) };
}
