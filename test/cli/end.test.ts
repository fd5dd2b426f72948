import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { describe, test } from 'vitest';
import { deferred } from '../../src/promises.ts';
import { isAlive, startProgram } from '../support/child.ts';
import { folderWith, runCli } from '../support/cli.ts';
import { requestsOf } from '../support/downstreams/downstream.ts';
import { modernServer } from '../support/downstreams/modern.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';
import { speakLines } from '../support/stdio-line.ts';
import { open, send } from '../support/wire-client.ts';
import { ask, connected, listening, main, sentences, silentEntry, stop, TOKEN } from './serving.ts';

describe.concurrent('the end', () => {
  const noToken = { SWITCHBOARD_TOKEN: TOKEN };

  test.for<NodeJS.Signals>(['SIGTERM', 'SIGINT'])(
    '%s ends it with 0 and leaves no process behind',
    async (signal, { expect }) => {
      await using files = stdioServer('grandchild');
      await using folder = await folderWith({ 'servers.json': { mcpServers: { files: files.entry() } } });
      await using child = runCli(['serve', '--port', '0'], { cwd: folder.path, env: noToken });
      await connected(child, 1);
      expect(files.pids.map(isAlive)).toEqual([true, true]);

      expect(await stop(child, signal)).toEqual({ code: 0, signal: null });
      await expect.poll(() => files.pids.map(isAlive)).toEqual([false, false]);
      expect(child.stdout).toBe('');
    },
  );

  test.for<[NodeJS.Signals, NodeJS.Signals]>([
    ['SIGINT', 'SIGINT'],
    ['SIGINT', 'SIGTERM'],
  ])('%s, and %s for who cannot wait: it ends at once', async ([first, second], { expect }) => {
    await using stubborn = stdioServer('stubborn');
    await using folder = await folderWith({ 'servers.json': { mcpServers: { files: stubborn.entry() } } });
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path, env: noToken });
    await connected(child, 1);
    child.process.kill(first);
    await expect.poll(() => stubborn.events.map(({ event }) => event)).toContain('stdin closed');
    expect(stubborn.pids.map(isAlive)).toEqual([true]);
    // Sooner it would be the same wish.
    await setTimeout(500);

    // 1: it was not given the time to end its work.
    expect(await stop(child, second)).toEqual({ code: 1, signal: null });
    await expect.poll(() => stubborn.pids.map(isAlive)).toEqual([false]);
  });

  test.for<NodeJS.Signals>(['SIGINT', 'SIGTERM'])(
    '%s that comes twice at once, as under npx, is one: a running call has its answer',
    async (signal, { expect }) => {
      await using crm = await modernServer();
      await using folder = await folderWith({ 'servers.json': { mcpServers: { crm: crm.entry() } } });
      await using child = runCli(['serve', '--port', '0'], { cwd: folder.path, env: noToken });
      const url = await listening(child);
      await connected(child, 1);
      const call = ask(url, TOKEN, 'tools/call', { name: 'crm__slow', arguments: { ms: 1000 } });
      await expect.poll(() => crm.calls.map(({ outcome }) => outcome)).toEqual(['running']);
      const exit = stop(child, signal);
      await setTimeout(20);
      child.process.kill(signal);
      expect((await call).messages[0]?.result.content[0].text).toBe('waited 1000 ms');
      expect(await exit).toEqual({ code: 0, signal: null });
    },
  );

  test('on a terminal, Ctrl-C is answered with how long calls may still take, one line an event', async ({
    expect,
  }) => {
    await using crm = await modernServer();
    const servers = { mcpServers: { crm: crm.entry() }, drainMs: 20_000 };
    await using folder = await folderWith({ 'servers.json': servers });
    await using terminal = startProgram(
      'script',
      ['--quiet', '--return', '--command', `exec "${process.execPath}" "${main}" --port 0`, '/dev/null'],
      { cwd: folder.path, env: { ...noToken, TERM: 'dumb' } },
    );
    const [, url] = await terminal.waitFor('stdout', /MCP is served at (\S+)/);
    await terminal.waitFor('stdout', /is connected/);
    const call = ask(String(url), TOKEN, 'tools/call', { name: 'crm__slow', arguments: { ms: 1000 } });
    await expect.poll(() => crm.calls.map(({ outcome }) => outcome)).toEqual(['running']);
    terminal.process.stdin?.write('\x03');
    expect((await call).messages[0]?.result.content[0].text).toBe('waited 1000 ms');
    expect(await terminal.exit).toEqual({ code: 0, signal: null });

    const lines = terminal.stdout.replaceAll(/^(\^C)?\d\d:\d\d:\d\d /gm, '').split('\r\n');
    expect(lines.sort()).toEqual([
      '',
      'INFO  "crm" is connected era=modern version=2026-07-28 tools=5',
      `INFO  MCP is served at ${url}`,
      'INFO  SIGINT: running calls have 20000 ms, a second one ends them',
      expect.stringMatching(/^INFO {2}crm__slow: ok after \d+(\.\d)? ms$/),
    ]);
  });

  test('a downstream that was asked and is silent does not hold it up', async ({ expect }) => {
    await using silent = await silentServer();
    const servers = {
      mcpServers: { web: { url: silent.url, connectTimeoutMs: 60_000 }, process: silentEntry },
    };
    await using folder = await folderWith({ 'servers.json': servers });
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path, env: noToken });
    await listening(child);
    await silent.asked;
    const toldAt = performance.now();
    expect(await stop(child)).toEqual({ code: 0, signal: null });
    // An attempt that is not given up lasts a minute.
    expect(performance.now() - toldAt).toBeLessThan(20_000);
  });

  test('a call that is running has its answer before the end, and nobody new comes in', async ({
    expect,
  }) => {
    const mayEnd = deferred<void>();
    await using crm = await plainServer({
      ...{ era: 'legacy', sessions: true, json: true },
      answers: { 'tools/call slow': ({ usual }) => mayEnd.promise.then(usual) },
    });
    await using folder = await folderWith({ 'servers.json': { mcpServers: { crm: crm.entry() } } });
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path, env: noToken });
    const url = await listening(child);
    await connected(child, 1);
    await using held = await heldConnection(url);
    expect(await held.get('/readyz')).toMatch(/^HTTP\/1\.1 200 /);
    const call = ask(url, TOKEN, 'tools/call', { name: 'crm__slow', arguments: { ms: 0 } });
    await expect.poll(() => requestsOf(crm, 'tools/call')).toHaveLength(1);
    const exit = stop(child);
    await expect.poll(() => send(url, { method: 'GET' }).catch(({ code }) => code)).toBe('ECONNREFUSED');
    const unready = await held.get('/readyz');
    expect(unready).toMatch(/^HTTP\/1\.1 503 /);
    expect(unready).toMatch(/\r\nconnection: close\r\n/i);
    expect(unready).toContain('{"status":"stopping"}');
    mayEnd.resolve();
    const answer = await call;
    expect(answer.messages[0]?.result.content[0].text).toBe('waited 0 ms');
    expect(answer.headers.connection).toBe('close');
    expect(await exit).toEqual({ code: 0, signal: null });
    // The session is given back.
    expect(crm.sessions.size).toBe(0);
  });

  test('a call that takes longer than drainMs is cut: it is answered, cancelled downstream, and told by 1', async ({
    expect,
  }) => {
    await using crm = await modernServer();
    const file = { mcpServers: { crm: crm.entry() }, drainMs: 300 };
    await using folder = await folderWith({ 'servers.json': file });
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path, env: noToken });
    const url = await listening(child);
    await connected(child, 1);
    const call = ask(url, TOKEN, 'tools/call', { name: 'crm__slow', arguments: { ms: 60_000 } });
    await expect.poll(() => crm.calls.map(({ outcome }) => outcome)).toEqual(['running']);
    expect(await stop(child)).toEqual({ code: 1, signal: null });
    expect((await call).messages[0]?.result).toMatchObject({
      ...{ isError: true, content: [{ text: expect.stringContaining('before drainMs was over') }] },
    });
    await expect.poll(() => crm.calls.map(({ outcome }) => outcome)).toEqual(['cancelled']);
    expect(child.stderr).toContain('"event":"cut","calls":1');
  });

  test('those who listen hear that it is over, in both eras, and do not hold it up', async ({ expect }) => {
    await using crm = await modernServer();
    await using folder = await folderWith({ 'servers.json': { mcpServers: { crm: crm.entry() } } });
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path, env: noToken });
    const url = await listening(child);
    await connected(child, 1);
    const usual = { authorization: `Bearer ${TOKEN}`, accept: 'application/json, text/event-stream' };
    const posted = { ...usual, 'content-type': 'application/json' };
    const [body, headers] = modernRequest('subscriptions/listen', {
      notifications: { toolsListChanged: true },
    });
    const listen = await open(url, { body, headers: { ...posted, ...headers } });
    expect((await listen.next())?.method).toBe('notifications/subscriptions/acknowledged');
    const [initialize] = legacyRequest('initialize', {
      ...{ protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
    });
    const begun = await send(url, { body: initialize, headers: posted });
    const session = { 'mcp-session-id': String(begun.headers['mcp-session-id']) };
    const stream = await open(url, { method: 'GET', headers: { ...usual, ...session } });
    expect(stream.status).toBe(200);
    const toldAt = performance.now();
    expect(await stop(child)).toEqual({ code: 0, signal: null });
    expect(performance.now() - toldAt).toBeLessThan(10_000);
    expect((await listen.next())?.result).toMatchObject({ resultType: 'complete' });
    expect(await listen.next()).toBeUndefined();
    expect(await stream.next()).toBeUndefined();
  });

  test('--stdio answers what it was asked before SIGTERM', async ({ expect }) => {
    await using crm = await modernServer();
    await using folder = await folderWith({ 'servers.json': { mcpServers: { crm: crm.entry() } } });
    await using child = runCli(['serve', '--stdio'], { cwd: folder.path });
    await using line = speakLines(child);
    await connected(child, 1);
    const params = { name: 'crm__slow', arguments: { ms: 1000 } };
    const call = line.request('tools/call', modernRequest('tools/call', params)[0].params);
    await expect.poll(() => crm.calls.length).toBe(1);
    expect(await stop(child)).toEqual({ code: 0, signal: null });
    expect((await call).result.content[0].text).toBe('waited 1000 ms');
  });

  test('--stdio tells who listens that it is over, with the result of that request', async ({ expect }) => {
    await using crm = await modernServer();
    await using folder = await folderWith({ 'servers.json': { mcpServers: { crm: crm.entry() } } });
    await using child = runCli(['serve', '--stdio'], { cwd: folder.path });
    await using line = speakLines(child);
    await connected(child, 1);
    const notifications = { toolsListChanged: true };
    line.send(modernRequest('subscriptions/listen', { notifications }, 'l')[0]);
    await expect.poll(() => line.messages.length).toBe(1);
    expect(await stop(child)).toEqual({ code: 0, signal: null });
    const _meta = { 'io.modelcontextprotocol/subscriptionId': 'l' };
    expect(line.messages).toMatchObject([
      { method: 'notifications/subscriptions/acknowledged', params: { _meta, notifications } },
      { id: 'l', result: { resultType: 'complete', _meta } },
    ]);
  });

  test('killed outright, it leaves no child behind that reads its input', async ({ expect }) => {
    await using files = stdioServer('v1');
    await using folder = await folderWith({ 'servers.json': { mcpServers: { files: files.entry() } } });
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path, env: noToken });
    await connected(child, 1);
    expect(files.pids.map(isAlive)).toEqual([true]);
    expect(await stop(child, 'SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
    await expect.poll(() => files.pids.map(isAlive)).toEqual([false]);
  });

  test('nobody who reads its log is no reason to end', async ({ expect }) => {
    await using crm = await modernServer();
    await using folder = await folderWith({ 'servers.json': { mcpServers: { crm: crm.entry() } } });
    await using child = runCli(['serve', '--port', '0'], {
      cwd: folder.path,
      env: { ...noToken, LOG_LEVEL: 'trace' },
    });
    const url = await listening(child);
    await connected(child, 1);
    child.process.stderr?.destroy();
    child.process.stdout?.destroy();
    for (let i = 0; i < 20; i++) {
      const params = { name: 'crm__echo', arguments: { text: `hello ${i}` } };
      const { json } = await ask(url, TOKEN, 'tools/call', params);
      expect(json.result.content[0].text).toBe(`hello ${i}`);
    }
    child.process.kill('SIGTERM');
    expect(await once(child.process, 'exit')).toEqual([0, null]);
  });

  test('--stdio ends with 0 when its caller closes the pipe', async ({ expect }) => {
    await using files = stdioServer('grandchild');
    await using folder = await folderWith({ 'servers.json': { mcpServers: { files: files.entry() } } });
    await using child = runCli(['serve', '--stdio'], { cwd: folder.path });
    await connected(child, 1);
    child.process.stdin?.end();
    expect(await child.exit).toEqual({ code: 0, signal: null });
    await expect.poll(() => files.pids.map(isAlive)).toEqual([false, false]);
  });

  test('--stdio ends with 0 on SIGTERM although its caller keeps the pipe open', async ({ expect }) => {
    await using crm = await modernServer();
    await using folder = await folderWith({ 'servers.json': { mcpServers: { crm: crm.entry() } } });
    await using child = runCli(['serve', '--stdio'], { cwd: folder.path });
    await connected(child, 1);
    expect(await stop(child)).toEqual({ code: 0, signal: null });
  });

  test('--stdio ends with 0 when nobody reads its answers any more', async ({ expect }) => {
    await using crm = await modernServer();
    await using folder = await folderWith({ 'servers.json': { mcpServers: { crm: crm.entry() } } });
    await using child = runCli(['serve', '--stdio'], { cwd: folder.path });
    await connected(child, 1);
    child.process.stdout?.destroy();
    const ping = `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })}\n`;
    child.process.stdin?.write(ping.repeat(100));
    expect(await child.exit).toEqual({ code: 0, signal: null });
    expect(sentences(child.stderr)).toEqual([]);
  });
});

/** Accepts connections and never says a word; `asked` resolves when the first one has sent something. */
async function silentServer() {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer();
  const asked = new Promise<void>((resolve) => {
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('error', () => {}).once('data', () => resolve());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    asked,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** One connection that is used again and again, as a load balancer does. */
async function heldConnection(url: string) {
  const { port } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1');
  await once(socket, 'connect');
  return {
    async get(path: string): Promise<string> {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
      let text = '';
      while (!/\r\n\r\n.*\}/s.test(text)) text += (await once(socket, 'data'))[0];
      return text;
    },
    async [Symbol.asyncDispose]() {
      socket.destroy();
    },
  };
}
