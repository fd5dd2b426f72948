import type { TestContext } from 'vitest';
import { expect } from 'vitest';
import type { RunningGateway } from '../support/gateway.ts';
import { modernRequest } from '../support/messages.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** How a healthy server behind the same gateway was answered for meanwhile. */
    neighbour?: { calls: number; failed: number; p99Ms: number };
  }
}

/** The name of its tool at the gateway. */
export const NEIGHBOUR = 'well__echo';

/**
 * Calls the healthy neighbour without a pause while the fault is on. Every call of it is answered rightly, and at least
 * one was while the fault lasted.
 */
export async function besideNeighbour<T>(
  gateway: RunningGateway,
  { task }: TestContext,
  fault: () => Promise<T>,
): Promise<T> {
  const times: number[] = [];
  const failures: unknown[] = [];
  let isOver = false;
  let atEnd = 0;
  let n = 0;
  const callOnce = async () => {
    const text = `neighbour ${++n}`;
    const startedAt = performance.now();
    const asked = modernRequest('tools/call', { name: NEIGHBOUR, arguments: { text } });
    const reply = await gateway.post(...asked).catch((error: Error) => ({ text: `${error}`, messages: [] }));
    times.push(performance.now() - startedAt);
    if (reply.messages.at(-1)?.result?.content[0].text !== text) failures.push(reply.text);
  };
  await callOnce();
  const calling = (async () => {
    while (!isOver) await callOnce();
  })();
  let outcome: T;
  try {
    outcome = await fault();
    atEnd = times.length;
  } finally {
    isOver = true;
    await calling;
  }
  const sorted = times.toSorted((a, b) => a - b);
  const p99Ms = sorted[Math.floor(sorted.length * 0.99)] as number;
  task.meta.neighbour = { calls: times.length, failed: failures.length, p99Ms: +p99Ms.toFixed(1) };
  expect(failures).toEqual([]);
  expect(atEnd).toBeGreaterThan(0);
  return outcome;
}
