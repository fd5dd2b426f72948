import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = new URL('../..', import.meta.url);

/** What `process.nextTick` puts into its queue has the same shape before and after everything was collected. */
const SCRIPT = `
  import { executionAsyncResource } from 'node:async_hooks';
  import { setTimeout as sleep } from 'node:timers/promises';
  import { lastingTick } from './src/cli/lasting-tick.ts';
  await sleep(20);
  gc();
  await sleep(20);
  gc();
  process.nextTick(() => console.log(%HaveSameMap(lastingTick, executionAsyncResource())));
`;

test('the shape of what waits for the next tick outlives collections of garbage', async () => {
  const flags = ['--expose-gc', '--allow-natives-syntax', '--import', 'tsx', '--input-type=module'];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, '-e', SCRIPT], { cwd: root });
  expect(stdout.trim()).toBe('true');
});
