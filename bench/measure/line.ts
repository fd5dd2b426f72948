export interface Line {
  readonly slope: number;
  /** Of the slope, 95 %. */
  readonly from: number;
  readonly to: number;
}

/** The line through these points from which the squares of their distances are least. */
export function fitLine(points: readonly (readonly [x: number, y: number])[]): Line {
  const count = points.length;
  const meanX = sum(points.map(([x]) => x)) / count;
  const meanY = sum(points.map(([, y]) => y)) / count;
  const spread = sum(points.map(([x]) => (x - meanX) ** 2));
  const slope = sum(points.map(([x, y]) => (x - meanX) * (y - meanY))) / spread;
  const left = sum(points.map(([x, y]) => (y - meanY - slope * (x - meanX)) ** 2));
  const error = Math.sqrt(left / (count - 2) / spread) * studentT95(count - 2);
  return { slope, from: slope - error, to: slope + error };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Two-sided, by the first terms of its expansion around the normal distribution: right to 1 % from 4 degrees on. */
function studentT95(degrees: number): number {
  const z = 1.959964;
  return (
    z +
    (z ** 3 + z) / (4 * degrees) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degrees ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * degrees ** 3)
  );
}
