import { figureTable } from '../../test/support/markdown.ts';
import { compare, ratioOf, rowIn, type Summary } from '../measure/compare.ts';
import { cost } from '../report/rows.ts';
import { variants } from '../targets/table.ts';
import { eras, warmCalls } from './calls.ts';
import type { Section } from './section.ts';

export const features: Section = {
  key: 'features',
  title: 'What a feature costs',
  text: `Switchboard as it is by default, and with one thing other than that, in turns: three processes
of each, of which the middle one counts. A tenth up or down is what such threes of the same code still differ by.`,
  async run(bench) {
    const keys = variants.map(({ key }) => key);
    const running = await bench.up(keys, keys);
    const summary = await compare(
      bench,
      running,
      bench.quick
        ? { cells: warmCalls, rounds: 1, sliceMs: 100, warmUp: { cells: warmCalls, ms: 100, atLeast: 0 } }
        : {
            cells: warmCalls,
            rounds: 7,
            sliceMs: 130,
            warmUp: { cells: warmCalls, ms: 1000, atLeast: 6000 },
          },
    );
    return {
      blocks: [figureTable(['', ...eras.flatMap((era) => [`${era}, CPU`, '× default'])], linesOf(summary))],
    };
  },
};

function linesOf(summary: Summary): string[][] {
  const [[, first] = [undefined, []]] = summary;
  return first.map(({ key, title }) => [
    title,
    ...[...summary.values()].flatMap((rows) => {
      const row = rowIn(rows, key);
      const ratio = ratioOf(row, rowIn(rows, 'switchboard-default'));
      return [cost(row?.cpuMsPerCall ?? Number.NaN), ratio?.median.toFixed(2) ?? '–'];
    }),
  ]);
}
