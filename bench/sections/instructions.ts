import { figureTable } from '../../test/support/markdown.ts';
import { type Bench, whileRunning } from '../measure/bench.ts';
import { countEvents, type Events, whyNotCountable } from '../measure/callgrind.ts';
import { runSlice } from '../measure/compare.ts';
import type { How } from '../measure/processes.ts';
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

/** What a processor waits for, by callgrind's names of what adds up to it. */
const waits: readonly (readonly [string, readonly string[]])[] = [
  ['code not in L1', ['I1mr']],
  ['data not in L1', ['D1mr', 'D1mw']],
  ['neither in L2', ['ILmr', 'DLmr', 'DLmw']],
  ['wrong branches', ['Bcm', 'Bim']],
];

export const instructions: Section = {
  key: 'instructions',
  title: 'Instructions of a call',
  text: `Of the process's main thread, in user space, as valgrind's callgrind counts them for ${CALLS} calls at a time (1 KiB, 16 at once)
when it is warm; the least of ${WINDOWS} times. What the kernel does is not in it, and what instructions wait for is in the other columns:
lines of 64 bytes that a cache does not have, and branches that were guessed wrongly, by callgrind's model of a core with 32 KiB twice and
1 MiB. In turn neighbours do not move it; a start does, by up to a tenth, since V8 does not optimize the same twice.`,
  async run(bench) {
    const why = bench.quick ? 'It takes minutes: not in a quick run.' : whyNotCountable();
    if (why !== undefined) return { blocks: [why] };
    const counted = new Map<string, Record<Era, Events>>();
    for (const { key } of bench.chosen(compared)) {
      bench.tell(`  ${key}`);
      counted.set(key, await countEach(bench, key, standard, 'simulated'));
    }
    const blocks = eras.map((era) => {
      const limit = counted.get('limit')?.[era];
      const lines = [...counted].map(([key, { [era]: events }]) => [
        targetOf(key).title,
        `${(instructionsOf(events) / 1000).toFixed(0)} thousand`,
        limit === undefined ? '–' : (instructionsOf(events) / instructionsOf(limit)).toFixed(2),
        ...waits.map(([, names]) => sumOf(events, names).toFixed(0)),
      ]);
      return figureTable([era, 'instructions', '× limit', ...waits.map(([title]) => title)], lines);
    });
    return { blocks };
  },
};

export type Counts = Record<Era, number>;

/** Instructions of one call of each era that the scene has, through a process of its own. */
export async function countCalls(bench: Bench, key: string, scene: Scene = standard): Promise<Counts> {
  const { modern, legacy } = await countEach(bench, key, scene, 'countable');
  return { modern: instructionsOf(modern), legacy: instructionsOf(legacy) };
}

/** Infinitely many in an era that the scene has not. */
const NEVER: Events = new Map([['Ir', Number.POSITIVE_INFINITY]]);

function countEach(bench: Bench, key: string, scene: Scene, how: How): Promise<Record<Era, Events>> {
  const cells = warmCalls.filter(({ era }) => scene.eras === 'mixed' || scene.eras === era);
  const start = () => bench.start(targetOf(key), scene, how);
  return whileRunning(start, async (one) => {
    for (let turn = 1; turn <= WARMING_TURNS; turn++)
      for (const cell of cells)
        await runSlice(bench, one, { ...cell, durationMs: 0, atLeast: WARMING_CALLS });
    const least: Record<Era, Events> = { modern: NEVER, legacy: NEVER };
    for (let window = 1; window <= WINDOWS; window++)
      for (const cell of cells) {
        await bench.load.connect({ ...cell, durationMs: 0, atLeast: CALLS, target: one.address });
        let calls = 0;
        const counted = await countEvents(bench.directory, one.child.pid, how === 'simulated', async () => {
          calls = (await bench.load.run()).count;
        });
        const each = new Map([...counted].map(([name, count]) => [name, count / calls]));
        if (instructionsOf(each) < instructionsOf(least[cell.era])) least[cell.era] = each;
      }
    return least;
  });
}

const instructionsOf = (events: Events) => sumOf(events, ['Ir']);

function sumOf(events: Events, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + (events.get(name) ?? 0), 0);
}
