import { setTimeout as sleep } from 'node:timers/promises';
import { figureTable } from '../../test/support/markdown.ts';
import { type Bench, type Running, whileRunning } from '../measure/bench.ts';
import { runSlice } from '../measure/compare.ts';
import { memoryMiB } from '../measure/memory.ts';
import { median } from '../measure/statistics.ts';
import { below } from '../report/goals.ts';
import { callCell } from './calls.ts';
import type { Section } from './section.ts';
import { megabytes, toMB } from './start.ts';

const sessions = 1000;

export const held: Section = {
  key: 'sessions',
  title: 'Memory of 1 000 legacy sessions',
  text: `Each initializes on a connection of its own, which stays open, and does nothing more; and the same with the stream of each
session open as well. What is resident after a collection of garbage, less what was before, when there had been sessions
already. Switchboard alone keeps sessions: the other gateways here have none.`,
  async run(bench) {
    const [target] = bench.chosen(['switchboard']);
    if (target === undefined) return { blocks: [] };
    const kinds = [
      ['connection', false],
      ['connection and stream', true],
    ] as const;
    const start = () => bench.start(target, undefined, 'collectable');
    const growth = new Map<string, number[]>();
    for (const [kind, stream] of bench.quick ? kinds.slice(1) : kinds)
      for (let n = 1; n <= (bench.quick ? 1 : 3); n++) {
        const grown = await whileRunning(start, (one) => measureGrowth(bench, one, stream));
        growth.set(kind, [...(growth.get(kind) ?? []), grown]);
      }
    const lines = [...growth].map(([kind, values]) => [kind, megabytes(median(values))]);
    return {
      blocks: [figureTable(['each with', 'for 1 000'], lines)],
      goals: [...growth].map(([kind, values]) =>
        below(`1 000 idle legacy callers, each with its ${kind}`, values, 20, megabytes),
      ),
    };
  },
};

async function measureGrowth(bench: Bench, one: Running, stream: boolean): Promise<number> {
  const job = {
    ...callCell('legacy', sessions),
    durationMs: 0,
    target: { ...one.address, front: 'session' },
  } as const;
  await runSlice(bench, one, { ...callCell('legacy', 16), durationMs: bench.quick ? 50 : 1000 });
  // Half as many before: what code and buffers take once is not what a session weighs.
  await bench.load.hold({ ...job, callers: sessions / 2 }, stream);
  await bench.load.release();
  const before = await settledMiB(one.child.pid);
  await bench.load.hold(job, stream);
  const after = await settledMiB(one.child.pid);
  await bench.load.release();
  return toMB(after - before);
}

/** Resident after collections: until a second one frees no more, at most five times. */
export async function settledMiB(pid: number): Promise<number> {
  let last = Number.POSITIVE_INFINITY;
  for (let times = 0; times < 5; times++) {
    process.kill(pid, 'SIGUSR2');
    await sleep(300);
    const now = memoryMiB(pid, 'VmRSS');
    if (now > last - 0.3) return now;
    last = now;
  }
  return last;
}
