import { createServer } from 'node:net';
import { describe, test } from 'vitest';
import { isAlive } from '../support/child.ts';
import { folderWith, runCli } from '../support/cli.ts';
import { modernServer } from '../support/downstreams/modern.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { ask, connected, listening, sentences, silentEntry, soon, stop, TOKEN } from './serving.ts';

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
      await expect.poll(() => files.pids.map(isAlive), soon).toEqual([false, false]);
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
    await expect.poll(() => stubborn.events.map(({ event }) => event), soon).toContain('stdin closed');
    expect(stubborn.pids.map(isAlive)).toEqual([true]);

    // 1: it was not given the time to end its work.
    expect(await stop(child, second)).toEqual({ code: 1, signal: null });
    await expect.poll(() => stubborn.pids.map(isAlive), soon).toEqual([false]);
  });

  test('a downstream that was asked and is silent does not hold it up', async ({ expect }) => {
    await using silent = await silentServer();
    const servers = { mcpServers: { web: { url: silent.url }, process: silentEntry } };
    await using folder = await folderWith({ 'servers.json': servers });
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path, env: noToken });
    await listening(child);
    await silent.asked;
    const toldAt = performance.now();
    expect(await stop(child)).toEqual({ code: 0, signal: null });
    // An attempt that is not given up lasts 10 s, that with a process a minute.
    expect(performance.now() - toldAt).toBeLessThan(5_000);
  });

  test('a call that is running does not hold it up, and is cancelled downstream', async ({ expect }) => {
    await using crm = await modernServer();
    await using folder = await folderWith({ 'servers.json': { mcpServers: { crm: crm.entry() } } });
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path, env: noToken });
    const url = await listening(child);
    const call = ask(url, TOKEN, 'tools/call', { name: 'crm__slow', arguments: { ms: 60_000 } });
    const answered = call.then(
      ({ status }) => status,
      () => 'cut',
    );
    await expect.poll(() => crm.calls.map(({ outcome }) => outcome), soon).toEqual(['running']);
    expect(await stop(child)).toEqual({ code: 0, signal: null });
    expect(await answered).toBeDefined();
    await expect.poll(() => crm.calls.map(({ outcome }) => outcome), soon).toEqual(['cancelled']);
  });

  test('--stdio ends with 0 when its caller closes the pipe', async ({ expect }) => {
    await using files = stdioServer('grandchild');
    await using folder = await folderWith({ 'servers.json': { mcpServers: { files: files.entry() } } });
    await using child = runCli(['serve', '--stdio'], { cwd: folder.path });
    await connected(child, 1);
    child.process.stdin?.end();
    expect(await child.exit).toEqual({ code: 0, signal: null });
    await expect.poll(() => files.pids.map(isAlive), soon).toEqual([false, false]);
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
