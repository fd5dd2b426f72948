import type { Started, Target } from '../targets/table.ts';
import { cpuMs } from './cpu.ts';
import type { Load } from './load.ts';
import { type Cell, type Plan, warmUpCells } from './plan.ts';

export interface Running extends Started {
  readonly target: Target;
}

/** One slice of one target. */
export interface Sample {
  readonly cpuMsPerCall: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** By cell, then by target's key, then by round. */
export type Samples = ReadonlyMap<Cell, ReadonlyMap<string, readonly Sample[]>>;

export async function warmUp(load: Load, running: readonly Running[], plan: Plan): Promise<void> {
  for (const one of running)
    for (const cell of warmUpCells(plan.cells)) await runSlice(load, one, cell, plan.warmUpMs);
}

/** Every cell, A B C A B C: what disturbs the machine for a while disturbs all targets alike. */
export async function runRounds(
  load: Load,
  running: readonly Running[],
  plan: Plan,
  onRound: (round: number) => void,
): Promise<Samples> {
  const samples = new Map(plan.cells.map((cell) => [cell, new Map<string, Sample[]>()]));
  for (let round = 1; round <= plan.rounds; round++) {
    onRound(round);
    for (const [cell, byTarget] of samples)
      for (const one of running) {
        const sample = await runSlice(load, one, cell, plan.sliceMs);
        byTarget.set(one.target.key, [...(byTarget.get(one.target.key) ?? []), sample]);
      }
  }
  return samples;
}

/** @throws naming the target and the cell */
async function runSlice(load: Load, one: Running, cell: Cell, durationMs: number): Promise<Sample> {
  try {
    await load.connect({ ...cell, durationMs, target: one.address });
    const before = cpuMs(one.pid);
    const { count, elapsedMs, p50Ms, p99Ms } = await load.run();
    const cpu = cpuMs(one.pid) - before;
    return { cpuMsPerCall: cpu / count, perSecond: (count / elapsedMs) * 1000, p50Ms, p99Ms };
  } catch (cause) {
    const what = `${cell.kind}, ${cell.era} caller, ${cell.downstreamEra} downstream, ${cell.callers} callers`;
    throw new Error(`${one.target.key}: ${what}: ${String(cause)}\n${one.output()}`, { cause });
  }
}

/** Waits until a target lists what it should. @throws when it does not in time */
export async function waitUntilReady(load: Load, one: Running): Promise<void> {
  const cell = { kind: 'list', era: 'modern', downstreamEra: 'modern', callers: 1 } as const;
  for (let triesLeft = 100; ; triesLeft--) {
    try {
      await load.connect({ ...cell, durationMs: 0, target: one.address });
      await load.run();
      return;
    } catch (cause) {
      if (triesLeft === 0)
        throw new Error(`${one.target.key} is not ready: ${String(cause)}\n${one.output()}`, { cause });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
