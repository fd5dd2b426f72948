import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { findDuplicates } from '../../bench/duplicates.ts';

test('of 2000 writes that fail in every way, none runs twice, each is answered, and no answer is untrue', async () => {
  const seed = randomInt(2 ** 31);
  const { ranAgain, unanswered, untrue, outcomeUnknown } = await findDuplicates(2000, seed, 50);
  expect({ seed, ranAgain, unanswered, untrue }).toEqual({ seed, ranAgain: [], unanswered: 0, untrue: 0 });
  // The faults were there.
  expect(outcomeUnknown).toBeGreaterThan(100);
}, 180_000);
