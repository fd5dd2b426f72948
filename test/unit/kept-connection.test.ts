import { expect, test, vi } from 'vitest';
import type { Connection } from '../../src/downstream/connection.ts';
import { keepConnected } from '../../src/downstream/kept-connection.ts';
import { createLeaving } from '../../src/downstream/leaving.ts';
import type { Ending, Target } from '../../src/downstream/open-connection.ts';
import type { Logger } from '../../src/log.ts';
import { deferred } from '../../src/promises.ts';
import { withFakeTime } from '../support/fake-time.ts';

/** What a command does that takes this long to come up, and lives so long then: how it is told, in milliseconds. */
async function pausesAfter(starts: number, { startMs, livesMs }: { startMs: number; livesMs: number }) {
  const closing = new AbortController();
  const pauses: number[] = [];
  const enough = deferred<void>();
  const log = {
    debug() {},
    warn({ retryInMs }: { retryInMs: number }) {
      if (pauses.push(retryInMs) === starts) enough.resolve();
    },
  } as unknown as Logger;
  const target = { config: { kind: 'stdio' }, limits: {} } as Target;
  const connection = { link: { running: 0 }, close: async () => {} } as unknown as Connection;
  const kept = keepConnected({
    key: 'crm',
    log,
    target,
    async open({ config }) {
      vi.advanceTimersByTime(startMs);
      return { connection, config, ended: deferred<Ending>(), stopTelling() {} };
    },
    onReady() {
      queueMicrotask(() => {
        vi.advanceTimersByTime(livesMs);
        kept.end('exit code 1');
      });
    },
    onLost() {},
    leaving: createLeaving(closing.signal),
    closing,
  });
  kept.start();
  await enough.promise;
  closing.abort();
  await kept.close();
  return pauses;
}

test('a command that takes long to come up and ends at once is started ever more slowly', () =>
  withFakeTime(async () => {
    const [first, second] = await pausesAfter(2, { startMs: 15_000, livesMs: 100 });
    expect(first).toBe(0);
    expect(second).toBeGreaterThanOrEqual(2000);
  }));

test('one that comes up at once and lives for a while is started anew at once, each time', () =>
  withFakeTime(async () => {
    expect(await pausesAfter(3, { startMs: 0, livesMs: 15_000 })).toEqual([0, 0, 0]);
  }));
