import { setImmediate as immediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Receiver } from '../../src/downstream/link.ts';
import type { Outcome } from '../../src/protocol/messages.ts';
import type { Forwarding } from '../../src/relay/asking.ts';
import { createRepeats } from '../../src/relay/repeats.ts';
import type { WayBack } from '../../src/relay/running-call.ts';

/** A call to a server that is here, and what each of its callers is told. */
function scene() {
  const runs: Receiver[] = [];
  const downstream = {
    key: 'crm',
    config: { repeatGraceMs: 10_000 },
    request(_request: unknown, receiver: Receiver) {
      runs.push(receiver);
      return { hasBegun: true, cancel() {} };
    },
  };
  const forwarding = {
    method: 'tools/call',
    exposedName: 'crm__write',
    params: { name: 'write', arguments: { n: 1 } },
    timing: { idleMs: 60_000, maxMs: 60_000 },
    repeatability: 'once',
    joinsRepeats: true,
    shape: undefined,
    downstream,
  } as unknown as Forwarding;
  const repeats = createRepeats();
  const told: Outcome[] = [];
  let over = 0;
  let begun = 0;
  const back: WayBack = {
    logLevel: undefined,
    progressToken: undefined,
    notify() {},
    answer(outcome) {
      over++;
      told.push(outcome);
    },
    fail: () => void over++,
    cancelled: () => void over++,
  };
  const call = () => {
    begun++;
    return repeats.forward(forwarding, back, 'caller');
  };
  return { runs, told, waiting: () => begun - over, call, close: repeats.close };
}

const answer = (text: string): Outcome => ({ result: { text } });

test('an answer that was lost on the way to its one caller is kept for the repetition, and given once', async () => {
  const { runs, told, call, close } = scene();
  const first = call();
  runs[0]?.onOutcome(answer('one'));
  first.callerLeft(true);
  call();
  await expect.poll(() => told).toEqual([answer('one'), answer('one')]);
  call();
  expect(runs).toHaveLength(2);
  runs[1]?.onOutcome(answer('two'));
  close();
});

test('an answer that one of two callers has heard is not kept for what that one calls next', async () => {
  const { runs, told, call, close } = scene();
  const lost = call();
  call();
  runs[0]?.onOutcome(answer('one'));
  await expect.poll(() => told).toHaveLength(2);
  lost.callerLeft(true);
  call();
  expect(runs).toHaveLength(2);
  runs[1]?.onOutcome(answer('two'));
  close();
});

test('who cancels a call that has just ended leaves none waiting that lost its connection before', async () => {
  const { runs, waiting, call, close } = scene();
  const lost = call();
  lost.callerLeft(false);
  const back = call();
  runs[0]?.onOutcome(answer('one'));
  back.cancel('changed its mind');
  expect(waiting()).toBe(0);
  close();
});

test('who comes while the others are about to be told has as long as they to be gone', async () => {
  const { runs, told, call, close } = scene();
  call();
  call();
  runs[0]?.onOutcome(answer('one'));
  await rounds(5);
  call();
  await rounds(5);
  expect(told).toEqual([]);
  await expect.poll(() => told).toHaveLength(3);
  close();
});

/** Of the event loop. */
async function rounds(count: number): Promise<void> {
  for (let round = 0; round < count; round++) await immediate();
}
