import { expect, test } from 'vitest';
import { ratioOf, rowOf, type Sample } from '../../../bench/measure/compare.ts';
import { type Goal, goalTable, isReached, times } from '../../../bench/report/goals.ts';
import { barPlot, linePlot } from '../../../bench/report/plots.ts';

const sample = (cpuMsPerCall: number): Sample => ({
  cpuMsPerCall,
  perSecond: 1,
  p50Ms: 1,
  p99Ms: 1,
  firstByteMs: 1,
});
const goal = (bound: Goal['bound'], median: number): Goal => ({
  name: 'a goal',
  value: { median, lowest: median, highest: median },
  bound,
  limit: 5,
  show: times,
});

test('a ratio is taken round by round, so that a machine that slows down does not change it', () => {
  const own = rowOf({ key: 'own', title: 'own' }, [sample(2), sample(20), sample(200)]);
  const other = rowOf({ key: 'other', title: 'other' }, [sample(1), sample(10), sample(100)]);
  expect(ratioOf(own, other)).toEqual({ median: 2, lowest: 2, highest: 2 });
  expect(ratioOf(own, undefined)).toBeUndefined();
});

test.each([
  ['at most', 5, true],
  ['at most', 5.1, false],
  ['below', 5, false],
  ['below', 4.9, true],
  ['at least', 5, true],
  ['at least', 4.9, false],
] as const)('a goal of %s 5 with %d: %s', (bound, median, reached) => {
  expect(isReached(goal(bound, median))).toBe(reached);
  expect(goalTable([goal(bound, median)]).endsWith(reached ? '| reached |' : '| not reached |')).toBe(true);
});

test('a goal whose target did not run is neither reached nor shown', () => {
  const unknown = { ...goal('at most', 1), value: undefined };
  expect(isReached(unknown)).toBe(false);
  expect(goalTable([unknown])).toBe('Not all the targets ran that they compare.');
});

test('what was not measured is not drawn, and nothing in a plot is a number that is none', () => {
  const bars = [
    { label: '**Switchboard**', value: 65, isOwn: true },
    { label: 'one & only', value: 990, isOwn: false },
    { label: 'not measured', value: Number.NaN, isOwn: false },
  ];
  const lines = bars.map(({ value, ...rest }) => ({
    ...rest,
    points: [
      [1, value],
      [16, value * 3],
    ] as const,
  }));
  const drawn = [
    barPlot({ file: 'bars', title: 'Bars', unit: 'µs', bars }),
    linePlot({ file: 'lines', title: 'Lines', x: 'callers', y: 'ms', lines }),
  ];
  for (const { svg } of drawn) {
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(svg).toContain('>Switchboard<');
    expect(svg).toContain('one &amp; only');
    expect(svg).not.toContain('not measured');
    expect(svg).toContain('prefers-color-scheme: dark');
  }
});
