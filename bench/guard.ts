// Whether a call has become dear: npx tsx bench/guard.ts
// Instructions of a call through Switchboard as a multiple of the practical limit's, both counted in this run, one beside the
// other. It takes two or three minutes; what else the machine does moves it little.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Figure, report } from './figures.ts';
import { openBench } from './measure/bench.ts';
import { whyNotCountable } from './measure/callgrind.ts';
import { eras } from './sections/calls.ts';
import { type Counts, countCalls } from './sections/instructions.ts';
import './signals.ts';

/** Runs came to 1.26 to 1.34 in the modern era, and to 1.33 to 1.50 in the legacy one; to be lowered with what calls take. */
const MOST_TIMES_LIMIT = { modern: 1.45, legacy: 1.6 };

const why = whyNotCountable();
if (why !== undefined) throw new Error(`${why}: apt-get install valgrind`);

const directory = mkdtempSync(join(tmpdir(), 'switchboard-guard-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

const [own, limit] = await Promise.all([countAlone('switchboard'), countAlone('limit')]);
const figures = eras.map(
  (era): Figure => ({
    name: `${era}: instructions of a tools/call, as a multiple of the practical limit's`,
    value: Number((own[era] / limit[era]).toFixed(2)),
    unit: 'times',
    limit: MOST_TIMES_LIMIT[era],
  }),
);
if (figures.some(({ value, limit = 0 }) => value >= limit))
  console.log(
    'A call has become too dear: npm run bench -- --no-pin --profile <directory> shows where it goes.',
  );
report(figures);

/** With downstreams and callers of its own, so that the two need not wait for one another. */
async function countAlone(key: string): Promise<Counts> {
  const bench = await openBench({
    quick: false,
    only: undefined,
    directory,
    core: undefined,
    profileDirectory: undefined,
  });
  try {
    return await countCalls(bench, key);
  } finally {
    await bench.stop();
  }
}
