import { existsSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { openAuditFile } from '../../src/caller/observing/audit-lines.ts';

const PATIENCE = { timeout: 20_000 };

afterEach(() => void vi.useRealTimers());

test.runIf(existsSync('/dev/full'))(
  'a file that takes no lines is told of again for as long as it does not, once a minute',
  async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const told: string[] = [];
    const lines = openAuditFile('/dev/full', (why) => void told.push(why));
    const loseSome = async () => {
      for (let line = 0; line < 5; line++) {
        lines.write('{}\n');
        await new Promise(setImmediate);
      }
    };
    await loseSome();
    await vi.waitFor(() => expect(told).toEqual(['ENOSPC']), PATIENCE);
    vi.advanceTimersByTime(59_000);
    await loseSome();
    vi.advanceTimersByTime(1000);
    await vi.waitFor(async () => {
      await loseSome();
      expect(told).toEqual(['ENOSPC', 'ENOSPC']);
    }, PATIENCE);
    await lines.close();
  },
);
