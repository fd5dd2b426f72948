import { describe, expect, test } from 'vitest';
import type { Exchange, OutgoingRequest, Receiver } from '../../src/downstream/link.ts';
import { Breaker } from '../../src/downstream/passage/breaker.ts';
import { Gate } from '../../src/downstream/passage/gate.ts';
import { type DownstreamFailure, deadlinePassed, noAnswer, unavailable } from '../../src/errors.ts';

const rounds = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

function gate(limits: { maxInFlight?: number; maxQueue?: number; breakerFailures?: number } = {}) {
  const clock = { ms: 0 };
  let gone: DownstreamFailure | undefined;
  const breaker = new Breaker({
    key: 'crm',
    limits: { breakerFailures: 2, breakerOpenMs: 1000, breakerMaxOpenMs: 1000, ...limits },
    onOpen() {},
    onClose() {},
    now: () => clock.ms,
  });
  /** By the name of the request: what was sent, and whom its answer reaches. */
  const sent = new Map<string, Receiver>();
  const cancelled: string[] = [];
  const inForce = { maxInFlight: 2, maxQueue: 2, ...limits };
  const made = new Gate({
    key: 'crm',
    limits: inForce,
    breaker,
    away: () => gone,
    send(request: OutgoingRequest, receiver: Receiver): Exchange {
      const { name } = request.params as { name: string };
      sent.set(name, receiver);
      return { hasBegun: true, cancel: (reason) => void cancelled.push(`${name} ${reason}`) };
    },
  });
  const heard: string[] = [];
  const request = (name: string) =>
    made.request(
      { method: 'tools/call', params: { name }, progress: false },
      {
        caller: sent,
        timeLeftMs: 77,
        onNotification: ({ method }) => void heard.push(`${name} ${method}`),
        onQuestion: () => () => void heard.push(`${name} taken back`),
        onLarge: () => ({ write: () => heard.push(`${name} piece`) > 0 }),
        onOutcome: () => void heard.push(`${name} answered`),
        onFailure: ({ reason }) => void heard.push(`${name} ${reason}`),
      },
    );
  return {
    ...{ gate: made, breaker, sent, cancelled, heard, request, clock, inForce },
    answer: (name: string) => sent.get(name)?.onOutcome({ result: {} }),
    fail: (name: string, failure = noAnswer('crm', 'cut')) => sent.get(name)?.onFailure(failure),
    goAway(failure: DownstreamFailure | undefined) {
      gone = failure;
    },
  };
}

describe('of the requests to one server', () => {
  test('so many run, so many wait, and the next hears at once that there is no room', () => {
    const { request, sent, heard, gate: crm } = gate();
    const [, , third] = ['a', 'b', 'c', 'd', 'e'].map(request);
    expect([...sent.keys()]).toEqual(['a', 'b']);
    expect(crm.size).toBe(4);
    expect(heard).toEqual(['e busy']);
    expect(third?.hasBegun).toBe(false);
  });

  test('those that wait are sent in order, as many as have ended', async () => {
    const { request, answer, sent, gate: crm } = gate();
    const [first, , third] = ['a', 'b', 'c', 'd'].map(request);
    expect(first?.hasBegun).toBe(true);
    answer('b');
    await rounds();
    expect([...sent.keys()]).toEqual(['a', 'b', 'c']);
    expect(third?.hasBegun).toBe(true);
    answer('a');
    answer('c');
    await rounds();
    expect([...sent.keys()]).toEqual(['a', 'b', 'c', 'd']);
    expect(crm.size).toBe(1);
    // And there is room again.
    request('e');
    expect(sent.has('e')).toBe(true);
  });

  test('who comes later does not overtake one that waits', async () => {
    const { request, answer, sent } = gate({ maxInFlight: 1 });
    request('a');
    request('b');
    answer('a');
    request('c');
    expect([...sent.keys()]).toEqual(['a']);
    await rounds();
    expect([...sent.keys()]).toEqual(['a', 'b']);
  });

  test('one that is given up while it waits is never sent, and its place is free', async () => {
    const { request, answer, sent, cancelled, heard } = gate({ maxInFlight: 1, maxQueue: 1 });
    request('a');
    const waiting = request('b');
    waiting.cancel('no longer wanted');
    request('c');
    answer('a');
    await rounds();
    expect([...sent.keys()]).toEqual(['a', 'c']);
    expect(cancelled).toEqual([]);
    expect(heard).toEqual(['a answered']);
  });

  test('one that is given up while it runs is cancelled there once, and its place is free', async () => {
    const { request, sent, cancelled } = gate({ maxInFlight: 1 });
    const running = request('a');
    request('b');
    running.cancel('no longer wanted');
    running.cancel('again');
    await rounds();
    expect(cancelled).toEqual(['a no longer wanted']);
    expect([...sent.keys()]).toEqual(['a', 'b']);
    request('c');
    expect(sent.has('c')).toBe(false);
  });

  test('what is said on the way reaches whoever asked', () => {
    const { request, sent, heard } = gate();
    request('a');
    const receiver = sent.get('a');
    receiver?.onNotification({ jsonrpc: '2.0', method: 'progress' });
    receiver?.onQuestion?.({ method: 'roots/list' }, () => {})?.();
    receiver?.onLarge?.(true, () => {})?.write(Buffer.from('x'));
    expect(heard).toEqual(['a progress', 'a taken back', 'a piece']);
    expect([receiver?.caller, receiver?.timeLeftMs]).toEqual([sent, 77]);
  });

  test('who can be asked nothing, and is given results as a whole, is', () => {
    const { gate: crm, sent } = gate();
    const nothing = () => {};
    const receiver = { onNotification: nothing, onOutcome: nothing, onFailure: nothing };
    crm.request({ method: 'tools/call', params: { name: 'a' }, progress: false }, receiver);
    expect(sent.get('a')?.onQuestion?.({ method: 'roots/list' }, nothing)).toBeUndefined();
    expect(sent.get('a')?.onLarge?.(true, nothing)).toBeUndefined();
    expect(sent.get('a')?.timeLeftMs).toBe(0);
  });

  test('none is sent where it is known that there is no server', () => {
    const { request, sent, heard, goAway } = gate();
    goAway(unavailable('crm', 'is away'));
    request('a');
    expect([sent.size, heard]).toEqual([0, ['a unavailable']]);
    goAway(undefined);
    request('b');
    expect(sent.has('b')).toBe(true);
  });
});

describe('of a server whose requests fail one after the other', () => {
  test('those that wait hear so with the one that made the row full, and the next at once', async () => {
    const { request, fail, sent, heard, gate: crm } = gate();
    for (const name of ['a', 'b', 'c', 'd']) request(name);
    fail('a');
    fail('b');
    expect(heard.sort()).toEqual(['a bad_answer', 'b bad_answer', 'c circuit_open', 'd circuit_open']);
    expect(crm.size).toBe(0);
    request('e');
    expect(heard).toContain('e circuit_open');
    await rounds();
    expect([...sent.keys()]).toEqual(['a', 'b']);
  });

  test('one is let through after a while; when it is answered, all are', () => {
    const { request, fail, answer, sent, clock } = gate({ breakerFailures: 1 });
    request('a');
    fail('a');
    clock.ms = 1000;
    request('probe');
    request('early');
    expect([...sent.keys()]).toEqual(['a', 'probe']);
    answer('probe');
    request('b');
    request('c');
    expect([...sent.keys()]).toEqual(['a', 'probe', 'b', 'c']);
  });

  test('when that one fails it is left alone once more, and when it is given up the next is one', () => {
    const { request, fail, sent, clock } = gate({ breakerFailures: 1 });
    request('a');
    fail('a');
    clock.ms = 1000;
    request('probe').cancel('no longer wanted');
    request('second');
    expect([...sent.keys()]).toEqual(['a', 'probe', 'second']);
    fail('second');
    request('b');
    expect(sent.has('b')).toBe(false);
    clock.ms = 2000;
    request('third');
    expect(sent.has('third')).toBe(true);
  });

  test('one that was sent before ends, and the one that was let through is still waited for', () => {
    const { request, fail, heard, clock } = gate({ breakerFailures: 1, maxInFlight: 10 });
    request('a');
    const earlier = request('b');
    fail('a');
    clock.ms = 1000;
    request('probe');
    earlier.cancel('no longer wanted');
    request('early');
    expect(heard).toContain('early circuit_open');
  });

  test.each<[string, (probe?: Receiver) => void]>([
    ['progress', (probe) => probe?.onNotification({ jsonrpc: '2.0', method: 'notifications/progress' })],
    ['a question', (probe) => probe?.onQuestion?.({ method: 'roots/list' }, () => {})],
  ])(
    '%s of the one that was let through is an answer, and its end is no longer that of a probe',
    (_what, say) => {
      const { request, fail, sent, heard, clock } = gate({ breakerFailures: 1, maxInFlight: 10 });
      request('a');
      fail('a');
      clock.ms = 1000;
      const first = request('first');
      sent.get('first')?.onNotification({ jsonrpc: '2.0', method: 'notifications/message' });
      request('early');
      expect(heard).toContain('early circuit_open');
      say(sent.get('first'));
      request('b');
      expect(sent.has('b')).toBe(true);
      fail('b');
      clock.ms = 2000;
      request('second');
      say(sent.get('first'));
      first.cancel('no longer wanted');
      request('c');
      expect(heard).toContain('c circuit_open');
    },
  );

  test('what comes late of one that was let through and given up does not stand for the next', () => {
    const { request, fail, sent, heard, clock } = gate({ breakerFailures: 1 });
    request('a');
    fail('a');
    clock.ms = 1000;
    request('first').cancel('no longer wanted');
    request('second');
    sent.get('first')?.onNotification({ jsonrpc: '2.0', method: 'notifications/progress' });
    request('b');
    expect(heard).toContain('b circuit_open');
  });

  test('one that was to be let through and is turned away before that is not waited for', () => {
    const limits = { breakerFailures: 1, maxInFlight: 2, maxQueue: 2 };
    const { request, fail, sent, heard, clock, inForce, gate: crm } = gate(limits);
    request('a');
    request('b');
    fail('a');
    clock.ms = 1000;
    // There is less room than there was: it waits.
    inForce.maxInFlight = 1;
    request('probe');
    crm.turnAway(unavailable('crm', 'is away'));
    expect(heard).toContain('probe unavailable');
    inForce.maxInFlight = 2;
    request('next');
    expect(sent.has('next')).toBe(true);
  });

  test('being too late counts as failing, being given up does not, and never having begun neither', () => {
    const late = gate({ breakerFailures: 1 });
    late.request('a').cancel('deadline passed', true);
    expect(late.breaker.isOpen).toBe(true);
    const changed = gate({ breakerFailures: 1 });
    changed.request('a').cancel('no longer wanted');
    expect(changed.breaker.isOpen).toBe(false);
    const waited = gate({ breakerFailures: 1, maxInFlight: 1 });
    waited.request('a');
    waited.request('b').cancel('deadline passed', true);
    expect(waited.breaker.isOpen).toBe(false);
  });

  test('an answer begins the row anew', () => {
    const { request, fail, answer, breaker } = gate({ maxInFlight: 10 });
    for (const name of ['a', 'b', 'c']) request(name);
    fail('a');
    answer('b');
    fail('c', deadlinePassed('crm', 'x', 1));
    expect(breaker.isOpen).toBe(false);
  });
});
