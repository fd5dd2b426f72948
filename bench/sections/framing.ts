import { compare } from '../measure/compare.ts';
import { cellBlocks } from '../report/rows.ts';
import { callCell, eras, warmCalls } from './calls.ts';
import type { Section } from './section.ts';

export const framing: Section = {
  key: 'framing',
  title: 'Answers as JSON and as event streams',
  text: `What a downstream answers, and what its caller takes: four ways for each era. The practical limit passes on what came,
whatever its caller takes.`,
  async run(bench) {
    const ways = ['json', 'sse'] as const;
    const cells = eras.flatMap((era) =>
      ways.flatMap((answer) => ways.map((accept) => callCell(era, 16, { answer, accept }))),
    );
    const summary = await compare(bench, await bench.up(['limit', 'switchboard']), {
      cells,
      rounds: bench.quick ? 1 : 5,
      sliceMs: bench.quick ? 60 : 260,
      warmUp: {
        cells: bench.quick ? warmCalls : cells,
        ms: bench.quick ? 60 : 500,
        atLeast: bench.quick ? 0 : 1000,
      },
    });
    const named = { json: 'JSON', sse: 'event stream' };
    return {
      blocks: cellBlocks(
        summary,
        ({ era, answer = 'json', accept = 'json' }) =>
          `${era}: downstream answers with ${named[answer]}, caller takes ${named[accept]}`,
      ),
    };
  },
};
