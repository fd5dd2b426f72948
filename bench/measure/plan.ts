import type { Job } from '../load/job.ts';
import type { Era } from '../scene.ts';

/** What is asked of every target in the same way. */
export type Cell = Pick<Job, 'kind' | 'era' | 'downstreamEra' | 'callers'>;

export interface Plan {
  readonly cells: readonly Cell[];
  readonly rounds: number;
  readonly sliceMs: number;
  /** For each kind of request and each target, before anything is measured. */
  readonly warmUpMs: number;
}

const eras = ['modern', 'legacy'] as const;
const otherEra = { modern: 'legacy', legacy: 'modern' } as const satisfies Record<Era, Era>;

/** @param quick  to see that everything works, not what it costs */
export function planRun(quick: boolean): Plan {
  const concurrencies = quick ? [16] : [1, 16, 64];
  const cells: Cell[] = [
    ...concurrencies.flatMap((callers) =>
      eras.map((era) => ({ kind: 'call' as const, era, downstreamEra: era, callers })),
    ),
    ...eras.map((era) => ({ kind: 'call' as const, era, downstreamEra: otherEra[era], callers: 16 })),
    ...eras.map((era) => ({ kind: 'list' as const, era, downstreamEra: era, callers: 16 })),
    ...eras.map((era) => ({ kind: 'cold' as const, era, downstreamEra: era, callers: 16 })),
  ];
  return quick
    ? { cells, rounds: 1, sliceMs: 200, warmUpMs: 120 }
    : { cells, rounds: 7, sliceMs: 260, warmUpMs: 900 };
}

/** One cell of each kind that a target may treat differently. */
export function warmUpCells(cells: readonly Cell[]): Cell[] {
  return cells.filter(({ callers }) => callers === 16);
}
