import type { Line } from './connection.ts';
import { type Job, type Measured, mostMs } from './job.ts';
import { measureOpenLoop } from './open-loop.ts';
import { summarize } from './timings.ts';
import { createConversation, createTurn, openCaller } from './turns.ts';

export interface Slice {
  /** Runs it, lets every request that was begun end, and closes the connections. @throws on the first wrong answer */
  run(): Promise<Measured>;
  /** Closes the connections of a slice that nobody runs. */
  close(): void;
}

/** Opens the callers' connections and sends one request over each, so that the slice begins in the middle of things. */
export async function connectCallers(job: Job): Promise<Slice> {
  const turns = await Promise.all(Array.from({ length: job.callers }, createTurns(job)));
  await Promise.all(turns.map(({ take }) => take()));
  const close = () => {
    for (const { line } of turns) line?.close();
  };
  return {
    close,
    async run() {
      const measured =
        job.perSecond === undefined
          ? await measure(turns, job)
          : await measureOpenLoop(turns, job, job.perSecond);
      close();
      return measured;
    },
  };
}

/** One caller's. */
export interface CallersTurn {
  /** Its connection, where it keeps one. */
  readonly line?: Line;
  take(): Promise<void>;
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

async function measure(turns: readonly CallersTurn[], { durationMs, atLeast = 0 }: Job): Promise<Measured> {
  const tookMs: number[] = [];
  const firstMs: number[] = [];
  const startMs = performance.now();
  const goesOn = (nowMs: number) =>
    nowMs < startMs + durationMs || (tookMs.length < atLeast && nowMs < startMs + mostMs);
  await Promise.all(
    turns.map(async ({ line, take }) => {
      for (let beganMs = performance.now(); goesOn(beganMs); ) {
        await take();
        const nowMs = performance.now();
        tookMs.push(nowMs - beganMs);
        if (line !== undefined) firstMs.push(line.firstByteAt - beganMs);
        beganMs = nowMs;
      }
    }),
  );
  return summarize(tookMs, firstMs, performance.now() - startMs);
}
