import { expect } from 'vitest';

/** Expects something to become true: `expect.poll` with patience for a machine that is busy. */
export function eventually<Value>(read: () => Value) {
  return expect.poll(read, { timeout: 10_000, interval: 10 });
}
