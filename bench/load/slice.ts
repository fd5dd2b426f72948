import type { Job, Measured } from './job.ts';
import { type CallersTurn, measureOpenLoop } from './open-loop.ts';
import { summarize } from './timings.ts';
import { createConversation, createTurn, openCaller } from './turns.ts';

export interface Slice {
  /** Runs it, and lets every request that was begun end. @throws on the first wrong answer */
  run(): Promise<Measured>;
  /** Closes the connections: not part of what is measured. */
  close(): void;
}

/** Opens the callers' connections and sends one request over each, so that the slice begins in the middle of things. */
export async function connectCallers(job: Job): Promise<Slice> {
  const opened = await Promise.allSettled(Array.from({ length: job.callers }, createTurns(job)));
  const turns = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const close = () => {
    for (const { line } of turns) line?.close();
  };
  try {
    const failed = opened.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    await Promise.all(turns.map(({ take }) => take()));
  } catch (error) {
    close();
    throw error;
  }
  return {
    close,
    run: () =>
      job.perSecond === undefined ? measure(turns, job) : measureOpenLoop(turns, job, job.perSecond),
  };
}

function createTurns(job: Job): () => Promise<CallersTurn> {
  if (job.kind === 'cold') {
    const take = createConversation(job);
    return () => Promise.resolve({ take });
  }
  const turn = createTurn(job);
  return async () => {
    const caller = await openCaller(job);
    return { line: caller.line, take: () => turn(caller) };
  };
}

async function measure(turns: readonly CallersTurn[], job: Job): Promise<Measured> {
  const { durationMs, atLeast = 0, mostMs = MOST_MS } = job;
  const tookMs: number[] = [];
  const firstMs: number[] = [];
  const startMs = performance.now();
  let hasFailed = false;
  const goesOn = (nowMs: number) =>
    !hasFailed && (nowMs < startMs + durationMs || (tookMs.length < atLeast && nowMs < startMs + mostMs));
  async function callOn({ line, take }: CallersTurn): Promise<void> {
    for (let beganMs = performance.now(); goesOn(beganMs); ) {
      await take();
      const nowMs = performance.now();
      tookMs.push(nowMs - beganMs);
      if (line !== undefined) firstMs.push(line.firstByteAt - beganMs);
      beganMs = nowMs;
    }
  }
  try {
    await Promise.all(turns.map(callOn));
  } finally {
    // Or the others would go on beside the next target's.
    hasFailed = true;
  }
  return summarize(tookMs, firstMs, performance.now() - startMs);
}

const MOST_MS = 20_000;
