import { expect, test, vi } from 'vitest';
import { createListKeeper } from '../../src/downstream/lists/list-keeper.ts';
import type { Listing } from '../../src/downstream/lists/listing.ts';
import { deferred } from '../../src/promises.ts';
import { withFakeTime } from '../support/fake-time.ts';

const listOf = (...names: string[]): Listing => ({
  tools: names.map((name) => ({ name })),
  ttlMs: undefined,
  instructions: undefined,
  warnings: [],
});

/** A server whose listings are counted, and what came of them. Time is the test's. */
function keeperOf(list: (asked: number) => Promise<Listing | undefined>) {
  let asked = 0;
  const changes: Listing[] = [];
  const failures: unknown[] = [];
  const keeper = createListKeeper({
    restored: undefined,
    list: () => list(++asked),
    onChanged: (fresh) => void changes.push(fresh),
    onFailed: (error) => void failures.push(error),
  });
  return {
    keeper,
    changes,
    failures,
    get asked() {
      return asked;
    },
  };
}

/** The same, whose first listing ends when the test says so; what the others find is `changed`. */
function keeperOfSlowFirst() {
  const first = deferred<Listing | undefined>();
  return { first, watched: keeperOf(async (n) => (n === 1 ? first.promise : listOf('changed'))) };
}

test('a burst of announcements is one listing, and all that come while it runs are one more', () =>
  withFakeTime(async () => {
    const watched = keeperOf(async (n) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return listOf(`tool_${n}`);
    });
    watched.keeper.publish(listOf('first'));
    await vi.advanceTimersByTimeAsync(10_000);
    for (let i = 0; i < 20; i++) watched.keeper.announce();
    await vi.advanceTimersByTimeAsync(299);
    expect(watched.asked).toBe(0);
    await vi.advanceTimersByTimeAsync(10);
    expect(watched.asked).toBe(1);
    for (let i = 0; i < 20; i++) watched.keeper.announce();
    await vi.advanceTimersByTimeAsync(5000);
    expect(watched.asked).toBe(2);
    expect(watched.changes).toHaveLength(3);
  }));

test('a server that announces without end is listed all the same', () =>
  withFakeTime(async () => {
    const watched = keeperOf(async (n) => listOf(`tool_${n}`));
    watched.keeper.publish(listOf('first'));
    await vi.advanceTimersByTimeAsync(10_000);
    const flood = setInterval(() => watched.keeper.announce(), 200);
    await vi.advanceTimersByTimeAsync(4000);
    clearInterval(flood);
    expect(watched.asked).toBeGreaterThanOrEqual(2);
    expect(watched.asked).toBeLessThanOrEqual(5);
  }));

test('a server that announces a change after each of its lists is asked ever more slowly', () =>
  withFakeTime(async () => {
    const watched = keeperOf(async () => {
      // Its notice comes right after its list.
      setTimeout(() => watched.keeper.announce(), 5);
      return listOf('same');
    });
    watched.keeper.publish(listOf('same'));
    watched.keeper.announce();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(watched.asked).toBeGreaterThan(4);
    expect(watched.asked).toBeLessThan(10);
    expect(watched.changes).toHaveLength(1);
  }));

test('a list that cannot be had is asked for again, and the old one stays', () =>
  withFakeTime(async () => {
    const watched = keeperOf(async (n) => {
      if (n === 1) throw new Error('no');
      return listOf('new');
    });
    watched.keeper.publish(listOf('old'));
    await vi.advanceTimersByTimeAsync(300_000);
    expect(watched.failures).toHaveLength(1);
    expect(watched.keeper.current).toEqual(listOf('old'));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(watched.keeper.current).toEqual(listOf('new'));
  }));

test('nothing is asked for while there is no connection', () =>
  withFakeTime(async () => {
    const watched = keeperOf(async () => listOf('x'));
    watched.keeper.publish(listOf('x'));
    watched.keeper.pause();
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(watched.asked).toBe(0);
  }));

test('a change that is announced while a server is being connected is asked for as soon as it is', () =>
  withFakeTime(async () => {
    const watched = keeperOf(async () => listOf('old', 'new'));
    watched.keeper.announce();
    await vi.advanceTimersByTimeAsync(1000);
    expect(watched.asked).toBe(0);
    watched.keeper.publish(listOf('old'));
    await vi.advanceTimersByTimeAsync(1000);
    expect(watched.asked).toBe(1);
    expect(watched.keeper.current).toEqual(listOf('old', 'new'));
  }));

test('a listing over a connection that is gone holds nothing up, and nothing comes of it', () =>
  withFakeTime(async () => {
    const { first: stale, watched } = keeperOfSlowFirst();
    watched.keeper.publish(listOf('first'));
    watched.keeper.announce();
    await vi.advanceTimersByTimeAsync(1000);
    expect(watched.asked).toBe(1);
    watched.keeper.pause();
    watched.keeper.publish(listOf('second'));
    watched.keeper.announce();
    await vi.advanceTimersByTimeAsync(5000);
    expect(watched.keeper.current).toEqual(listOf('changed'));
    stale.reject(new Error('cut off'));
    await vi.advanceTimersByTimeAsync(0);
    expect(watched.failures).toEqual([]);
  }));

test('a listing over a connection that another took over from holds up no change of the new one', () =>
  withFakeTime(async () => {
    const { first: late, watched } = keeperOfSlowFirst();
    watched.keeper.publish(listOf('old'));
    watched.keeper.announce();
    await vi.advanceTimersByTimeAsync(1000);
    expect(watched.asked).toBe(1);
    watched.keeper.publish(listOf('new'));
    watched.keeper.announce();
    await vi.advanceTimersByTimeAsync(5000);
    expect(watched.keeper.current).toEqual(listOf('changed'));
    // It was over the earlier connection: nothing is known of the new one by it.
    late.resolve(undefined);
    watched.keeper.announce();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(watched.asked).toBe(3);
  }));

test('announcing without end does not put off the time at which a list expires', () =>
  withFakeTime(async () => {
    const brief = (...names: string[]) => ({ ...listOf(...names), ttlMs: 2000 });
    const watched = keeperOf(async () => {
      setTimeout(() => watched.keeper.announce(), 5);
      return brief('same');
    });
    watched.keeper.publish(brief('same'));
    watched.keeper.announce();
    await vi.advanceTimersByTimeAsync(60_000);
    const before = watched.asked;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(watched.asked - before).toBeGreaterThanOrEqual(9);
    expect(watched.asked - before).toBeLessThanOrEqual(11);
  }));

test('the same list again is the very same object', () =>
  withFakeTime(async () => {
    const watched = keeperOf(async () => listOf('x'));
    const first = listOf('x');
    watched.keeper.publish(first);
    await vi.advanceTimersByTimeAsync(300_000);
    expect(watched.asked).toBe(1);
    expect(watched.keeper.current).toBe(first);
    expect(watched.changes).toHaveLength(1);
  }));
