import { expect, test } from 'vitest';
import { fitLine } from '../../bench/measure/line.ts';

test('a line through points that lie on one has its slope, and no doubt', () => {
  const { slope, from, to } = fitLine([0, 1, 2, 3, 4, 5].map((x) => [x, 7 + 3 * x]));
  expect([slope, from, to].map((value) => +value.toFixed(9))).toEqual([3, 3, 3]);
});

test('the interval of a slope is that of Student with two degrees less than there are points', () => {
  // Of the squares that are left 0.24, over 4 degrees and a spread of 10; 2.776 is what tables have for 4 degrees.
  const { slope, from, to } = fitLine([
    [-2, -2],
    [-1, -1.2],
    [0, 0],
    [0, 0.4],
    [1, 0.8],
    [2, 2],
  ]);
  expect(slope).toBeCloseTo(1, 9);
  expect((to - from) / 2 / Math.sqrt(0.24 / 4 / 10)).toBeCloseTo(2.776, 1);
});
