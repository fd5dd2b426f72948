import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { respawnMs } from '../../src/downstream/connecting/backoff.ts';
import { folderWith } from '../support/cli.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { modernRequest } from '../support/messages.ts';

async function call(gateway: RunningGateway, tool: string, args: object = {}): Promise<string> {
  const params = { name: `child__${tool}`, arguments: args };
  return (await gateway.post(...modernRequest('tools/call', params))).json.result.content[0].text;
}

const CUT =
  '"child" closed the connection before answering. The call may have run: check before repeating it.';

/** Takes one call and hears no more; when started again, it hears and says nothing. */
const HEARS_ONCE = `
  import { closeSync, existsSync, writeFileSync } from 'node:fs';
  import { createInterface } from 'node:readline';
  setInterval(() => {}, 1000);
  const lines = createInterface({ input: process.stdin });
  const results = {
    initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'c', version: '1' } },
    'tools/list': { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] },
    'tools/call': { content: [{ type: 'text', text: 'hears no more' }] },
  };
  const isFirst = !existsSync('started');
  writeFileSync('started', '');
  if (isFirst) lines.on('line', (line) => {
    const { id, method } = JSON.parse(line);
    if (id === undefined) return;
    const body = method in results ? { result: results[method] } : { error: { code: -32601, message: 'no' } };
    // Before it has answered: what comes then is not heard for certain.
    if (method === 'tools/call') {
      process.stdin.destroy();
      closeSync(0);
    }
    console.log(JSON.stringify({ jsonrpc: '2.0', id, ...body }));
  });`;

/** Asks without end from its first call on, and writes down how many of that were answered. */
const ASKS_WITHOUT_END = `
  import { writeFileSync } from 'node:fs';
  import { createInterface } from 'node:readline';
  const results = {
    initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'c', version: '1' } },
    'tools/list': { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] },
    'tools/call': { content: [{ type: 'text', text: 'asks' }] },
  };
  const send = (...messages) =>
    messages.map((each) => JSON.stringify({ jsonrpc: '2.0', ...each }) + '\\n').join('');
  const pings = send(...Array(500).fill({ id: 'q', method: 'ping' }));
  const flood = () => process.stdout.write(pings, () => setImmediate(flood));
  let answers = 0;
  createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method } = JSON.parse(line);
    if (id === 'q' && ++answers % 1000 === 0) writeFileSync('answers', String(answers));
    if (method === undefined || id === undefined) return;
    const body = method in results ? { result: results[method] } : { error: { code: -32601, message: 'no' } };
    process.stdout.write(send({ id, ...body }));
    if (method === 'tools/call') flood();
  });`;

describe('a command', () => {
  test.each(['closes_stdout', 'half_a_line'])(
    'that %s in a call fails that call at once, and is started again',
    async (tool) => {
      await using child = stdioServer('unruly');
      await using gateway = await startGateway({ mcpServers: { child: child.entry() } });
      expect(await call(gateway, tool)).toBe(CUT);
      await expect.poll(() => call(gateway, 'echo', { text: 'hello' })).toBe('hello');
      expect(child.events.filter(({ event }) => event === 'started')).toHaveLength(2);
    },
  );

  test('that hears no more and lives on fails the next call at once, and is started again', async () => {
    await using child = stdioServer('unruly');
    await using gateway = await startGateway({ mcpServers: { child: child.entry() } });
    expect(await call(gateway, 'closes_stdin')).toBe('hears no more');
    expect([CUT, 'hello']).toContain(await call(gateway, 'echo', { text: 'hello' }));
    await expect.poll(() => call(gateway, 'echo', { text: 'hello' })).toBe('hello');
    expect(child.events.filter(({ event }) => event === 'started')).toHaveLength(2);
  });

  test('that hears no more tells one call that it may have run, and one that it was never sent', async () => {
    await using folder = await folderWith({ 'child.mjs': HEARS_ONCE });
    const entry = { command: process.execPath, args: ['child.mjs'], cwd: folder.path, callTimeoutMs: 1500 };
    await using gateway = await startGateway({ mcpServers: { child: entry } });
    expect(await call(gateway, 'echo', { text: 'first' })).toBe('hears no more');
    const found = call(gateway, 'echo', { text: 'finds it out' });
    await gateway.post(...modernRequest('tools/list'));
    const waits = call(gateway, 'echo', { text: 'waits for the next one' });
    expect(await found).toBe(CUT);
    expect(await waits).toBe(
      '"child" is not reachable right now (the connection was lost). Trying again may help.',
    );
  });

  test('that answers and exits in one go has answered', async () => {
    await using child = stdioServer('unruly');
    await using gateway = await startGateway({ mcpServers: { child: child.entry() } });
    expect(await call(gateway, 'answers_and_exits')).toHaveLength(1_000_000);
  });

  test('that answers with a batch, as 2025-03-26 lets it, has answered', async () => {
    await using child = stdioServer('unruly');
    await using gateway = await startGateway({ mcpServers: { child: child.entry() } });
    expect(await call(gateway, 'batches')).toBe('in a batch');
  });

  test('that writes bytes that are no text costs the call whose answer they are in', async () => {
    await using child = stdioServer('unruly');
    await using gateway = await startGateway({ mcpServers: { child: child.entry() } });
    expect(await call(gateway, 'invalid_utf8')).toMatch(/^"child" answered with something that is not MCP/);
    expect(await call(gateway, 'echo', { text: 'hello' })).toBe('hello');
  });

  test.each([
    ['no_newline', 'after all that'],
    ['floods_stderr', 'said a lot'],
  ])('that %s, 256 MB of it, costs no memory and no call', async (tool, said) => {
    await using child = stdioServer('unruly');
    await using gateway = await startGateway({
      mcpServers: { child: child.entry() },
      limits: { maxResultBytes: 1_000_000 },
    });
    const before = process.memoryUsage.rss();
    let most = 0;
    const watching = setInterval(() => {
      most = Math.max(most, process.memoryUsage.rss() - before);
    }, 5);
    expect(await call(gateway, tool)).toBe(said);
    clearInterval(watching);
    // The pieces that are read, and what the collector has not got round to; 256 MB kept would be seen.
    expect(most).toBeLessThan(224 * 1024 * 1024);
    expect(gateway.logs.length).toBeLessThan(1000);
    expect(await call(gateway, 'echo', { text: 'hello' })).toBe('hello');
  });

  test('that asks without end is read with pauses, in which the others are served', async () => {
    await using folder = await folderWith({ 'child.mjs': ASKS_WITHOUT_END, answers: '0' });
    await using other = stdioServer('unruly');
    const child = { command: process.execPath, args: ['child.mjs'], cwd: folder.path };
    await using gateway = await startGateway({
      mcpServers: { child, other: other.entry({ prefix: 'child__o_' }) },
    });
    expect(await call(gateway, 'echo')).toBe('asks');
    const answers = () => Number(readFileSync(join(folder.path, 'answers'), 'utf8'));
    await expect.poll(answers).toBeGreaterThan(0);
    for (let n = 0; n < 20; n++) expect(await call(gateway, 'o_echo', { text: `${n}` })).toBe(`${n}`);
    // Of each piece that is read, all is answered.
    expect(answers()).toBeLessThan(30_000);
  });

  test('that does not read its input is sent 1 MiB, and what comes then is refused at once', async () => {
    await using child = stdioServer('unruly');
    const entry = child.entry({ callTimeoutMs: 3000 });
    await using gateway = await startGateway({ mcpServers: { child: entry } });
    expect(await call(gateway, 'stops_reading')).toBe('reads no more');
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) => call(gateway, 'echo', { text: `${n}`.padEnd(100_000) })),
    );
    const busy = '"child" does not read what it is sent (1 MiB wait for it). Trying again may help.';
    const late = /^"child" did not answer child__echo within 3000 ms\./;
    expect(answers.filter((text) => text !== busy && !late.test(text))).toEqual([]);
    expect(answers.filter((text) => text === busy).length).toBeGreaterThan(20);
    expect(answers.filter((text) => late.test(text)).length).toBeGreaterThan(5);
  });

  test('that never comes up is started at most 65 times in an hour', () => {
    const HOUR_MS = 3_600_000;
    // The first attempt may begin in both ways, and is repeated at once where it had come up.
    let spawns = 4;
    let at = respawnMs(1, 0);
    for (let failures = 2; at < HOUR_MS; failures++) {
      spawns++;
      at += respawnMs(failures, 0);
    }
    expect(spawns).toBeLessThanOrEqual(65);
    expect(respawnMs(1, 0.999)).toBeLessThanOrEqual(1500);
    expect(respawnMs(1000, 0.999)).toBeLessThanOrEqual(96_000);
  });

  test('that never comes up takes one process for each further attempt', async () => {
    await using child = stdioServer('unruly');
    const entry = { ...child.entry(), args: ['-e', 'process.stderr.write("no luck\\n"); process.exit(3)'] };
    await using gateway = await startGateway({ mcpServers: { child: entry } });
    const attempts = () => gateway.logs.filter((line) => line.includes('"event":"downstream_down"')).length;
    await expect.poll(attempts).toBeGreaterThanOrEqual(3);
    expect(gateway.gateway.status().downstreams.child).toMatchObject({
      state: 'down',
      why: 'exit code 3',
      detail: 'no luck',
    });
    const said = gateway.logs.filter((line) => line.includes('"event":"stderr"')).length;
    // Two at the first attempt, then one each.
    expect(said).toBeLessThanOrEqual(attempts() + 2);
  });
});
