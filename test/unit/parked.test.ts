import { expect, test, vi } from 'vitest';
import { createParked } from '../../src/relay/parked.ts';
import { withFakeTime } from '../support/fake-time.ts';

const MINUTE_MS = 60_000;

/** A call that knows whether it was given up. */
const call = () => ({ hasEnded: false, isGivenUp: false, giveUp: given });
function given(this: { isGivenUp: boolean }) {
  this.isGivenUp = true;
}

test('a call that nobody comes for is given up after five minutes, and its place is free', () =>
  withFakeTime(async () => {
    const parked = createParked({ maxParked: 1 });
    const waits = call();
    const id = parked.add(waits) as string;
    await vi.advanceTimersByTimeAsync(5 * MINUTE_MS - 1);
    expect([waits.isGivenUp, parked.size, parked.add(call())]).toEqual([false, 1, undefined]);
    await vi.advanceTimersByTimeAsync(1);
    expect([waits.isGivenUp, parked.size, parked.take(id)]).toEqual([true, 0, undefined]);
    expect(parked.add(call())).toEqual(expect.any(String));
    parked.close();
  }));

test('a call that was taken up is taken up once, and not given up', () =>
  withFakeTime(async () => {
    const parked = createParked({ maxParked: 2 });
    const waits = call();
    const id = parked.add(waits) as string;
    expect([parked.take(id), parked.take(id)]).toEqual([waits, undefined]);
    await vi.advanceTimersByTimeAsync(10 * MINUTE_MS);
    expect(waits.isGivenUp).toBe(false);
  }));

test('at the end all of them are given up', () => {
  const parked = createParked({ maxParked: 2 });
  const waiting = [call(), call()];
  for (const waits of waiting) parked.add(waits);
  parked.close();
  expect([parked.size, ...waiting.map(({ isGivenUp }) => isGivenUp)]).toEqual([0, true, true]);
});
