/** @param sorted  ascending */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = Number.NaN] = [sorted[(sorted.length - 1) >> 1], sorted[middle]];
  return (low + high) / 2;
}

/** A median between the ends of its 95 % interval: how many values are below it by chance, whatever they are spread like. */
export function medianWithin(values: readonly number[]): [lower: number, median: number, upper: number] {
  const sorted = values.toSorted((a, b) => a - b);
  const [half, off] = [sorted.length / 2, 0.98 * Math.sqrt(sorted.length)];
  const at = (rank: number) => sorted[Math.min(Math.max(rank, 0), sorted.length - 1)] ?? Number.NaN;
  return [at(Math.floor(half - off)), median(sorted), at(Math.ceil(half + off) - 1)];
}
