import { expect, test } from 'vitest';
import { measureReloads } from '../../bench/lifecycle/reloads.ts';
import { measureRestarts } from '../../bench/lifecycle/restarts.ts';

// Short forms of `npx tsx bench/restarts.ts` and `npx tsx bench/reloads.ts`.

test('gateways that are told to stop under load lose no answer, and end with 0', async () => {
  const { answered, lost, failed, exits } = await measureRestarts(3, 8);
  expect({ lost, failed }).toEqual({ lost: 0, failed: [] });
  expect([...exits]).toEqual([[0, 3]]);
  expect(answered).toBeGreaterThan(50);
});

test('changes of the configuration under load lose no call, and leave nothing behind', async () => {
  const { answered, lost, failed, before, after } = await measureReloads(30, 4);
  expect({ lost, failed }).toEqual({ lost: 0, failed: [] });
  expect(answered).toBeGreaterThan(30);
  expect(after.handles - before.handles).toBeLessThanOrEqual(4);
});
