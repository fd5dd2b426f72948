import { expect, test } from 'vitest';
import { type ReadSettings, reloadOnChange } from '../../src/cli/reloading.ts';
import { type Differences, NO_DIFFERENCES } from '../../src/config/differences.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createLog, createSecrets } from '../../src/log.ts';
import { deferred } from '../../src/promises.ts';
import { directoryWith } from './config/config-file.ts';

test('of what is saved while a change takes over only the last counts, once that is done', async () => {
  const path = `${directoryWith({ 'servers.json': '{"mcpServers":{"crm":{"url":"http://localhost"}}}' })}/servers.json`;
  const config = loadConfig({ path, env: {} });
  let saved = 0;
  const read: ReadSettings = () => ({ config, token: `token ${saved}` });
  const reloads: { token: string; over: ReturnType<typeof deferred<Differences>> }[] = [];
  const gateway = {
    reload(_config: unknown, token: string) {
      const over = deferred<Differences>();
      reloads.push({ token, over });
      return over.promise;
    },
  };
  const lines: string[] = [];
  const log = createLog({
    level: 'info',
    secrets: createSecrets([]),
    destination: { write: (line) => void lines.push(line) },
  });
  const first = { files: new Map(), settings: { config, token: '' } };
  const reloading = reloadOnChange(gateway, first, read, log);
  for (saved = 1; saved <= 4; saved++) reloading.reload();
  expect(reloads.map(({ token }) => token)).toEqual(['token 1']);
  reloads[0]?.over.resolve(NO_DIFFERENCES);
  await expect.poll(() => reloads.map(({ token }) => token)).toEqual(['token 1', 'token 5']);
  reloads[1]?.over.resolve(NO_DIFFERENCES);
  await expect.poll(() => lines.length).toBe(2);
  expect(reloads).toHaveLength(2);
  reloading.close();
});
