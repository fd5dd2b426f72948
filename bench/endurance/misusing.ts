// Callers of the server that misbehaves, in a process of their own: node --import tsx bench/endurance/misusing.ts
// To read what they are sent is not to be the work of who measures.

import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { call } from './call.ts';

const NEVER_MS = 30_000;

export interface Misuse {
  /** Of the gateway, or of the server itself. */
  readonly url: string;
  readonly forMs: number;
  readonly callers: number;
  /** One of them calls again this long after it was answered. */
  readonly pauseMs: number;
}

const dispatcher = new Agent();
let n = 0;
let last = '';

async function misuse(url: string, endAt: number, pauseMs: number): Promise<void> {
  while (performance.now() < endAt) {
    const given = { name: 'evil__work', args: { n: ++n }, era: 'modern' } as const;
    last = await call(url, given, { dispatcher, signal: AbortSignal.timeout(NEVER_MS) }).then(
      ({ result }) => result?.content[0]?.text ?? '',
      // A result that is too large is cut.
      (error: Error) => error.message,
    );
    await sleep(pauseMs);
  }
}

process.on('message', async ({ url, forMs, callers, pauseMs }: Misuse) => {
  const endAt = performance.now() + forMs;
  await Promise.all(Array.from({ length: callers }, () => misuse(url, endAt, pauseMs)));
  process.send?.({ last: last.slice(0, 100) });
});
process.on('disconnect', () => process.exit(1));
