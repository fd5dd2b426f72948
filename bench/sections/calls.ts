import {
  type Cell,
  compare,
  type Ratio,
  type Row,
  rangeOf,
  ratioOf,
  rowIn,
  type Summary,
} from '../measure/compare.ts';
import { type Goal, share, times } from '../report/goals.ts';
import { barPlot, linePlot } from '../report/plots.ts';
import { cellBlocks } from '../report/rows.ts';
import type { Era } from '../scene.ts';
import type { Section } from './section.ts';

export const eras = ['modern', 'legacy'] as const;
const otherEra = { modern: 'legacy', legacy: 'modern' } as const satisfies Record<Era, Era>;

export function callCell(era: Era, callers: number, more: Partial<Cell> = {}): Cell {
  return { kind: 'call', era, downstreamEra: era, callers, ...more };
}

function ownEras(callers: number): Cell[] {
  return eras.map((era) => callCell(era, callers));
}

/** What is compared most closely, and so as several processes each. */
export const COMPARED = ['limit', 'switchboard'];

/** The cells of both eras at sixteen callers are what most others build on. */
export const warmCalls = ownEras(16);

export const CLOSELY = 1500;
/** Some take ten times as long for so many, and have the others wait. */
export const MOST_MS = 600;
const BRIEFLY_MS = 260;

export const calls: Section = {
  key: 'calls',
  title: 'tools/call, 1 KiB results, ten downstreams',
  text: `With default features: the token, limits, deadlines, numbers for Prometheus, and a line for each call in the log. Up to 64 callers
of one era with their downstreams each slice goes on until ${CLOSELY} calls were answered, for ${BRIEFLY_MS} ms at least and ${MOST_MS} at most: of a
shorter one the first calls, which come when others have had the caches, are most. Then the other cells, of ${BRIEFLY_MS} ms a slice.`,
  async run(bench) {
    const closely = bench.quick ? warmCalls : [1, 16, 64].flatMap(ownEras);
    const briefly = [
      ...(bench.quick ? [] : ownEras(256)),
      ...eras.map((era) => callCell(era, 16, { downstreamEra: otherEra[era] })),
    ];
    const warmUp = { cells: warmCalls, ms: bench.quick ? 100 : 1000, atLeast: bench.quick ? 0 : 6000 };
    const plan = { rounds: bench.quick ? 1 : 5, sliceMs: bench.quick ? 100 : BRIEFLY_MS };
    const keys = ['direct', 'nginx', 'raw', 'limit', 'switchboard', 'naive-v1', 'naive-v2'];
    const running = await bench.up(keys, COMPARED);
    const atLeast = bench.quick ? 0 : CLOSELY;
    const summary = new Map([
      ...(await compare(bench, running, { ...plan, cells: closely, atLeast, mostMs: MOST_MS, warmUp })),
      ...(await compare(bench, running, { ...plan, cells: briefly, warmUp: { ...warmUp, cells: briefly } })),
    ]);
    return { blocks: cellBlocks(summary), goals: goalsOf(summary), plots: plotsOf(summary) };
  },
};

function goalsOf(summary: Summary): Goal[] {
  return eras.flatMap((era): Goal[] => {
    const at = (callers: number, key: string) => rowIn(rowsAt(summary, era, callers), key);
    const ratioAt = (callers: number, to: string) => ratioOf(at(callers, 'switchboard'), at(callers, to));
    return [
      {
        name: `${era}: CPU per tools/call, 1 KiB, 16 at once, × practical limit`,
        value: ratioAt(16, 'limit'),
        bound: 'at most',
        limit: 1.25,
        show: times,
      },
      {
        name: `${era}: the same, of the naive aggregator on SDK v2`,
        value: ratioAt(16, 'naive-v2'),
        bound: 'at most',
        limit: 1 / 15,
        show: share,
      },
      {
        name: `${era}: p50 added to a direct call, 1 at once, × what the practical limit adds`,
        value: addedOf(at(1, 'switchboard'), at(1, 'limit'), at(1, 'direct')),
        bound: 'at most',
        limit: 1.3,
        show: times,
      },
      {
        name: `${era}: p99, 64 at once, × that of the practical limit`,
        value: ratioOf(at(64, 'switchboard'), at(64, 'limit'), ({ p99Ms }) => p99Ms),
        bound: 'at most',
        limit: 1.5,
        show: times,
      },
    ];
  });
}

function rowsAt(summary: Summary, era: Era, callers: number): readonly Row[] | undefined {
  return [...summary].find(
    ([cell]) => cell.era === era && cell.downstreamEra === era && cell.callers === callers,
  )?.[1];
}

function addedOf(own: Row | undefined, limit: Row | undefined, direct: Row | undefined): Ratio | undefined {
  if (own === undefined || limit === undefined || direct === undefined) return undefined;
  return rangeOf(
    own.samples.map(({ p50Ms }, round) => {
      const base = direct.samples[round]?.p50Ms ?? Number.NaN;
      return (p50Ms - base) / ((limit.samples[round]?.p50Ms ?? Number.NaN) - base);
    }),
  );
}

function plotsOf(summary: Summary) {
  const legacy = rowsAt(summary, 'legacy', 16) ?? [];
  const concurrencies = [...new Set([...summary].map(([{ callers }]) => callers))];
  const keys = legacy.map(({ key }) => key);
  return [
    barPlot({
      file: 'cpu-per-call',
      title: 'CPU time of one tools/call (legacy, 1 KiB, 16 at once)',
      unit: 'µs, logarithmic',
      bars: legacy.map(({ key, title, cpuMsPerCall }) => ({
        label: title,
        value: cpuMsPerCall * 1000,
        isOwn: key === 'switchboard',
      })),
    }),
    linePlot({
      file: 'p99-by-callers',
      title: 'p99 of one tools/call by callers (legacy, 1 KiB, one core for all)',
      x: 'callers at once',
      y: 'ms',
      lines: keys.map((key) => ({
        label: legacy.find((row) => row.key === key)?.title ?? key,
        isOwn: key === 'switchboard',
        points: concurrencies.map((callers) => [
          callers,
          rowIn(rowsAt(summary, 'legacy', callers), key)?.p99Ms ?? Number.NaN,
        ]),
      })),
    }),
  ];
}
