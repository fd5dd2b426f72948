import { spawnSync } from 'node:child_process';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, type ExpectStatic, test } from 'vitest';
import { type Child, startProgram } from '../support/child.ts';
import { folderWith, runCli } from '../support/cli.ts';
import type { ServerEntry } from '../support/downstreams/downstream.ts';
import { modernServer } from '../support/downstreams/modern.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { listenOnLoopback } from '../support/http-server.ts';
import { speakLines } from '../support/stdio-line.ts';
import { send } from '../support/wire-client.ts';
import { ask, connected, listening, main, nowhere, sentences, stop, TOKEN } from './serving.ts';

const env = { SWITCHBOARD_TOKEN: TOKEN };

/** The lines of the log that tell this event. */
const told = (child: Child, event: string): { msg: string; [key: string]: unknown }[] =>
  child.stderr
    .split('\n')
    .filter((line) => line.includes(`"event":"${event}"`))
    .map((line) => JSON.parse(line));

/** The way editors save: another file takes the name. */
async function replace(file: string, content: string | object): Promise<void> {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

const firstName = async (url: string): Promise<string> =>
  (await ask(url, TOKEN, 'tools/list')).json.result.tools[0]?.name;

/** Three versions, the first of which was put there before the start; each is told by its prefix. */
async function followsEach(expect: ExpectStatic, url: string, put: (name: string) => Promise<void>) {
  await expect.poll(() => firstName(url)).toMatch(/^one_/);
  await put('two');
  await expect.poll(() => firstName(url)).toMatch(/^two_/);
  await put('three');
  await expect.poll(() => firstName(url)).toMatch(/^three_/);
}

describe.concurrent('serve follows its files:', () => {
  test('servers.json that is replaced counts at once, and one line says what is different', async ({
    expect,
  }) => {
    await using crm = await modernServer();
    const servers = (extra: ServerEntry) => ({ mcpServers: { crm: crm.entry(extra) } });
    await using folder = await folderWith({ 'servers.json': servers({}) });
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path, env });
    const url = await listening(child);
    await expect.poll(() => firstName(url)).toMatch(/^crm__/);
    await replace(join(folder.path, 'servers.json'), {
      mcpServers: { crm: crm.entry({ prefix: 'c_' }), other: crm.entry() },
      limits: { maxRequestBytes: 5000 },
    });
    await child.waitFor('stderr', /"event":"reloaded"/);
    expect(await firstName(url)).toMatch(/^c_/);
    expect(told(child, 'reloaded')).toMatchObject([
      {
        ...{ level: 'info', added: ['other'], removed: [], reconnected: [], reshaped: ['crm'] },
        settings: ['limits'],
        msg: 'servers.json was read again; added: other; shown otherwise: crm; changed: limits',
      },
    ]);
  });

  test('servers.json that is mounted by itself, as Docker mounts it, counts when it is written', async ({
    expect,
    skip,
  }) => {
    if (spawnSync('unshare', ['-rm', 'true']).status !== 0) skip('needs a system that lets a test mount');
    await using crm = await modernServer();
    const servers = (prefix: string) => JSON.stringify({ mcpServers: { crm: crm.entry({ prefix }) } });
    await using outside = await folderWith({ 'servers.json': servers('one_') });
    await using folder = await folderWith({ 'servers.json': '' });
    const mounted = `mount --bind ${outside.path}/servers.json servers.json && exec "$0" "$@"`;
    const serving = [process.execPath, main, 'serve', '--port', '0'];
    await using child = startProgram('unshare', ['-rm', 'sh', '-c', mounted, ...serving], {
      cwd: folder.path,
      env,
    });
    await followsEach(expect, await listening(child), (name) =>
      writeFile(join(outside.path, 'servers.json'), servers(`${name}_`)),
    );
  });

  test('what counts only at the next start is not told as if it counted', async ({ expect }) => {
    await using folder = await folderWith({ 'servers.json': nowhere });
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path, env });
    await listening(child);
    const file = join(folder.path, 'servers.json');
    const limits = { maxHeaderBytes: 4096 };
    await replace(file, { ...nowhere, audit: { values: true }, limits });
    await expect.poll(() => told(child, 'reloaded').length).toBe(1);
    await replace(file, { ...nowhere, limits: { ...limits, maxRequestBytes: 5000 } });
    await expect.poll(() => told(child, 'reloaded').length).toBe(2);
    expect(told(child, 'reloaded').map(({ msg }) => msg)).toEqual([
      'servers.json was read again; counts at the next start: audit, limits.maxHeaderBytes',
      'servers.json was read again; changed: limits; counts at the next start: limits.maxHeaderBytes',
    ]);
  });

  test('one that is broken leaves the earlier one in force, with the text of a start', async ({ expect }) => {
    await using crm = await modernServer();
    const file = { mcpServers: { crm: crm.entry() } };
    await using folder = await folderWith({ 'servers.json': file });
    const path = join(folder.path, 'servers.json');
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path, env });
    const url = await listening(child);
    await connected(child, 1);
    const broken: [text: string, said: RegExp][] = [
      ['{ "mcpServers": { "crm": { "url": ', /^servers\.json: .*line \d+/],
      [
        JSON.stringify({ mcpServers: { crm: { url: '${NOT_SET}', authorization: 'literal-secret' } } }),
        /^servers\.json: mcpServers\.crm\.url: environment variable NOT_SET is not set$/,
      ],
      ['', /^servers\.json: is empty/],
    ];
    for (const [index, [text, said]] of broken.entries()) {
      await replace(path, text);
      await expect.poll(() => told(child, 'reload_failed').length).toBe(index + 1);
      expect(told(child, 'reload_failed')[index]?.msg).toMatch(said);
      const { json } = await ask(url, TOKEN, 'tools/call', {
        name: 'crm__echo',
        arguments: { text: 'still' },
      });
      expect(json.result.content[0].text).toBe('still');
    }
    expect(child.stderr).not.toContain('literal-secret');
    await replace(path, { ...file, drainMs: 1 });
    await child.waitFor('stderr', /"event":"reloaded"/);
    // A start with the same would be refused in the same words.
    await replace(path, broken[1]?.[0] ?? '');
    await using second = runCli(['serve', '--port', '0'], { cwd: folder.path, env });
    await second.exit;
    expect(sentences(second.stderr)).toEqual([told(child, 'reload_failed')[1]?.msg]);
  });

  test('a file of lists that a start would refuse is refused in the same words, and the earlier one goes on', async ({
    expect,
  }) => {
    await using crm = await modernServer();
    const servers = { mcpServers: { crm: crm.entry() }, definitionChanges: 'block' };
    await using folder = await folderWith({ 'servers.json': servers, 'package.json': '{"name":"mine"}' });
    const path = join(folder.path, 'servers.json');
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path, env });
    const url = await listening(child);
    await expect.poll(() => firstName(url)).toMatch(/^crm__/);
    await replace(path, {
      ...{ ...servers, catalogFile: 'package.json' },
      mcpServers: { crm: crm.entry({ prefix: 'c_' }) },
    });
    await expect.poll(() => told(child, 'reload_failed').length).toBe(1);
    expect(await firstName(url)).toMatch(/^crm__/);
    await using second = runCli(['serve', '--port', '0'], { cwd: folder.path, env });
    expect((await second.exit).code).toBe(1);
    expect(sentences(second.stderr)).toEqual([told(child, 'reload_failed')[0]?.msg]);
    await replace(path, { ...servers, catalogFile: 'other.json' });
    await child.waitFor('stderr', /"event":"reloaded"/);
  });

  test('a secret in a file, and one in .env, reach the server behind without a restart', async ({
    expect,
  }) => {
    await using crm = await modernServer();
    const headers = { 'X-API-KEY': '${file:secrets/key}', 'X-Tenant-ID': '${TENANT}' };
    await using folder = await folderWith({
      'servers.json': { mcpServers: { crm: crm.entry({ headers }) } },
      '.env': 'TENANT=tenant-one\n',
    });
    const key = join(folder.path, 'secrets', 'key');
    await mkdir(join(folder.path, 'secrets'));
    await writeFile(key, 'canary-key-one\n');
    await using child = runCli(['serve', '--port', '0'], {
      cwd: folder.path,
      env: { ...env, LOG_LEVEL: 'trace' },
    });
    const url = await listening(child);
    const sent = async () => {
      await ask(url, TOKEN, 'tools/call', { name: 'crm__echo', arguments: { text: 'hello' } });
      const { headers } = crm.requests.at(-1) ?? {};
      return [headers?.['x-api-key'], headers?.['x-tenant-id']];
    };
    await expect.poll(sent).toEqual(['canary-key-one', 'tenant-one']);
    await replace(key, 'canary-key-two\n');
    await expect.poll(sent).toEqual(['canary-key-two', 'tenant-one']);
    await replace(join(folder.path, '.env'), 'TENANT=tenant-two\n');
    await expect.poll(sent).toEqual(['canary-key-two', 'tenant-two']);
    await expect
      .poll(() => told(child, 'reloaded').map(({ reconnected }) => reconnected))
      .toEqual([['crm'], ['crm']]);
    expect(child.stderr).not.toMatch(/canary-key|tenant-one|tenant-two/);
  });

  test('links that Kubernetes exchanges are followed', async ({ expect }) => {
    await using crm = await modernServer();
    await using folder = await folderWith({});
    const version = async (name: string) => {
      await mkdir(join(folder.path, `..${name}`));
      await writeFile(
        join(folder.path, `..${name}`, 'servers.json'),
        JSON.stringify({ mcpServers: { crm: crm.entry({ prefix: `${name}_` }) }, catalogFile: '' }),
      );
      await replaceLink(join(folder.path, '..data'), `..${name}`);
    };
    await version('one');
    await symlink('..data/servers.json', join(folder.path, 'servers.json'));
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path, env });
    await followsEach(expect, await listening(child), version);
  });

  test('a link to the folder of the file is followed when it is exchanged', async ({ expect }) => {
    await using crm = await modernServer();
    await using folder = await folderWith({});
    const current = join(folder.path, 'current');
    const release = async (name: string) => {
      await mkdir(join(folder.path, 'releases', name), { recursive: true });
      await writeFile(
        join(folder.path, 'releases', name, 'servers.json'),
        JSON.stringify({ mcpServers: { crm: crm.entry({ prefix: `${name}_` }) }, catalogFile: '' }),
      );
      await replaceLink(current, join('releases', name));
    };
    await release('one');
    const config = join(current, 'servers.json');
    await using child = runCli(['serve', '--port', '0', '--config', config], { env });
    await followsEach(expect, await listening(child), release);
  });

  test('a folder that another one takes the place of is followed, again and again', async ({ expect }) => {
    await using crm = await modernServer();
    const headers = { 'X-API-KEY': '${file:../secrets/key}' };
    await using folder = await folderWith({});
    const app = join(folder.path, 'app');
    await mkdir(app);
    await writeFile(
      join(app, 'servers.json'),
      JSON.stringify({ mcpServers: { crm: crm.entry({ headers }) } }),
    );
    const secrets = join(folder.path, 'secrets');
    const next = join(folder.path, 'next');
    const put = async (key: string) => {
      await mkdir(next);
      await writeFile(join(next, 'key'), key);
      await rename(secrets, `${secrets}.before-${key}`).catch(() => {});
      await rename(next, secrets);
    };
    await put('key-one');
    await using child = runCli(['serve', '--port', '0'], { cwd: app, env });
    const url = await listening(child);
    const sent = async () => {
      await ask(url, TOKEN, 'tools/call', { name: 'crm__echo', arguments: { text: 'hello' } });
      return crm.requests.at(-1)?.headers['x-api-key'];
    };
    await expect.poll(sent).toBe('key-one');
    for (const key of ['key-two', 'key-three']) {
      await put(key);
      await expect.poll(sent).toBe(key);
      // Just after it has read, it looks once more by itself.
      await sleep(500);
    }
    await writeFile(join(secrets, 'key'), 'key-four');
    await expect.poll(sent).toBe('key-four');
  });

  test('SIGHUP has them read, and says so where nothing is different', async ({ expect }) => {
    await using crm = await modernServer();
    await using folder = await folderWith({ 'servers.json': { mcpServers: { crm: crm.entry() } } });
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path, env });
    await listening(child);
    child.process.kill('SIGHUP');
    await child.waitFor('stderr', /"event":"reloaded"/);
    expect(told(child, 'reloaded')[0]?.msg).toBe('servers.json was read again: nothing is different');
    expect(await stop(child)).toEqual({ code: 0, signal: null });
  });

  test('a token that is changed in .env counts, and the one before for drainMs', async ({ expect }) => {
    await using crm = await modernServer();
    const [one, two] = ['the-first-token-in-the-file', 'the-second-token-in-the-file'];
    await using folder = await folderWith({
      'servers.json': { mcpServers: { crm: crm.entry() }, drainMs: 6000 },
      '.env': `SWITCHBOARD_TOKEN=${one}\n`,
    });
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path });
    const url = await listening(child);
    const status = async (token: string) => (await ask(url, token, 'tools/list')).status;
    expect([await status(one), await status(two)]).toEqual([200, 401]);
    await replace(join(folder.path, '.env'), `SWITCHBOARD_TOKEN=${two}\n`);
    await expect.poll(() => status(two)).toBe(200);
    expect(await status(one)).toBe(200);
    await expect.poll(() => status(one)).toBe(401);
    expect(told(child, 'reloaded')[0]?.settings).toEqual(['SWITCHBOARD_TOKEN']);
    expect(child.stderr).not.toContain(two);
    // Where none is set any more, that of the start, which may have been given away, opens nothing again.
    await replace(join(folder.path, '.env'), 'OTHER=1\n');
    await replace(join(folder.path, 'servers.json'), { mcpServers: { crm: crm.entry({ prefix: 'c_' }) } });
    await expect.poll(() => told(child, 'reloaded').at(-1)?.reshaped).toEqual(['crm']);
    expect([await status(one), await status(two)]).toEqual([401, 200]);
  });

  test('servers.json that is a pipe is read once: the rest is still followed, and nothing waits for it', async ({
    expect,
  }) => {
    await using crm = await modernServer();
    const [one, two] = ['the-first-token-in-the-file', 'the-second-token-in-the-file'];
    await using folder = await folderWith({ '.env': `SWITCHBOARD_TOKEN=${one}\n` });
    const pipe = join(folder.path, 'pipe');
    expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
    await using child = runCli(['serve', '--port', '0', '--config', 'pipe'], { cwd: folder.path });
    await writeFile(pipe, JSON.stringify({ mcpServers: { crm: crm.entry() } }));
    const url = await listening(child);
    await connected(child, 1);
    child.process.kill('SIGHUP');
    await child.waitFor('stderr', /"event":"reloaded"/);
    expect((await ask(url, one, 'tools/list')).status).toBe(200);
    await replace(join(folder.path, '.env'), `SWITCHBOARD_TOKEN=${two}\n`);
    await expect.poll(async () => (await ask(url, two, 'tools/list')).status).toBe(200);
    expect(await stop(child)).toEqual({ code: 0, signal: null });
  });

  test('a .env that is a pipe is read once, at the start', async ({ expect }) => {
    await using folder = await folderWith({ 'servers.json': nowhere });
    const pipe = join(folder.path, '.env');
    expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path });
    await writeFile(pipe, `SWITCHBOARD_TOKEN=${TOKEN}\n`);
    const url = await listening(child);
    child.process.kill('SIGHUP');
    await child.waitFor('stderr', /"event":"reloaded"/);
    expect((await ask(url, TOKEN, 'tools/list')).status).toBe(200);
  });

  test('a .env that cannot be read any more changes nothing, and is told', async ({ expect }) => {
    await using folder = await folderWith({
      'servers.json': nowhere,
      '.env': `SWITCHBOARD_TOKEN=${TOKEN}\n`,
    });
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path });
    const url = await listening(child);
    await rm(join(folder.path, '.env'));
    await mkdir(join(folder.path, '.env'));
    child.process.kill('SIGHUP');
    await expect.poll(() => told(child, 'reload_failed').at(-1)?.msg).toBe('.env: is a directory');
    expect((await ask(url, TOKEN, 'tools/list')).status).toBe(200);
  });

  test('but when it is told to stop, nothing more is started for what they say', async ({ expect }) => {
    await using silent = await plainServer({ era: 'modern', answers: { 'server/discover': () => {} } });
    await using late = stdioServer('v2');
    await using folder = await folderWith({ 'servers.json': nowhere });
    const file = join(folder.path, 'servers.json');
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path, env });
    await listening(child);
    // The second waits for the first, which waits for an answer.
    const first = { silent: silent.entry() };
    await replace(file, { mcpServers: first });
    await expect.poll(() => silent.requests.length).toBe(1);
    await replace(file, { mcpServers: { ...first, late: late.entry() } });
    child.process.kill('SIGHUP');
    await sleep(500);
    expect(await stop(child)).toEqual({ code: 0, signal: null });
    expect(late.pids).toEqual([]);
  });

  test('--stdio as well, and its caller is told that the list differs', async ({ expect }) => {
    await using crm = await modernServer();
    const servers = (prefix: string) => ({ mcpServers: { crm: crm.entry({ prefix }) } });
    await using folder = await folderWith({ 'servers.json': servers('one_') });
    await using child = runCli(['serve', '--stdio'], { cwd: folder.path });
    await using line = speakLines(child);
    const initialize = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 't', version: '1' },
    };
    await line.request('initialize', initialize);
    line.send({ method: 'notifications/initialized' });
    const names = async () =>
      (await line.request('tools/list')).result.tools.map(({ name }: { name: string }) => name);
    await expect.poll(async () => (await names())[0]).toMatch(/^one_/);
    await replace(join(folder.path, 'servers.json'), servers('two_'));
    await expect
      .poll(() => line.messages.filter(({ method }) => method === 'notifications/tools/list_changed').length)
      .toBeGreaterThan(0);
    expect((await names())[0]).toMatch(/^two_/);
  });
});

test.concurrent('a server that refuses its credentials has them read again where watching missed it', async ({
  expect,
}) => {
  let accepted = 'key-number-one';
  await using crm = await modernServer();
  await using guard = await listenOnLoopback(async ({ headers, body, method }, _req, res) => {
    if (headers['x-api-key'] !== accepted) return void res.writeHead(401).end();
    const { host: _h, connection: _c, 'content-length': _l, 'transfer-encoding': _t, ...rest } = headers;
    const answer = await send(crm.url, {
      method: method as 'POST',
      headers: rest as Record<string, string>,
      body,
    });
    const { 'content-length': _cl, 'transfer-encoding': _te, connection: _co, ...kept } = answer.headers;
    res.writeHead(answer.status, kept).end(answer.text);
  });
  await using folder = await folderWith({});
  // The folder of the file is watched, and whether another takes its place; not what that one stands in.
  const put = async (outer: string, key: string) => {
    await mkdir(join(folder.path, outer, 'inner'), { recursive: true });
    await writeFile(join(folder.path, outer, 'inner', 'key'), key);
  };
  await put('outer', accepted);
  await mkdir(join(folder.path, 'app'));
  const entry = { url: `${guard.origin}/mcp`, headers: { 'X-API-KEY': '${file:../outer/inner/key}' } };
  await writeFile(join(folder.path, 'app', 'servers.json'), JSON.stringify({ mcpServers: { crm: entry } }));
  await using child = runCli(['serve', '--port', '0'], { cwd: join(folder.path, 'app'), env });
  const url = await listening(child);
  const call = async () => {
    const { json } = await ask(url, TOKEN, 'tools/call', { name: 'crm__echo', arguments: { text: 'hello' } });
    return json.result?.content[0].text;
  };
  await expect.poll(call).toBe('hello');
  accepted = 'key-number-two';
  await put('next', accepted);
  await rename(join(folder.path, 'outer'), join(folder.path, 'gone'));
  await rename(join(folder.path, 'next'), join(folder.path, 'outer'));
  const failed: unknown[] = [];
  await expect
    .poll(async () => {
      const text = await call();
      if (text !== 'hello') failed.push(text);
      return text;
    })
    .toBe('hello');
  expect(failed[0]).toMatch(/^"crm" refused this gateway's credentials \(HTTP 401\)/);
});

async function replaceLink(link: string, target: string): Promise<void> {
  await symlink(target, `${link}.new`);
  await rename(`${link}.new`, link);
}
