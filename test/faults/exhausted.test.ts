import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { deferred } from '../../src/promises.ts';
import { ask, connected, listening, main, TOKEN } from '../cli/serving.ts';
import { startNode } from '../support/child.ts';
import { good, whole } from '../support/evil/steps.ts';
import { evilServer } from '../support/evil/wire.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Reply, send } from '../support/wire-client.ts';

const MIB = 1024 * 1024;
/** As a program has it that embeds the gateway. */
const library = new URL('../../dist/gateway.js', import.meta.url).href;

test('F88 with hardly any memory left it refuses what is new, lives, and takes it again when calls have ended', async () => {
  await using folder = await temporaryFolder();
  const held = deferred<void>();
  const on = { 'tools/call': [() => held.promise, whole(good)] };
  await using evil = await evilServer({ era: 'modern', on, remembers: false });
  const servers = { evil: evil.entry({ maxInFlight: 1000 }) };
  const contents = { mcpServers: servers, catalogFile: '', limits: { breakerFailures: 0 } };
  writeFileSync(join(folder.path, 'servers.json'), JSON.stringify(contents));
  const args = ['--max-old-space-size=96', main, 'serve', '--port', '0'];
  const env = { HOME: folder.path, SWITCHBOARD_TOKEN: TOKEN };
  await using child = startNode(args, { cwd: folder.path, env });
  const url = await listening(child);
  await connected(child, 1);
  const call = (n: number, text: string) =>
    ask(url, TOKEN, 'tools/call', { name: 'evil__work', arguments: { n, text } });

  const answers: Reply[] = [];
  const health: number[] = [];
  for (let n = 0; n < 300 && !answers.some(({ status }) => status === 503); n++) {
    call(n, 'x'.repeat(MIB)).then(
      (reply) => void answers.push(reply),
      () => {},
    );
    health.push((await send(new URL('/healthz', url).href, { method: 'GET' })).status);
  }
  const refused = answers.find(({ status }) => status === 503);
  expect(refused?.headers['retry-after']).toBe('2');
  expect(refused?.json.error).toMatchObject({ code: 503, message: expect.stringContaining('memory') });
  expect(new Set(health)).toEqual(new Set([200]));
  held.resolve();
  const text = async () => (await call(-1, 'small')).json.result?.content[0].text;
  await expect.poll(text, { timeout: 30_000 }).toBe('well');
  expect(child.process.exitCode).toBe(null);
});

test('F89 an event loop that stands still again and again is not ready, until it turns again', async () => {
  const script = `
    import { createGateway, createLog, createSecrets, loadConfig } from ${JSON.stringify(library)};
    const config = loadConfig({ path: 'servers.json', env: {} });
    const log = createLog({ level: 'silent', secrets: createSecrets(), destination: process.stderr });
    const gateway = createGateway(config, { log, token: ${JSON.stringify(TOKEN)} });
    const { url } = await gateway.listen({ host: '127.0.0.1', port: 0 });
    console.error(JSON.stringify({ url }));
    let stands = true;
    process.on('message', () => { stands = false; });
    (function stand() {
      for (const until = Date.now() + 1200; Date.now() < until; );
      if (stands) setTimeout(stand, 1);
    })();
  `;
  await using folder = await temporaryFolder();
  await using well = await evilServer({ era: 'modern' });
  const contents = { mcpServers: { well: well.entry() }, catalogFile: '' };
  writeFileSync(join(folder.path, 'servers.json'), JSON.stringify(contents));
  await using child = startNode(['--input-type=module', '-e', script], { cwd: folder.path, ipc: true });
  const url = await listening(child);
  const ready = async () => {
    const { status, json } = await send(new URL('/readyz', url).href, { method: 'GET' });
    return [status, json.status];
  };
  await expect.poll(ready, { timeout: 40_000, interval: 500 }).toEqual([503, 'behind']);
  child.process.send('turn');
  await expect.poll(ready, { timeout: 30_000, interval: 500 }).toEqual([200, 'ready']);
});
