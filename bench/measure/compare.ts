import type { Job } from '../load/job.ts';
import type { Bench, Running } from './bench.ts';
import { cpuMs } from './cpu.ts';
import { median } from './statistics.ts';

/** What is asked of every target in the same way. */
export type Cell = Omit<Job, 'durationMs' | 'atLeast' | 'target'>;

export interface Plan {
  readonly cells: readonly Cell[];
  readonly rounds: number;
  readonly sliceMs: number;
  /** A slice is longer where it takes more for so many requests. */
  readonly atLeast?: number;
  /** But no longer than this: others wait meanwhile, and after eight seconds they are no longer warm. */
  readonly mostMs?: number;
  /** Who hears of a target that fails, which takes no more part in that cell; where nobody does, it ends the run. */
  readonly onFailure?: (one: Running, cell: Cell, error: unknown) => void;
  /** For each target before anything is measured: in each of these cells so long, and until so many requests were answered. */
  readonly warmUp?: { readonly cells: readonly Cell[]; readonly ms: number; readonly atLeast: number };
}

/** One slice of one target. */
export interface Sample {
  readonly cpuMsPerCall: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly firstByteMs: number;
}

/** One target in one cell: in each round the median over its processes, and of these the median over the rounds. */
export interface Row extends Sample {
  readonly key: string;
  readonly title: string;
  readonly samples: readonly Sample[];
}

const WARMING_TURNS = 4;
/** Of one in one cell in one turn. */
const MOST_WARMING_MS = 1500;

export type Summary = ReadonlyMap<Cell, readonly Row[]>;

/** Every cell, A B C A B C: what disturbs the machine for a while disturbs all targets alike. */
export async function compare(bench: Bench, running: readonly Running[], plan: Plan): Promise<Summary> {
  const taken: Taken = new Map(
    plan.cells.map((cell) => {
      const answering = running.filter((one) => answers(one, cell));
      return [cell, new Map(answering.map((one) => [one, []]))];
    }),
  );
  if (plan.warmUp !== undefined) {
    await warmUp(bench, running, plan.warmUp);
    // The warming of all takes longer than one of them stays warm: the first round is to warm them, too.
    if (!bench.quick) await takeRound(bench, plan, taken);
    for (const samples of [...taken.values()].flatMap((byProcess) => [...byProcess.values()]))
      samples.length = 0;
  }
  for (let round = 1; round <= plan.rounds; round++) {
    bench.tell(`  round ${round} of ${plan.rounds}`);
    await takeRound(bench, plan, taken);
  }
  return new Map([...taken].map(([cell, byProcess]) => [cell, rowsOf(byProcess)]));
}

type Taken = Map<Cell, Map<Running, Sample[]>>;

/** @throws where a target fails, and there is nobody to hear of it */
async function takeRound(bench: Bench, plan: Plan, taken: Taken): Promise<void> {
  const { sliceMs: durationMs, atLeast = 0, mostMs } = plan;
  for (const [cell, byProcess] of taken)
    for (const [one, samples] of byProcess)
      try {
        samples.push(await runSlice(bench, one, { ...cell, durationMs, atLeast, ...(mostMs && { mostMs }) }));
      } catch (error) {
        if (plan.onFailure === undefined) throw error;
        byProcess.delete(one);
        plan.onFailure(one, cell, error);
      }
}

/** In turns, too: of a process that has been idle for eight seconds V8 drops half of what it has optimized. */
export async function warmUp(
  bench: Bench,
  running: readonly Running[],
  { cells, ms, atLeast }: NonNullable<Plan['warmUp']>,
): Promise<void> {
  const share = {
    durationMs: ms / WARMING_TURNS,
    atLeast: atLeast / WARMING_TURNS,
    mostMs: MOST_WARMING_MS,
  };
  for (let turn = 1; turn <= WARMING_TURNS; turn++)
    for (const one of running)
      for (const cell of cells) if (answers(one, cell)) await runSlice(bench, one, { ...cell, ...share });
}

function rowsOf(byProcess: ReadonlyMap<Running, readonly Sample[]>): Row[] {
  const targets = new Set([...byProcess.keys()].map(({ target }) => target));
  return [...targets].map((target) => {
    const processes = [...byProcess].flatMap(([one, samples]) => (one.target === target ? [samples] : []));
    const [rounds = []] = processes;
    return rowOf(
      target,
      rounds.map((_, round) => middleOf(processes.flatMap((samples) => samples[round] ?? []))),
    );
  });
}

function answers({ target }: Running, { era, downstreamEra, callers }: Cell): boolean {
  const { onlyEra, mostCallers = Number.POSITIVE_INFINITY } = target;
  if (callers > mostCallers) return false;
  return onlyEra === undefined || (era === onlyEra && downstreamEra === onlyEra);
}

/**
 * What is divided among processes has as much for each of them: less would not keep them warm.
 *
 * @throws naming the target and the cell
 */
export async function runSlice(bench: Bench, one: Running, each: Omit<Job, 'target'>): Promise<Sample> {
  const slice = timesAsLong(each, one.target.processes ?? 1);
  try {
    await bench.load.connect({ ...slice, target: one.address });
    const before = cpuOf(one);
    const { count, elapsedMs, ...latencies } = await bench.load.run();
    const cpu = cpuOf(one) - before;
    return { cpuMsPerCall: cpu / count, perSecond: (count / elapsedMs) * 1000, ...latencies };
  } catch (cause) {
    throw new Error(`${one.target.key}: ${JSON.stringify(slice)}: ${String(cause)}\n${one.child.output()}`, {
      cause,
    });
  }
}

function timesAsLong({ durationMs, atLeast, mostMs, ...rest }: Omit<Job, 'target'>, times: number) {
  return {
    ...rest,
    durationMs: durationMs * times,
    ...(atLeast !== undefined && { atLeast: atLeast * times }),
    ...(mostMs !== undefined && { mostMs: mostMs * times }),
  };
}

function cpuOf({ child, also = [] }: Running): number {
  return [child.pid, ...also].reduce((sum, pid) => sum + cpuMs(pid), 0);
}

export function rowOf({ key, title }: { key: string; title: string }, samples: readonly Sample[]): Row {
  return { key, title, samples, ...middleOf(samples) };
}

function middleOf(samples: readonly Sample[]): Sample {
  const middle = (name: keyof Sample) => median(samples.map((sample) => sample[name]));
  return {
    cpuMsPerCall: middle('cpuMsPerCall'),
    perSecond: middle('perSecond'),
    p50Ms: middle('p50Ms'),
    p99Ms: middle('p99Ms'),
    firstByteMs: middle('firstByteMs'),
  };
}

/** Taken within each round, since what disturbs the machine disturbs neighbouring slices alike. */
export interface Ratio {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/** @param of  what of a sample is compared; CPU per call where nothing is said */
export function ratioOf(
  own: Row | undefined,
  other: Row | undefined,
  of: (sample: Sample) => number = ({ cpuMsPerCall }) => cpuMsPerCall,
): Ratio | undefined {
  if (own === undefined || other === undefined) return undefined;
  return rangeOf(own.samples.map((sample, round) => of(sample) / of(other.samples[round] as Sample)));
}

export function rangeOf(values: readonly number[]): Ratio {
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) };
}

export function rowIn(rows: readonly Row[] | undefined, key: string): Row | undefined {
  return rows?.find((row) => row.key === key);
}
