import { percentile } from '../measure/statistics.ts';
import { Connection } from './connection.ts';
import type { Job, Measured } from './job.ts';
import { createConversation, createTurn, type Turn } from './turns.ts';

export interface Slice {
  /** Runs it, lets every request that was begun end, and closes the connections. @throws on the first wrong answer */
  run(): Promise<Measured>;
}

/** Opens the callers' connections and sends one request over each, so that the slice begins in the middle of things. */
export async function connectCallers(job: Job): Promise<Slice> {
  const connections: Connection[] = [];
  const callers = await Promise.all(Array.from({ length: job.callers }, createCaller(job, connections)));
  await Promise.all(callers.map((turn) => turn()));
  return {
    async run() {
      const measured = await measure(callers, job.durationMs);
      for (const connection of connections) connection.close();
      return measured;
    },
  };
}

/** Callers of one job share its round of tools. */
function createCaller(job: Job, connections: Connection[]): () => Promise<Turn> {
  if (job.kind === 'cold') {
    const conversation = createConversation(job);
    return () => Promise.resolve(conversation);
  }
  const turn = createTurn(job);
  return async () => {
    const connection = await Connection.open(job.target.port);
    connections.push(connection);
    return () => turn(connection);
  };
}

async function measure(callers: readonly Turn[], durationMs: number): Promise<Measured> {
  const tookMs: number[] = [];
  const startMs = performance.now();
  const stopMs = startMs + durationMs;
  await Promise.all(
    callers.map(async (turn) => {
      for (let beganMs = performance.now(); beganMs < stopMs; ) {
        await turn();
        const nowMs = performance.now();
        tookMs.push(nowMs - beganMs);
        beganMs = nowMs;
      }
    }),
  );
  const elapsedMs = performance.now() - startMs;
  tookMs.sort((a, b) => a - b);
  return { count: tookMs.length, elapsedMs, p50Ms: percentile(tookMs, 0.5), p99Ms: percentile(tookMs, 0.99) };
}
