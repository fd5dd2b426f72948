import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ask, connected, listening, main, nowhere, stop, TOKEN } from '../cli/serving.ts';
import { type Child, startNode, startProgram } from '../support/child.ts';
import { requestsOf } from '../support/downstreams/downstream.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { textResult } from '../support/downstreams/wire.ts';
import { evilChild } from '../support/evil/stdio.ts';
import { evilServer } from '../support/evil/wire.ts';
import { rawCaller, rawPost } from '../support/raw-caller.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

// What only a process of its own can show: signals, files, descriptors, pipes.

const env = { SWITCHBOARD_TOKEN: TOKEN, LOG_LEVEL: 'debug' };
const SERVE = [main, 'serve', '--port', '0'];

function serve(path: string, mcpServers: object, more: Record<string, string> = {}): Child {
  writeFileSync(join(path, 'servers.json'), JSON.stringify({ mcpServers }));
  return startNode(SERVE, { cwd: path, env: { ...env, HOME: path, ...more } });
}

/** The same where it may have so many files open. */
function serveWithFiles(count: number, path: string, mcpServers: object): Child {
  writeFileSync(join(path, 'servers.json'), JSON.stringify({ mcpServers }));
  const command = [`ulimit -n ${count}; exec "$@"`, 'sh', process.execPath, ...SERVE];
  return startProgram('sh', ['-c', ...command], { cwd: path, env: { ...env, HOME: path } });
}

const filesOf = ({ process: { pid } }: Child) => readdirSync(`/proc/${pid}/fd`).length;

/** Resolves when it stands: what comes before is read. */
async function halt(child: Child): Promise<void> {
  child.process.kill('SIGSTOP');
  await expect.poll(() => readFileSync(`/proc/${child.process.pid}/stat`, 'utf8')).toMatch(/\) T /);
}

const toolsOf = async (url: string) =>
  (await ask(url, TOKEN, 'tools/list')).json.result.tools.map(
    ({ name }: { name: string }) => name,
  ) as string[];

test('F9 killed again and again while it writes, it finds a file that is whole', async () => {
  await using folder = await temporaryFolder();
  await using crm = await plainServer({ era: 'modern', json: true });
  const servers = { crm: crm.entry() };
  const file = join(folder.path, 'servers.catalog.json');
  for (let round = 0; round < 5; round++) {
    await using child = serve(folder.path, servers);
    await connected(child, 1);
    // The file is written about half a second later: before, in the middle of it and behind.
    if (round < 4) await new Promise((resolve) => setTimeout(resolve, round * 200));
    else await expect.poll(() => existsSync(file)).toBe(true);
    await stop(child, 'SIGKILL');
  }
  const { servers: kept } = JSON.parse(readFileSync(file, 'utf8'));
  expect(kept.crm.list.tools.length).toBeGreaterThan(0);
  await crm[Symbol.asyncDispose]();
  await using child = serve(folder.path, servers);
  expect(await toolsOf(await listening(child))).toContain('crm__echo');
});

test('F10 connections that break at any moment end no process', async () => {
  await using folder = await temporaryFolder();
  await using evil = await evilServer({
    era: 'modern',
    on: { 'tools/call': [({ socket }) => socket.resetAndDestroy()] },
  });
  await using child = serve(folder.path, { evil: evil.entry() });
  const url = await listening(child);
  await connected(child, 1);
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'evil__work', arguments: {} },
  });
  const request = `POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  for (let cut = 0; cut <= request.length; cut += 8) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
    await once(socket, 'connect');
    socket.write(request.slice(0, cut), () => socket.resetAndDestroy());
    await once(socket, 'close');
  }
  const { result } = (await ask(url, TOKEN, 'tools/call', { name: 'evil__work', arguments: {} })).json;
  expect(result.isError).toBe(true);
  expect(child.stderr).not.toContain('"event":"unexpected"');
  expect(await stop(child)).toEqual({ code: 0, signal: null });
});

test('F15 as process 1 it collects its children and ends on SIGTERM', async ({ skip }) => {
  const may = spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true'], { encoding: 'utf8' });
  skip(may.status !== 0, `a process 1 cannot be had here: ${may.stderr ?? may.error?.message}`);
  await using folder = await temporaryFolder();
  const crashing = { command: process.execPath, args: ['-e', 'process.exit(3)'] };
  writeFileSync(join(folder.path, 'servers.json'), JSON.stringify({ mcpServers: { crashing } }));
  await using child = startProgram(
    'unshare',
    ['--pid', '--fork', '--mount-proc', process.execPath, ...SERVE],
    { cwd: folder.path, env: { ...env, HOME: folder.path } },
  );
  await listening(child);
  await child.waitFor('stderr', /(downstream_down[\s\S]*?){3}/);
  const [first = 0] = childrenOf(child.process.pid);
  // Those it started; what they start and leave behind takes an init, as README has it for containers.
  await expect.poll(() => childrenOf(first).filter(isDead)).toEqual([]);
  process.kill(first, 'SIGTERM');
  expect(await child.exit).toEqual({ code: 0, signal: null });
});

function childrenOf(pid: number | undefined): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}

const isDead = (pid: number) => /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

test.skipIf(process.platform === 'win32')(
  'F87 out of file descriptors it lives, and serves again',
  async () => {
    await using folder = await temporaryFolder();
    await using crm = await plainServer({ era: 'modern', json: true });
    await using files = evilChild('modern');
    const mcpServers = { crm: crm.entry(), files: files.entry() };
    await using child = serveWithFiles(256, folder.path, mcpServers);
    const url = await listening(child);
    await connected(child, 2);
    const sockets: Socket[] = [];
    for (let i = 0; i < 400; i++) {
      sockets.push(connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {}));
    }
    // What is beyond it may wait or be refused; nothing else is promised.
    await expect.poll(() => filesOf(child)).toBeGreaterThanOrEqual(256);
    // Nor is there one left for the pipes of a command that is started again.
    for (const pid of files.pids) process.kill(pid, 'SIGKILL');
    await child.waitFor('stderr', /"retryInMs":[1-9]/);
    expect(child.process.exitCode).toBe(null);
    for (const socket of sockets) socket.destroy();
    const text = async (name: string) => {
      const call = { name, arguments: { text: 'hello' } };
      return (await ask(url, TOKEN, 'tools/call', call)).json.result.content[0].text;
    };
    await expect.poll(() => text('crm__echo')).toBe('hello');
    await expect.poll(() => text('files__work')).toBe('well');
    expect(await stop(child)).toEqual({ code: 0, signal: null });
  },
);

test('F87 a page that is asked for first without file descriptors is refused, and shown when there are some', async () => {
  await using folder = await temporaryFolder();
  const mcpServers = { crm: { url: 'http://127.0.0.1:1/mcp' } };
  await using child = serveWithFiles(128, folder.path, mcpServers);
  const url = await listening(child);
  await using caller = await rawCaller(url);
  const page = async (path: string) => {
    caller.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${TOKEN}\r\n\r\n`);
    return await caller.next();
  };
  // It has its descriptor.
  expect((await page('/mcp')).status).toBe(405);
  const sockets = Array.from({ length: 200 }, () =>
    connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {}),
  );
  await expect.poll(() => filesOf(child)).toBeGreaterThanOrEqual(128);
  const refused = await page('/healthz');
  expect([refused.status, refused.headers['retry-after'], refused.json.error]).toEqual([
    503,
    '1',
    expect.stringContaining('file descriptors'),
  ]);
  for (const socket of sockets) socket.destroy();
  await expect.poll(async () => (await page('/healthz')).status).toBe(200);
  expect(await stop(child)).toEqual({ code: 0, signal: null });
});

test('answers that came while it was stopped are heard, also where the time of their calls is over since', async () => {
  await using folder = await temporaryFolder();
  let go = () => {};
  const stopped = new Promise<void>((resolve) => {
    go = resolve;
  });
  const answers: Record<string, Answer> = {
    'tools/call echo': async (given) => {
      await stopped;
      given.result(textResult('in time', given.message));
    },
  };
  await using crm = await plainServer({ era: 'modern', answers });
  await using gateway = serve(folder.path, { crm: crm.entry({ callTimeoutMs: 4000 }) });
  const url = await listening(gateway);
  await connected(gateway, 1);
  // As many as open the circuit.
  const calls = [1, 2, 3, 4, 5].map((text) =>
    ask(url, TOKEN, 'tools/call', { name: 'crm__echo', arguments: { text } }),
  );
  await expect.poll(() => requestsOf(crm, 'tools/call').length).toBe(5);
  await halt(gateway);
  go();
  await new Promise((resolve) => setTimeout(resolve, 4500));
  gateway.process.kill('SIGCONT');
  const heard = (await Promise.all(calls)).map(({ json }) => json.result.content[0].text);
  expect(heard).toEqual(Array(5).fill('in time'));
});

test('a request that came over an idle connection while it was stopped is answered, however long that was', async () => {
  await using folder = await temporaryFolder();
  const config = { ...nowhere, limits: { keepAliveTimeoutMs: 2000 } };
  writeFileSync(join(folder.path, 'servers.json'), JSON.stringify(config));
  await using gateway = startNode(SERVE, { cwd: folder.path, env: { ...env, HOME: folder.path } });
  await using caller = await rawCaller(await listening(gateway));
  const ping = rawPost(TOKEN, { jsonrpc: '2.0', id: 1, method: 'ping' });
  caller.send(ping);
  await caller.next();
  await halt(gateway);
  caller.send(ping);
  await new Promise((resolve) => setTimeout(resolve, 3500));
  gateway.process.kill('SIGCONT');
  expect((await caller.next()).json.result).toEqual({});
});
