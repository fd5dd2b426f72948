import { figureTable } from '../../test/support/markdown.ts';
import { compare, ratioOf, rowIn, type Summary } from '../measure/compare.ts';
import { cost } from '../report/rows.ts';
import { variants } from '../targets/table.ts';
import type { Target } from '../targets/target.ts';
import { CLOSELY, eras, MOST_MS, warmCalls } from './calls.ts';
import type { Section } from './section.ts';

/** Of these so few are in turn with the default that none waits until it is cold. */
const AT_ONCE = 3;

export const features: Section = {
  key: 'features',
  title: 'What a feature costs',
  text: `Switchboard as it is by default, and with one thing other than that, ${AT_ONCE} such in turns with the default: three processes
of each, of which the middle one counts. A tenth up or down is what such threes of the same code still differ by. What is divided among
processes is one of each, with as many calls for each of its processes as for the one that is alone.`,
  async run(bench) {
    const [usual = '', ...rest] = variants.map(({ key }) => key);
    const others = bench.chosen(rest);
    const alone = others.filter(({ processes }) => processes === undefined);
    const divided = others.filter(({ processes }) => processes !== undefined);
    const plan = bench.quick
      ? { rounds: 1, sliceMs: 100, warmUp: { cells: warmCalls, ms: 100, atLeast: 0 } }
      : {
          ...{ rounds: 7, sliceMs: 130, atLeast: CLOSELY, mostMs: MOST_MS },
          warmUp: { cells: warmCalls, ms: 1000, atLeast: 6000 },
        };
    const groups: Target[][] = [];
    const atOnce = bench.quick ? others.length : AT_ONCE;
    for (let at = 0; at < alone.length; at += atOnce) groups.push(alone.slice(at, at + atOnce));
    if (divided.length > 0) groups.push(divided);
    const lines: string[][] = [];
    for (const group of groups) {
      const keys = [usual, ...group.map(({ key }) => key)];
      const running = await bench.up(keys, group === divided ? [] : keys);
      const summary = await compare(bench, running, { cells: warmCalls, ...plan });
      const [first = [], ...more] = linesOf(summary, usual);
      lines.push(...(lines.length === 0 ? [first, ...more] : more));
    }
    return {
      blocks: [figureTable(['', ...eras.flatMap((era) => [`${era}, CPU`, '× default'])], lines)],
    };
  },
};

function linesOf(summary: Summary, usual: string): string[][] {
  const [[, first] = [undefined, []]] = summary;
  return first.map(({ key, title }) => [
    title,
    ...[...summary.values()].flatMap((rows) => {
      const row = rowIn(rows, key);
      const ratio = ratioOf(row, rowIn(rows, usual));
      return [cost(row?.cpuMsPerCall ?? Number.NaN), ratio?.median.toFixed(2) ?? '–'];
    }),
  ]);
}
