import { expect, test } from 'vitest';
import { RetryBudget } from '../../src/downstream/passage/retry-budget.ts';
import { pauseBefore, RETRY_RULES } from '../../src/downstream/passage/retry-rules.ts';

test('what may have run is sent again only where it reads, or its operator says that it may be', () => {
  const mayHaveRun = ['server_error', 'outcome_unknown', 'deadline', 'too_large', 'bad_answer'] as const;
  for (const reason of mayHaveRun) expect([reason, RETRY_RULES[reason].once]).toEqual([reason, 'fail']);
  for (const [reason, rules] of Object.entries(RETRY_RULES)) {
    expect([reason, rules.marked]).toEqual([reason, rules.reads]);
  }
});

test('what is done about each failure, for what reads, what is marked, and all else', () => {
  const steps = Object.entries(RETRY_RULES).map(([reason, { reads, marked, once }]) => [
    reason,
    reads,
    marked,
    once,
  ]);
  expect(steps).toEqual([
    ['unavailable', 'renew', 'renew', 'renew'],
    ['session_lost', 'renew', 'renew', 'renew'],
    ['headers_refused', 'refresh', 'refresh', 'refresh'],
    ['rate_limited', 'wait', 'wait', 'wait_briefly'],
    ['server_error', 'retry', 'retry', 'fail'],
    ['outcome_unknown', 'retry', 'retry', 'fail'],
    ...['deadline', 'too_large', 'bad_answer', 'refused', 'declined', 'busy', 'circuit_open'].map(
      (reason) => [reason, 'fail', 'fail', 'fail'],
    ),
  ]);
});

test.each([
  ['retry', 0, undefined, 100],
  ['retry', 1, undefined, 200],
  ['retry', 2, undefined, undefined],
  ['wait', 0, undefined, 100],
  ['wait', 0, 0, 0],
  ['wait', 1, 30_000, 30_000],
  ['wait', 0, 30_001, undefined],
  ['wait_briefly', 0, undefined, undefined],
  ['wait_briefly', 0, 5000, 5000],
  ['wait_briefly', 0, 5001, undefined],
  ['wait_briefly', 1, 0, undefined],
  ['renew', 0, undefined, undefined],
  ['refresh', 0, undefined, undefined],
  ['fail', 0, 0, undefined],
] as const)('%s: after %d retries and with retry-after %s the pause is %s', (step, retries, after, pause) => {
  expect(pauseBefore(step, retries, after, 0.5)).toBe(pause);
});

test('a fifth of the requests of a downstream may be repetitions, and three always', () => {
  const budget = new RetryBudget();
  const taken = () => Array.from({ length: 100 }, () => budget.take()).filter(Boolean).length;
  budget.active = 1;
  expect(taken()).toBe(3);
  budget.active = 100;
  expect(taken()).toBe(17);
  budget.giveBack();
  expect(taken()).toBe(1);
});
