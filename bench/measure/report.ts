import { targets } from '../targets/table.ts';
import { headings, howToRead } from './explanations.ts';
import type { Cell, Plan } from './plan.ts';
import type { Ratio, Row, Summary } from './summary.ts';

export interface ReportInput {
  readonly summary: Summary;
  readonly plan: Plan;
  readonly machine: readonly string[];
  readonly command: string;
  readonly date: string;
}

/** The whole of RESULTS.md. */
export function writeReport({ summary, plan, machine, command, date }: ReportInput): string {
  const sections = (['call', 'list', 'cold'] as const).flatMap((kind) => {
    const cells = [...summary].filter(([cell]) => cell.kind === kind);
    return [headings[kind], ...cells.flatMap(([cell, rows]) => [`### ${titleOf(cell)}`, rowTable(rows)])];
  });
  return `${[
    '# Benchmark results',
    `Written by \`${command}\` on ${date}. Every figure is from that one run on one machine:`,
    [...machine, describePlan(plan)].map((line) => `- ${line}`).join('\n'),
    '## The goals',
    goalTable(summary),
    ...sections,
    howToRead,
  ].join('\n\n')}\n`;
}

function describePlan({ rounds, sliceMs, warmUpMs }: Plan): string {
  return `all targets up at once; ${warmUpMs} ms of warm-up for each kind of request, then ${rounds} rounds of ${sliceMs} ms slices in turn; medians over the rounds`;
}

function titleOf({ kind, era, downstreamEra, callers }: Cell): string {
  const behind = kind === 'list' ? '' : `, ${downstreamEra} downstreams`;
  return `${era} caller${behind}, ${callers} at once`;
}

function rowTable(rows: readonly Row[]): string {
  const lines = rows.map((row) => [
    targets.find(({ key }) => key === row.key)?.title ?? row.key,
    `${(row.cpuMsPerCall * 1000).toFixed(row.cpuMsPerCall < 0.1 ? 1 : 0)} µs`,
    row.toLimit === undefined ? '–' : times(row.toLimit.median),
    row.toNaive === undefined ? '–' : share(row.toNaive.median),
    row.perSecond.toFixed(0),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
  ]);
  return table(['target', 'CPU per call', '× limit', 'of naive', 'per second', 'p50 ms', 'p99 ms'], lines);
}

const mostTimesLimit = 1.6;
const mostOfNaive = 1 / 8;

/** A list that is known beforehand, and costs this many times a static response of the same bytes. */
const mostTimesStaticList = 2;

function goalTable(summary: Summary): string {
  const lines = [...summary].flatMap(([cell, rows]) => {
    const own = rows.find(({ key }) => key === 'switchboard');
    const { kind, era, downstreamEra, callers } = cell;
    if (own === undefined || callers !== 16 || era !== downstreamEra) return [];
    if (kind === 'list') {
      const name = `${era}: tools/list of 500 tools, × a static response`;
      return goalLine(name, own.toLimit, mostTimesStaticList, times);
    }
    if (kind !== 'call') return [];
    return [
      ...goalLine(`${era}: tools/call, 1 KiB results, × practical limit`, own.toLimit, mostTimesLimit, times),
      ...goalLine(`${era}: tools/call, 1 KiB results, of naive aggregator`, own.toNaive, mostOfNaive, share),
    ];
  });
  if (lines.length === 0) return 'Not all the targets ran that they compare.';
  return table(['CPU per call, 16 at once', 'goal', 'median', 'rounds', ''], lines);
}

function goalLine(
  name: string,
  ratio: Ratio | undefined,
  most: number,
  shown: (n: number) => string,
): string[][] {
  if (ratio === undefined) return [];
  const range = `${shown(ratio.lowest)} – ${shown(ratio.highest)}`;
  const verdict = ratio.median <= most ? 'reached' : 'not reached';
  return [[name, `≤ ${shown(most)}`, shown(ratio.median), range, verdict]];
}

const times = (ratio: number) => ratio.toFixed(2);
const share = (ratio: number) => (ratio === 1 ? '1' : `1/${(1 / ratio).toFixed(1)}`);

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
