import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Allowance } from '../../src/caller/allowance.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const unlimited = { maxCallerInFlight: 1000, maxRequestsPerMinute: 0 };

test('so many run at once, the next is refused, and has room when one has ended', () => {
  const allowance = new Allowance({ ...unlimited, maxCallerInFlight: 2 }, () => false);
  expect([allowance.enter(), allowance.enter()]).toEqual([undefined, undefined]);
  const refusal = allowance.enter();
  expect(refusal?.httpStatus).toBe(429);
  expect(refusal?.message).toContain('maxCallerInFlight');
  expect(refusal?.message).toContain('2');
  // The refused one counts for nothing.
  allowance.leave();
  expect(allowance.enter()).toBeUndefined();
  expect(allowance.enter()).toBeDefined();
});

test('a minute has so many; who has used them up hears when there is one more, and gets it then', () => {
  const allowance = new Allowance({ ...unlimited, maxRequestsPerMinute: 6 }, () => false);
  const enter = () => allowance.enter()?.retryAfterSeconds;
  expect(Array.from({ length: 6 }, enter)).toEqual(Array(6).fill(undefined));
  expect(enter()).toBe(10);
  vi.advanceTimersByTime(4000);
  expect(enter()).toBe(6);
  vi.advanceTimersByTime(5900);
  // Never less than a second.
  expect(enter()).toBe(1);
  vi.advanceTimersByTime(100);
  expect([enter(), enter()]).toEqual([undefined, 10]);
  expect(allowance.enter()?.message).toContain('maxRequestsPerMinute');
});

test('what is not used is kept for a minute, and no longer', () => {
  const allowance = new Allowance({ ...unlimited, maxRequestsPerMinute: 3 }, () => false);
  vi.advanceTimersByTime(600_000);
  expect([1, 2, 3, 4].map(() => allowance.enter() === undefined)).toEqual([true, true, true, false]);
});

test('what was refused for a minute does not count as running', () => {
  const allowance = new Allowance({ maxCallerInFlight: 2, maxRequestsPerMinute: 1 }, () => false);
  allowance.enter();
  for (let i = 0; i < 5; i++) allowance.enter();
  vi.advanceTimersByTime(60_000);
  expect(allowance.enter()).toBeUndefined();
});

test('without a number for a minute there is none', () => {
  const allowance = new Allowance({ ...unlimited, maxCallerInFlight: 100_000 }, () => false);
  expect(Array.from({ length: 10_000 }, () => allowance.enter()).every((one) => one === undefined)).toBe(
    true,
  );
});

test('limits that change count at once', () => {
  const limits = { maxCallerInFlight: 1, maxRequestsPerMinute: 0 };
  const allowance = new Allowance(limits, () => false);
  allowance.enter();
  expect(allowance.enter()).toBeDefined();
  limits.maxCallerInFlight = 2;
  expect(allowance.enter()).toBeUndefined();
});

test('a number for a minute that comes later has a whole minute to begin with', () => {
  const limits = { ...unlimited };
  const allowance = new Allowance(limits, () => false);
  allowance.enter();
  limits.maxRequestsPerMinute = 3;
  expect([1, 2, 3, 4].map(() => allowance.enter() === undefined)).toEqual([true, true, true, false]);
});

test('a process that is full takes nobody, and everybody again when it is not', () => {
  let isFull = true;
  const allowance = new Allowance(unlimited, () => isFull);
  expect(allowance.enter()).toMatchObject({ httpStatus: 503, retryAfterSeconds: 2 });
  isFull = false;
  expect(allowance.enter()).toBeUndefined();
});
