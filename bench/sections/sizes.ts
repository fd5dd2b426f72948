import { type Cell, compare, type Row, type Summary } from '../measure/compare.ts';
import { linePlot } from '../report/plots.ts';
import { cellBlocks } from '../report/rows.ts';
import { callCell } from './calls.ts';
import type { Section } from './section.ts';

const KIB = 1024;
const callersAt = new Map([
  [KIB, 16],
  [64 * KIB, 16],
  [KIB * KIB, 4],
  [10 * KIB * KIB, 1],
]);

export const sizes: Section = {
  key: 'sizes',
  title: 'Results of 1 KiB to 10 MiB',
  text: 'Modern callers and downstreams, JSON. Fewer callers where results are large.',
  async run(bench) {
    const cells = [...callersAt].map(([bytes, callers]) => callCell('modern', callers, { bytes }));
    const running = await bench.up(
      bench.quick ? ['limit', 'switchboard'] : ['direct', 'nginx', 'raw', 'limit', 'switchboard', 'naive-v2'],
    );
    const summary = await compare(bench, running, {
      cells,
      rounds: bench.quick ? 1 : 5,
      sliceMs: bench.quick ? 60 : 400,
      // So that one slow call is not a whole slice.
      atLeast: bench.quick ? 1 : 4,
      warmUp: { cells: bench.quick ? [] : cells, ms: 500, atLeast: 4 },
    });
    return { blocks: cellBlocks(summary, titleOf), plots: [plotOf(summary)] };
  },
};

function titleOf({ bytes = KIB, callers }: Cell): string {
  return `${sizeOf(bytes)}, ${callers} at once`;
}

export function sizeOf(bytes: number): string {
  return bytes < KIB * KIB ? `${bytes / KIB} KiB` : `${bytes / KIB / KIB} MiB`;
}

function plotOf(summary: Summary) {
  const [[, first] = [undefined, [] as readonly Row[]]] = summary;
  return linePlot({
    file: 'cpu-by-size',
    title: 'CPU time of one tools/call by the size of its result',
    x: 'KiB',
    y: 'µs',
    lines: first.map(({ key, title }) => ({
      label: title,
      isOwn: key === 'switchboard',
      points: [...summary].map(([{ bytes = KIB }, rows]) => [
        bytes / KIB,
        (rows.find((row) => row.key === key)?.cpuMsPerCall ?? Number.NaN) * 1000,
      ]),
    })),
  });
}
