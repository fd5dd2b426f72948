import { figureTable } from '../../test/support/markdown.ts';
import { type Ratio, rangeOf } from '../measure/compare.ts';

/** What is to be reached, and what a run came to. */
export interface Goal {
  readonly name: string;
  /** Undefined where a target that it compares did not run. */
  readonly value: Ratio | undefined;
  readonly bound: 'at most' | 'at least' | 'below';
  readonly limit: number;
  show(value: number): string;
}

export const times = (ratio: number) => `${ratio.toFixed(2)} ×`;
export const share = (ratio: number) => (ratio === 1 ? '1' : `1/${(1 / ratio).toFixed(1)}`);
export const ms = (value: number) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;

/** One that these values are to stay below. */
export const below = (name: string, values: readonly number[], limit: number, show: Goal['show']): Goal => ({
  name,
  value: values.length === 0 ? undefined : rangeOf(values),
  bound: 'below',
  limit,
  show,
});

export function isReached({ value, bound, limit }: Goal): boolean {
  if (value === undefined) return false;
  if (bound === 'at least') return value.median >= limit;
  return bound === 'below' ? value.median < limit : value.median <= limit;
}

export function goalTable(goals: readonly Goal[]): string {
  const known = goals.filter(({ value }) => value !== undefined);
  if (known.length === 0) return 'Not all the targets ran that they compare.';
  const signs = { 'at most': '≤', 'at least': '≥', below: '<' };
  return figureTable(
    ['', 'goal', 'median', 'lowest – highest', ''],
    known.map((goal) => {
      const { name, bound, limit, show } = goal;
      const { median, lowest, highest } = goal.value as Ratio;
      const range = lowest === highest ? '' : `${show(lowest)} – ${show(highest)}`;
      return [
        name,
        `${signs[bound]} ${show(limit)}`,
        show(median),
        range,
        isReached(goal) ? 'reached' : 'not reached',
      ];
    }),
  );
}
