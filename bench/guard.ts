// Whether a call has become dear: npm run guard
// Instructions of a call through Switchboard as a multiple of the practical limit's, and with much behind it as a multiple of
// those with little, all counted in this run, one beside the other. It takes some three minutes; what else the machine does
// moves it little.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Figure, isOver, report } from './figures.ts';
import { openBench } from './measure/bench.ts';
import { whyNotCountable } from './measure/callgrind.ts';
import type { Scene } from './scene.ts';
import { eras } from './sections/calls.ts';
import { type Counts, countCalls } from './sections/instructions.ts';
import { mostDownstreams, mostTools, titleOf, usual } from './sections/scale.ts';
import './signals.ts';

/**
 * Runs came to 1.25 in the modern era and to 1.31 in the legacy one, and once, when both were optimized otherwise, to 1.40 and
 * 1.51. To be lowered with what calls take.
 */
const MOST_TIMES_LIMIT = { modern: 1.45, legacy: 1.6 };

/** Runs came to 1.00 to 1.02, and once, beside other work, to 1.08; a start that V8 has optimized otherwise is some percent off. */
const MOST_TIMES_USUAL = 1.1;

const why = whyNotCountable();
if (why !== undefined) throw new Error(`${why}: apt-get install valgrind`);

const directory = mkdtempSync(join(tmpdir(), 'switchboard-guard-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

// No more at once than there are cores on a small machine: V8 optimizes late where its threads have to wait.
const [own, limit] = await Promise.all([countAlone('switchboard'), countAlone('limit')]);
const [base, manyServers] = await Promise.all([
  countAlone('switchboard', usual),
  countAlone('switchboard', mostDownstreams),
]);
const manyTools = await countAlone('switchboard', mostTools);
const figures = [
  ...eras.map((era) =>
    timesFigure(
      `${era}: instructions of a tools/call, as a multiple of the practical limit's`,
      own[era] / limit[era],
      MOST_TIMES_LIMIT[era],
    ),
  ),
  timesUsual(mostDownstreams, manyServers),
  timesUsual(mostTools, manyTools),
];
if (figures.some(isOver))
  console.log(
    'A call has become too dear: npm run bench -- --no-pin --profile <directory> shows where it goes.',
  );
report(figures);

/** With downstreams and callers of its own, so that the two need not wait for one another. */
async function countAlone(key: string, scene?: Scene): Promise<Counts> {
  const bench = await openBench({
    quick: false,
    only: undefined,
    directory,
    core: undefined,
    profileDirectory: undefined,
  });
  try {
    return await countCalls(bench, key, scene);
  } finally {
    await bench.stop();
  }
}

function timesUsual(scene: Scene, { modern }: Counts): Figure {
  const name = `the same with ${titleOf(scene)}, as a multiple of those with ${titleOf(usual)}`;
  return timesFigure(name, modern / base.modern, MOST_TIMES_USUAL);
}

function timesFigure(name: string, ratio: number, limit: number): Figure {
  return { name, value: Number(ratio.toFixed(2)), unit: 'times', limit };
}
