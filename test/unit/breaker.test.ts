import { expect, test } from 'vitest';
import { Breaker, createBreaker, judgeFailure } from '../../src/downstream/passage/breaker.ts';
import * as errors from '../../src/errors.ts';

function breaker(limits: { breakerFailures?: number } = {}) {
  const said: (number | 'closed')[] = [];
  const clock = { ms: 0 };
  const inForce = { breakerFailures: 3, breakerOpenMs: 30_000, breakerMaxOpenMs: 75_000, ...limits };
  const made = new Breaker({
    key: 'crm',
    limits: inForce,
    onOpen: (ms) => void said.push(ms),
    onClose: () => void said.push('closed'),
    now: () => clock.ms,
  });
  return { breaker: made, said, clock, inForce };
}

test('it opens at the third failure in a row, and an answer begins the row anew', () => {
  const { breaker: crm, said } = breaker();
  expect([crm.failed(false), crm.failed(false)]).toEqual([false, false]);
  crm.answered();
  expect([crm.failed(false), crm.failed(false), crm.refusal()]).toEqual([false, false, undefined]);
  expect(crm.failed(false)).toBe(true);
  expect(crm.refusal()?.message).toBe(
    '"crm" failed 3 times in a row and is left alone for 30 s. Try again then.',
  );
  expect(said).toEqual([30_000]);
});

test('one that is switched off while it is open refuses nothing any more', () => {
  const { breaker: crm, inForce } = breaker({ breakerFailures: 1 });
  crm.failed(false);
  expect([crm.isOpen, crm.refusal()?.reason]).toEqual([true, 'circuit_open']);
  inForce.breakerFailures = 0;
  expect([crm.isOpen, crm.refusal()]).toEqual([false, undefined]);
});

test('after its time one request is let through, and others hear that it is being tried', () => {
  const { breaker: crm, clock, said } = breaker();
  for (let i = 0; i < 3; i++) crm.failed(false);
  clock.ms = 29_001;
  expect(crm.refusal()?.message).toContain('left alone for 1 s');
  clock.ms = 30_000;
  expect(crm.refusal()).toBeUndefined();
  crm.beginProbe();
  expect(crm.refusal()?.message).toContain('is being tried with one request');
  crm.answered();
  crm.endProbe();
  expect([crm.refusal(), crm.isOpen, said]).toEqual([undefined, false, [30_000, 'closed']]);
});

test('each probe that fails makes it longer, up to the most, and what was sent before does not', () => {
  const { breaker: crm, clock, said } = breaker();
  for (let i = 0; i < 10; i++) crm.failed(false);
  for (let i = 0; i < 3; i++) {
    clock.ms += 100_000;
    crm.beginProbe();
    crm.failed(true);
    crm.endProbe();
    expect(crm.refusal()).toBeDefined();
  }
  expect(said).toEqual([30_000, 60_000, 75_000, 75_000]);
});

test('of a probe that comes to nothing the next request takes the place; a new connection is worth one at once', () => {
  const { breaker: crm, clock } = breaker();
  for (let i = 0; i < 3; i++) crm.failed(false);
  clock.ms = 30_000;
  crm.beginProbe();
  crm.endProbe();
  expect(crm.refusal()).toBeUndefined();
  crm.beginProbe();
  crm.failed(true);
  crm.endProbe();
  expect(crm.refusal()).toBeDefined();
  crm.reconnected();
  expect([crm.refusal(), crm.isOpen]).toEqual([undefined, true]);
});

test('with breakerFailures 0 it never opens', () => {
  const { breaker: crm, said } = breaker({ breakerFailures: 0 });
  for (let i = 0; i < 1000; i++) expect(crm.failed(false)).toBe(false);
  expect([crm.refusal(), said]).toEqual([undefined, []]);
});

test.each([
  ['cut off', errors.cutOff('crm'), 'broken'],
  ['too late', errors.deadlinePassed('crm', 'crm__find', 100), 'broken'],
  ['a 500', errors.failedStatus('crm', 500), 'broken'],
  ['a 503', errors.failedStatus('crm', 503), 'broken'],
  ['HTML', errors.notMcp('crm', 'text/html'), 'broken'],
  ['a 202', errors.noAnswer('crm', 'HTTP 202'), 'broken'],
  ['a 400', errors.failedStatus('crm', 400), 'well'],
  ['a 429', errors.rateLimited('crm', 30), 'well'],
  ['a 401', errors.credentialsRefused('crm', 401), 'well'],
  ['too large', errors.tooLarge('crm', 100, 'maxResultBytes'), 'well'],
  ['not there', errors.unavailable('crm', 'connection refused'), 'unknown'],
  ['not read', errors.doesNotRead('crm', 1024), 'unknown'],
  ['a lost session', errors.sessionLost('crm'), 'unknown'],
])('%s says what it says of the downstream', (_what, failure, verdict) => {
  expect(judgeFailure(failure)).toBe(verdict);
});

test('what was sent before it opened does not open it once more', () => {
  const { breaker: crm, said } = breaker({ breakerFailures: 1 });
  expect([crm.failed(false), crm.failed(false)]).toEqual([true, false]);
  expect(said).toEqual([30_000]);
});

test('the log says when it opens and for how long, and when it closes', () => {
  const said: unknown[] = [];
  const log = {
    warn: (...line: unknown[]) => said.push(line),
    info: (...line: unknown[]) => said.push(line),
  };
  const limits = { breakerFailures: 1, breakerOpenMs: 30_000, breakerMaxOpenMs: 30_000 };
  const crm = createBreaker('crm', limits, log as never);
  crm.failed(false);
  expect(crm.refusal()?.message).toContain('left alone for 30 s');
  crm.answered();
  expect(said).toEqual([
    [{ event: 'circuit_open', retryInMs: 30_000 }, '"crm" fails, and is left alone for a while'],
    [{ event: 'circuit_closed' }, '"crm" answers again'],
  ]);
});
