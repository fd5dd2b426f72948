import { figureTable } from '../../test/support/markdown.ts';
import { compare, ratioOf, rowIn, type Summary } from '../measure/compare.ts';
import { cost } from '../report/rows.ts';
import { variants } from '../targets/table.ts';
import { eras, warmCalls } from './calls.ts';
import type { Section } from './section.ts';

export const features: Section = {
  key: 'features',
  title: 'What a feature costs',
  text: `Switchboard as it is by default, and with one thing other than that, in turns. A tenth up or down is what two processes of
the same code differ by.`,
  async run(bench) {
    const running = await bench.up(['switchboard', ...variants.map(({ key }) => key)]);
    const summary = await compare(
      bench,
      running,
      bench.quick
        ? { cells: warmCalls, rounds: 1, sliceMs: 100, warmUp: { cells: warmCalls, ms: 100, atLeast: 0 } }
        : {
            cells: warmCalls,
            rounds: 9,
            sliceMs: 260,
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
      const ratio = ratioOf(row, rowIn(rows, 'switchboard'));
      return [cost(row?.cpuMsPerCall ?? Number.NaN), ratio?.median.toFixed(2) ?? '–'];
    }),
  ]);
}
