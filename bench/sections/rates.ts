import { figureTable } from '../../test/support/markdown.ts';
import { type Cell, type Row, rowIn, rowOf, runSlice, type Sample, warmUp } from '../measure/compare.ts';
import { median } from '../measure/statistics.ts';
import { linePlot } from '../report/plots.ts';
import { callCell } from './calls.ts';
import type { Section } from './section.ts';

export const rates: Section = {
  key: 'rates',
  title: 'Latency added at fixed rates',
  text: `Open loop: calls of 1 KiB are sent at a fixed rate whether or not those before are answered, and how long each took is counted
from when it was due, or, of those that were due between two ticks of the generator's clock, from the tick. What a direct call takes at
the same rate is taken off. Who lets one wait for a quarter of a second before it is sent does not keep up. Modern callers and downstreams.`,
  async run(bench) {
    const perSeconds = bench.quick ? [200] : [100, 500, 1000, 2000, 4000];
    const running = await bench.up(['direct', 'limit', 'switchboard', 'naive-v2']);
    if (!running.some(({ target }) => target.key === 'direct'))
      return { blocks: ['What a direct call takes is taken off, and none was asked for.'] };
    const cell: Cell = callCell('modern', 128);
    const cells = [callCell('modern', 16)];
    await warmUp(
      bench,
      running,
      bench.quick ? { cells, ms: 100, atLeast: 0 } : { cells, ms: 1000, atLeast: 6000 },
    );
    const lines: string[][] = [];
    const points = new Map<string, [number, number][]>();
    for (const perSecond of perSeconds) {
      const samples = new Map(running.map((one) => [one, [] as Sample[]]));
      for (let round = 1; round <= (bench.quick ? 1 : 3); round++)
        for (const one of running) {
          const taken = samples.get(one);
          // What cannot carry a rate cannot carry it in the next round either.
          if (taken === undefined) continue;
          const slice = { ...cell, perSecond, durationMs: bench.quick ? 200 : 1500 };
          try {
            taken.push(await runSlice(bench, one, slice));
          } catch (error) {
            if (!String(error).includes('Does not keep up')) throw error;
            samples.delete(one);
          }
        }
      const rows = running.map((one) => rowOf(one.target, samples.get(one) ?? []));
      const direct = rowIn(rows, 'direct');
      for (const row of rows) {
        if (row.key === 'direct') continue;
        const added = addedBy(row, direct);
        lines.push([
          `${perSecond} a second`,
          row.title,
          ...(added === undefined ? ['does not keep up', ''] : [added.p50.toFixed(2), added.p99.toFixed(2)]),
        ]);
        if (added !== undefined)
          points.set(row.title, [...(points.get(row.title) ?? []), [perSecond, Math.max(added.p99, 0.01)]]);
      }
    }
    return {
      blocks: [figureTable(['', 'target', 'p50 added, ms', 'p99 added, ms'], lines)],
      plots: [
        linePlot({
          file: 'added-by-rate',
          title: 'p99 added to a direct call at fixed rates (one core for all)',
          x: 'calls a second',
          y: 'ms',
          lines: [...points].map(([label, points]) => ({
            label,
            isOwn: label.includes('Switchboard'),
            points,
          })),
        }),
      ],
    };
  },
};

function addedBy(row: Row, direct: Row | undefined): { p50: number; p99: number } | undefined {
  if (row.samples.length === 0 || direct === undefined) return undefined;
  const added = (name: 'p50Ms' | 'p99Ms') =>
    median(row.samples.map((sample, round) => sample[name] - (direct.samples[round]?.[name] ?? Number.NaN)));
  return { p50: added('p50Ms'), p99: added('p99Ms') };
}
