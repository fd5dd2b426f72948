// Requests at a fixed rate, whether or not those before are answered, as many callers that do not know of each other send
// them. How long one took is counted from when it was due: what waits for a slow target is part of what it costs.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Line } from './connection.ts';
import type { Job, Measured } from './job.ts';
import { summarize } from './timings.ts';

/** Timers have whole milliseconds: a tick that is no later than this is on time, and what falls before it is due then. */
const tickMs = 3;

/** Of requests that wait longer than this ever more would, if it went on. */
const mostBehindMs = 250;

/** One caller's. */
export interface CallersTurn {
  /** Its connection, where it keeps one. */
  readonly line?: Line;
  take(): Promise<void>;
}

/** @throws where a target falls so far behind */
export async function measureOpenLoop(
  turns: readonly CallersTurn[],
  { durationMs }: Job,
  perSecond: number,
): Promise<Measured> {
  const idle = [...turns];
  const due: number[] = [];
  const tookMs: number[] = [];
  let running = 0;
  let failure: unknown;
  const startMs = performance.now();
  const all = Math.round((durationMs / 1000) * perSecond);

  /** Nothing more is sent: the next target is measured on the same core. */
  function fail(error: unknown): void {
    failure ??= error;
    due.length = 0;
  }

  function sendNext(): void {
    while (due.length > 0) {
      const turn = idle.pop();
      if (turn === undefined) return;
      const dueMs = due.shift() as number;
      running++;
      turn.take().then(
        () => {
          tookMs.push(performance.now() - dueMs);
          running--;
          idle.push(turn);
          sendNext();
        },
        (error: unknown) => fail(error),
      );
    }
  }

  let tickedMs = startMs;
  for (let sent = 0; sent < all || running > 0; ) {
    await sleep(1);
    const nowMs = performance.now();
    const isLate = nowMs - tickedMs > tickMs;
    tickedMs = nowMs;
    for (; sent < all; sent++) {
      const exactMs = startMs + (sent * 1000) / perSecond;
      if (exactMs > nowMs) break;
      due.push(isLate ? exactMs : nowMs);
    }
    sendNext();
    if (due[0] !== undefined && nowMs - due[0] > mostBehindMs)
      fail(new Error(`Does not keep up with ${perSecond} requests a second`));
    if (failure !== undefined) throw failure;
  }
  return summarize(tookMs, [0], performance.now() - startMs);
}
