import { figureTable } from '../../test/support/markdown.ts';
import { type Cell, type Row, ratioOf, rowIn, type Summary } from '../measure/compare.ts';
import { share } from './goals.ts';

/** A heading and a table for each cell. */
export function cellBlocks(summary: Summary, titleOf: (cell: Cell) => string = describeCell): string[] {
  return [...summary].flatMap(([cell, rows]) => [`### ${titleOf(cell)}`, rowTable(rows)]);
}

const kinds = { call: 'tools/call', list: 'tools/list', cold: 'cold conversation' };

function describeCell({ kind, era, downstreamEra, callers }: Cell): string {
  const behind = kind === 'list' ? '' : `, ${downstreamEra} downstreams`;
  return `${kinds[kind]}: ${era} caller${behind}, ${callers} at once`;
}

function rowTable(rows: readonly Row[]): string {
  const limit = rowIn(rows, 'limit');
  const naive = rowIn(rows, 'naive-v2');
  const lines = rows.map((row) => [
    row.title,
    cost(row.cpuMsPerCall),
    ratioOf(row, limit)?.median.toFixed(2) ?? '–',
    naive === undefined ? '–' : share(ratioOf(row, naive)?.median ?? Number.NaN),
    row.perSecond.toFixed(0),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
  ]);
  return figureTable(
    ['target', 'CPU per call', '× limit', 'of naive v2', 'per second', 'p50 ms', 'p99 ms'],
    lines,
  );
}

export function cost(msPerCall: number): string {
  if (msPerCall >= 1) return `${msPerCall.toFixed(2)} ms`;
  return `${(msPerCall * 1000).toFixed(msPerCall < 0.1 ? 1 : 0)} µs`;
}
