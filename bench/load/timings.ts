import { percentile } from '../measure/statistics.ts';
import type { Measured } from './job.ts';

export function summarize(tookMs: number[], firstMs: number[], elapsedMs: number): Measured {
  tookMs.sort((a, b) => a - b);
  firstMs.sort((a, b) => a - b);
  return {
    count: tookMs.length,
    elapsedMs,
    p50Ms: percentile(tookMs, 0.5),
    p99Ms: percentile(tookMs, 0.99),
    firstByteMs: percentile(firstMs, 0.5),
  };
}
