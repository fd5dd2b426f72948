import { writeFileSync } from 'node:fs';
import { figureTable } from '../../test/support/markdown.ts';
import { type Bench, type Running, whileRunning } from '../measure/bench.ts';
import { runSlice } from '../measure/compare.ts';
import { memoryMiB } from '../measure/memory.ts';
import { median } from '../measure/statistics.ts';
import { below } from '../report/goals.ts';
import { callCell } from './calls.ts';
import type { Section } from './section.ts';
import { settledMiB } from './sessions.ts';

const bytes = 10 * 2 ** 20;
const paceMs = 300;
const call = callCell('modern', 1, { bytes });

interface Flow {
  readonly firstMs: number;
  /** How much more memory than before was resident at the most, as a multiple of the result. */
  readonly growth: number;
  readonly growthOf16: number;
}

export const streaming: Section = {
  key: 'streaming',
  title: 'Results of 10 MiB while they arrive',
  text: `The downstream writes its answer over ${paceMs} ms: a first byte before that is one that went on before the last had come.
Memory is the most that was resident in a new process, less what was before, for the first such result
and for each of sixteen at once; the downstream writes these as fast as it can.`,
  async run(bench) {
    const rows: [string, string, Flow[]][] = [];
    for (const target of bench.chosen(
      bench.quick ? ['switchboard'] : ['raw', 'limit', 'switchboard', 'naive-v2'],
    )) {
      const flows: Flow[] = [];
      const start = () => bench.start(target, undefined, 'collectable');
      for (let n = 1; n <= (bench.quick ? 1 : 3); n++)
        flows.push(await whileRunning(start, (one) => measureFlow(bench, one)));
      rows.push([target.key, target.title, flows]);
    }
    const lines = rows.map(([, title, flows]) => [
      title,
      `${median(flows.map(({ firstMs }) => firstMs)).toFixed(0)} ms`,
      median(flows.map(({ growth }) => growth)).toFixed(2),
      median(flows.map(({ growthOf16 }) => growthOf16)).toFixed(2),
    ]);
    const own = rows.find(([key]) => key === 'switchboard')?.[2] ?? [];
    return {
      blocks: [figureTable(['target', 'first byte', 'memory, × the result', 'of 16, × each'], lines)],
      goals: [
        below(
          `10 MiB result written over ${paceMs} ms: first byte`,
          own.map(({ firstMs }) => firstMs),
          paceMs,
          (value) => `${value.toFixed(0)} ms`,
        ),
        below(
          '10 MiB result: peak memory growth, × the result',
          own.map(({ growth }) => growth),
          2,
          (value) => `${value.toFixed(2)} ×`,
        ),
      ],
    };
  },
};

/** Of a new process: one that has held a large result before keeps room for the next. */
async function measureFlow(bench: Bench, one: Running): Promise<Flow> {
  const { pid } = one.child;
  await runSlice(bench, one, { ...callCell('modern', 16), durationMs: bench.quick ? 50 : 1000 });
  const before = await settledMiB(pid);
  // The highest mark is set back to what is resident now.
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  const growth = () => ((memoryMiB(pid, 'VmHWM') - before) * 2 ** 20) / bytes;
  await runSlice(bench, one, { ...call, durationMs: 0, atLeast: 0 });
  const ofOne = growth();
  await runSlice(bench, one, { ...call, callers: 16, durationMs: 0, atLeast: 16 });
  const ofSixteen = growth() / 16;
  const paced = await runSlice(bench, one, { ...call, paceMs, durationMs: 1 });
  return { firstMs: paced.firstByteMs, growth: ofOne, growthOf16: ofSixteen };
}
