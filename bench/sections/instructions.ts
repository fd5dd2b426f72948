import { figureTable } from '../../test/support/markdown.ts';
import type { Bench } from '../measure/bench.ts';
import { countInstructions, whyNotCountable } from '../measure/callgrind.ts';
import { runSlice } from '../measure/compare.ts';
import { type Era, type Scene, standard } from '../scene.ts';
import { targetOf } from '../targets/table.ts';
import { eras, warmCalls } from './calls.ts';
import type { Section } from './section.ts';

const WARMING_TURNS = 6;
const WARMING_CALLS = 1000;
const WINDOWS = 5;
/** So few that most windows have no garbage collection, nor code that is made anew: the least of them counts. */
const CALLS = 200;

const compared = ['raw', 'limit', 'switchboard'];

export const instructions: Section = {
  key: 'instructions',
  title: 'Instructions of a call',
  text: `Of the process's main thread, in user space, as valgrind's callgrind counts them for ${CALLS} calls at a time (1 KiB, 16 at once)
when it is warm; the least of ${WINDOWS} times. What the kernel does, and waiting for memory, is not in it: the CPU time has both. In turn
neighbours do not move it; a start does, by up to a tenth, since V8 does not optimize the same twice.`,
  async run(bench) {
    const why = bench.quick ? 'It takes minutes: not in a quick run.' : whyNotCountable();
    if (why !== undefined) return { blocks: [why] };
    const counts = new Map<string, Counts>();
    for (const { key } of bench.chosen(compared)) {
      bench.tell(`  ${key}`);
      counts.set(key, await countCalls(bench, key));
    }
    const limit = counts.get('limit');
    const lines = [...counts].map(([key, counted]) => [
      targetOf(key).title,
      ...eras.flatMap((era) => [
        `${(counted[era] / 1000).toFixed(0)} thousand`,
        limit === undefined ? '–' : (counted[era] / limit[era]).toFixed(2),
      ]),
    ]);
    return {
      blocks: [figureTable(['target', ...eras.flatMap((era) => [`${era}, instructions`, '× limit'])], lines)],
    };
  },
};

export type Counts = Record<Era, number>;

/** Instructions of one call of each era that the scene has, through a process of its own. */
export async function countCalls(bench: Bench, key: string, scene: Scene = standard): Promise<Counts> {
  const cells = warmCalls.filter(({ era }) => scene.eras === 'mixed' || scene.eras === era);
  const one = await bench.start(targetOf(key), scene, 'countable');
  try {
    for (let turn = 1; turn <= WARMING_TURNS; turn++)
      for (const cell of cells)
        await runSlice(bench, one, { ...cell, durationMs: 0, atLeast: WARMING_CALLS });
    const counts: Counts = { modern: Number.POSITIVE_INFINITY, legacy: Number.POSITIVE_INFINITY };
    for (let window = 1; window <= WINDOWS; window++)
      for (const cell of cells) {
        await bench.load.connect({ ...cell, durationMs: 0, atLeast: CALLS, target: one.address });
        let calls = 0;
        const counted = await countInstructions(bench.directory, one.child.pid, async () => {
          calls = (await bench.load.run()).count;
        });
        counts[cell.era] = Math.min(counts[cell.era], counted / calls);
      }
    return counts;
  } finally {
    await one.child.stop();
  }
}
