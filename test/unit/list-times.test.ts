import { expect, test, vi } from 'vitest';
import { createListKeeper } from '../../src/downstream/lists/list-keeper.ts';
import { withFakeTime } from '../support/fake-time.ts';

const LIST = { tools: [], ttlMs: 300_000, instructions: undefined, warnings: [] };

function keeperOf(list: () => Promise<typeof LIST>) {
  const keeper = createListKeeper({ restored: undefined, list, onChanged() {}, onFailed() {} });
  keeper.publish(LIST);
}

test('lists that came together are not asked for together when they expire [R119]', () =>
  withFakeTime(async () => {
    const askedAt: number[] = [];
    for (let gateway = 0; gateway < 50; gateway++) {
      keeperOf(async () => {
        askedAt.push(performance.now());
        return LIST;
      });
    }
    const startedAt = performance.now();
    await vi.advanceTimersByTimeAsync(300_000);
    expect(askedAt).toHaveLength(50);
    const [first, last] = [Math.min(...askedAt) - startedAt, Math.max(...askedAt) - startedAt];
    expect(first).toBeGreaterThan(260_000);
    // Fifty at random in 30 s: less than 10 s apart would be a miracle.
    expect(last - first).toBeGreaterThan(10_000);
  }));

test('a list that cannot be had is asked for ever more rarely, and never given up [R119]', () =>
  withFakeTime(async () => {
    const askedAt: number[] = [];
    keeperOf(() => {
      askedAt.push(performance.now());
      return Promise.reject(new Error('no'));
    });
    await vi.advanceTimersByTimeAsync(24 * 3600_000);
    const pauses = askedAt.slice(1).map((at, index) => at - (askedAt[index] as number));
    expect(
      pauses.slice(0, 5).every((pause, index) => index === 0 || pause > (pauses[index - 1] as number)),
    ).toBe(true);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(3_600_000);
    expect(askedAt.length).toBeGreaterThan(24);
  }));
