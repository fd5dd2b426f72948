import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as FirstGenerationClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as FirstGenerationTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { describe, expect, test } from 'vitest';
import { isAlive } from '../support/child.ts';
import { folderWith, runCli } from '../support/cli.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { modernServer } from '../support/downstreams/modern.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import type { StdioEvent } from '../support/downstreams/stdio/record.ts';
import { type StdioDownstream, stdioServer } from '../support/downstreams/stdio.ts';
import { commonTools } from '../support/downstreams/tools.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';
import { speakLines } from '../support/stdio-line.ts';
import { send } from '../support/wire-client.ts';
import { connected, listening, main, nowhere, stop, TOKEN } from './serving.ts';

/** However slow the machine: what is asked first is answered with all that there is. */
const PATIENT = { firstListMs: 30_000 };

interface CallOptions {
  signal?: AbortSignal;
  onprogress?: (progress: { progress: number }) => void;
}

/** What the SDKs' clients have in common, as far as these tests need it. */
interface StdioCaller extends AsyncDisposable {
  readonly pid: number | null;
  /** The revision both sides agreed on. */
  readonly version: string | undefined;
  list(): Promise<string[]>;
  call(name: string, args: Record<string, unknown>, options?: CallOptions): Promise<unknown>;
  ping(): Promise<unknown>;
}

const identity = { name: 'test', version: '1.0.0' };
const gatewayIn = (cwd: string) => ({
  command: process.execPath,
  args: [main, 'serve', '--stdio'],
  cwd,
  stderr: 'ignore' as const,
});

async function firstGeneration(cwd: string): Promise<StdioCaller> {
  const client = new FirstGenerationClient(identity);
  const transport = new FirstGenerationTransport(gatewayIn(cwd));
  await client.connect(transport);
  return {
    pid: transport.pid,
    version: '2025-11-25',
    list: async () => (await client.listTools()).tools.map((tool) => tool.name),
    call: (name, args, options) => client.callTool({ name, arguments: args }, undefined, options),
    ping: () => client.ping(),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

type Mode = 'legacy' | 'auto' | { pin: string };

const secondGeneration = (mode?: Mode) => async (cwd: string) => {
  const client = new Client(identity, mode === undefined ? {} : { versionNegotiation: { mode } });
  const transport = new StdioClientTransport(gatewayIn(cwd));
  await client.connect(transport);
  const caller: StdioCaller = {
    pid: transport.pid,
    version: client.getNegotiatedProtocolVersion(),
    list: async () => (await client.listTools()).tools.map((tool) => tool.name),
    call: (name, args, options) => client.callTool({ name, arguments: args }, options),
    ping: () => client.ping(),
    [Symbol.asyncDispose]: () => client.close(),
  };
  return caller;
};

describe.concurrent('a stdio client', () => {
  test.for<[who: string, open: (cwd: string) => Promise<StdioCaller>, version: string]>([
    ['SDK v1', firstGeneration, '2025-11-25'],
    ['SDK v2 as it comes', secondGeneration(), '2025-11-25'],
    ['SDK v2, finding out the era', secondGeneration('auto'), '2026-07-28'],
    ['SDK v2, pinned to 2026-07-28', secondGeneration({ pin: '2026-07-28' }), '2026-07-28'],
  ])('%s lists, calls, hears progress, cancels and leaves', async ([, open, version], { expect }) => {
    const heard: number[] = [];
    // The next step follows only when the client has heard of the last one, so none can wait for the result.
    const progress: Answer = async (exchange) => {
      const stream = exchange.stream();
      const { progressToken } = exchange.message.params._meta;
      for (const step of [1, 2, 3]) {
        stream.send({
          method: 'notifications/progress',
          params: { progressToken, progress: step, total: 3 },
        });
        await expect.poll(() => heard).toContain(step);
      }
      stream.result({ content: [{ type: 'text', text: 'all steps done' }], resultType: 'complete' });
    };
    await using web = await plainServer({ era: 'modern', answers: { 'tools/call progress': progress } });
    await using files = stdioServer('v1');
    const servers = { mcpServers: { web: web.entry(), files: files.entry() } };
    await using folder = await folderWith({ 'servers.json': servers });
    await using caller = await open(folder.path);
    expect(caller.version).toBe(version);
    if (version === '2025-11-25') expect(await caller.ping()).toEqual({});

    const names = commonTools.map((tool) => tool.name).sort();
    const ofWeb = names.map((name) => `web__${name}`);
    const ofFiles = names.map((name) => `files__${name}`);
    await expect.poll(() => caller.list()).toEqual([...ofWeb, ...ofFiles]);

    for (const key of ['web', 'files']) {
      expect(await caller.call(`${key}__echo`, { text: `hello ${key}` })).toMatchObject({
        content: [{ type: 'text', text: `hello ${key}` }],
        structuredContent: { text: `hello ${key}` },
        _meta: { 'example.com/trace': { hop: 1, note: 'keep me' } },
      });
    }

    const onprogress = (report: { progress: number }) => void heard.push(report.progress);
    const done = await caller.call('web__progress', { steps: 3 }, { onprogress });
    expect(done).toMatchObject({ content: [{ text: 'all steps done' }] });
    expect(heard).toEqual([1, 2, 3]);

    for (const [name, outcome] of [
      ['web__slow', () => web.calls.find((call) => call.tool === 'slow')?.outcome],
      ['files__slow', () => outcomeOfSlow(files)],
    ] as const) {
      const cancel = new AbortController();
      const call = caller.call(name, { ms: 60_000 }, { signal: cancel.signal });
      const refused = expect(call).rejects.toThrow();
      await expect.poll(outcome).toBe('running');
      cancel.abort();
      await refused;
      await expect.poll(outcome).toBe('cancelled');
    }
    expect(await caller.call('web__add', { a: 1, b: 2 })).toMatchObject({ content: [{ text: '3' }] });

    // SDK v2 starts a server twice where it asks for the era first: with the first process it only asks.
    const pids = [Number(caller.pid), ...files.pids];
    await expect.poll(() => pids.filter(isAlive)).toHaveLength(2);
    await caller[Symbol.asyncDispose]();
    await expect.poll(() => pids.filter(isAlive)).toEqual([]);
  });
});

describe.concurrent('--stdio', () => {
  test('writes nothing but protocol to stdout, at LOG_LEVEL=trace and with a downstream that prints [R172]', async () => {
    await using noisy = stdioServer('noisy');
    await using folder = await folderWith({ 'servers.json': { mcpServers: { noisy: noisy.entry() } } });
    const env = { LOG_LEVEL: 'trace', FORCE_COLOR: '1' };
    await using caller = speakLines(runCli(['serve', '--stdio'], { cwd: folder.path, env }));
    await connected(caller.child, 1);
    const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: identity };
    await caller.request('initialize', hello);
    caller.send({ method: 'notifications/initialized' });
    await caller.request('tools/list');
    await caller.request('tools/call', { name: 'noisy__fail' });
    const call = { name: 'noisy__progress', arguments: { steps: 2 }, _meta: { progressToken: 'p' } };
    await caller.request('tools/call', call);
    caller.child.process.stdin?.end();
    expect(await caller.child.exit).toEqual({ code: 0, signal: null });

    const step = (progress: number) => ({
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progressToken: 'p', progress, total: 2 },
    });
    expect(caller.messages).toEqual([
      { jsonrpc: '2.0', id: 1, result: expect.anything() },
      { jsonrpc: '2.0', id: 2, result: { tools: expect.any(Array) } },
      { jsonrpc: '2.0', id: 3, result: { content: expect.any(Array), isError: true } },
      step(1),
      step(2),
      { jsonrpc: '2.0', id: 4, result: { content: [{ type: 'text', text: '2 steps' }] } },
    ]);
    expect(caller.child.stdout).toBe(
      caller.messages.map((message) => `${JSON.stringify(message)}\n`).join(''),
    );
    // The downstream did print, and the log says so.
    expect(caller.child.stderr).toContain('stdout_noise');
  });

  test('needs no token, makes none and mentions none', async () => {
    await using web = await modernServer();
    await using folder = await folderWith({
      'servers.json': { mcpServers: { web: web.entry() }, limits: PATIENT },
    });
    await using caller = speakLines(runCli(['--stdio'], { cwd: folder.path, env: { HOST: '0.0.0.0' } }));
    expect((await caller.request('tools/list')).result.tools).toHaveLength(5);
    caller.child.process.stdin?.end();
    await caller.child.exit;
    expect(caller.child.stderr).not.toMatch(/token|bearer/i);
  });

  test('answers a line that it cannot use with an error, of the request that it was, and goes on [R7]', async () => {
    const limits = { maxRequestBytes: 4096, maxJsonDepth: 16 };
    await using folder = await folderWith({ 'servers.json': { ...nowhere, limits } });
    const deep = `{"deep":${'['.repeat(20)}${']'.repeat(20)}}`;
    const long = `{"arguments":{"id":1,"text":"${'x'.repeat(5000)}","id":2}}`;
    await using caller = speakLines(runCli(['--stdio'], { cwd: folder.path }));
    for (const [line, code, id] of [
      ['{"jsonrpc":"2.0","id":7,"method":', -32700],
      ['Content-Length: 46', -32700],
      ['{"level":"info"}', -32600],
      ['[{"jsonrpc":"2.0","id":7,"method":"ping"}]', -32600],
      ['{"jsonrpc":"2.0","id":8,"method":"ping","params":[1]}', -32600, 8],
      ['{"jsonrpc":"2.0","id":9,"method":"resources/watch"}', -32601, 9],
      ['{"jsonrpc":"1.0","id":10,"method":"ping"}', -32600, 10],
      ['{"jsonrpc":"2.0","id":"11","method":11}', -32600, '11'],
      [`{"jsonrpc":"2.0","id":12,"method":"tools/call","params":${deep}}`, -32700, 12],
      [`{"jsonrpc":"2.0","id":13,"method":"tools/call","params":${long}}`, -32700, 13],
      [`{"method":"tools/call","params":${long},"jsonrpc":"2.0","id":"14"}`, -32700, '14'],
      // A response has the id of a question, which may be that of a request as well.
      [`{"jsonrpc":"2.0","id":15,"result":${deep}}`, -32700],
      [`{"jsonrpc":"2.0","id":16,"result":${long}}`, -32700],
      ['{"jsonrpc":"2.0","id":17}', -32600],
    ] as const) {
      const before = caller.messages.length;
      caller.child.process.stdin?.write(`${line}\n\r\n`);
      const pong = await caller.request('ping');
      expect(pong, line).toMatchObject({ result: {} });
      const error = { code, message: expect.stringMatching(/\w/) };
      const answer = { jsonrpc: '2.0', ...(id === undefined ? {} : { id }), error };
      expect(caller.messages.slice(before), line).toEqual([answer, pong]);
    }
  });

  test('reads a request in pieces and several in one piece', async () => {
    await using web = await modernServer();
    await using folder = await folderWith({
      'servers.json': { mcpServers: { web: web.entry() }, limits: PATIENT },
    });
    await using caller = speakLines(runCli(['--stdio'], { cwd: folder.path }));
    const [echo] = legacyRequest('tools/call', { name: 'web__echo', arguments: { text: 'Zoë 👋' } });
    const bytes = Buffer.from(`${JSON.stringify(echo)}\r\n`);
    const inEmoji = bytes.indexOf('👋') + 2;
    const { stdin } = caller.child.process;
    await new Promise((resolve) => stdin?.write(bytes.subarray(0, inEmoji), resolve));
    stdin?.write(bytes.subarray(inEmoji));
    await caller.child.waitFor('stdout', /Zoë 👋.*\n/);

    const pings = ['a', 'b', 'c'].map((id) => JSON.stringify(legacyRequest('ping', undefined, { id })[0]));
    stdin?.write(`${pings.join('\n')}\n`);
    await caller.child.waitFor('stdout', /"id":"c".*\n/);
    expect(caller.messages.map(({ id }) => id)).toEqual([1, 'a', 'b', 'c']);
  });

  test('hears a caller that puts a byte order mark before what it says first', async () => {
    await using folder = await folderWith({ 'servers.json': nowhere });
    await using caller = speakLines(runCli(['--stdio'], { cwd: folder.path }));
    const [ping] = legacyRequest('ping', undefined, { id: 'first' });
    caller.child.process.stdin?.write(`\ufeff${JSON.stringify(ping)}\r\n`);
    await caller.child.waitFor('stdout', /\n/);
    expect(caller.messages).toEqual([{ jsonrpc: '2.0', id: 'first', result: {} }]);
  });

  test('has the same catalog as HTTP, in both eras', async () => {
    await using web = await modernServer();
    await using files = stdioServer('v2');
    const servers = { mcpServers: { web: web.entry(), files: files.entry({ prefix: 'f_' }) } };
    await using folder = await folderWith({ 'servers.json': servers });
    const env = { SWITCHBOARD_TOKEN: TOKEN };
    await using overHttp = runCli(['serve', '--port', '0'], { cwd: folder.path, env });
    await using overStdio = speakLines(runCli(['serve', '--stdio'], { cwd: folder.path }));
    const url = await listening(overHttp);
    await Promise.all([connected(overHttp, 2), connected(overStdio.child, 2)]);
    for (const [body, headers] of [legacyRequest('tools/list'), modernRequest('tools/list')]) {
      const accept = 'application/json, text/event-stream';
      const bearer = { authorization: `Bearer ${TOKEN}` };
      const sent = { 'content-type': 'application/json', accept, ...bearer, ...headers };
      const reply = await send(url, { body, headers: sent });
      const answer = await overStdio.request('tools/list', body.params);
      expect(answer.result.tools).toHaveLength(10);
      expect(answer.result).toEqual(reply.messages[0]?.result);
    }
    await stop(overHttp);
  });

  test('tells a listener what it listens for, and does not wait for it when its caller leaves', async ({
    expect,
  }) => {
    await using web = await modernServer();
    await using folder = await folderWith({
      'servers.json': { mcpServers: { crm: web.entry() }, limits: PATIENT },
    });
    await using caller = speakLines(runCli(['--stdio'], { cwd: folder.path }));
    const [listen] = modernRequest(
      'subscriptions/listen',
      { notifications: { toolsListChanged: true } },
      'l',
    );
    caller.child.process.stdin?.write(`${JSON.stringify(listen)}\n`);
    await expect
      .poll(() => caller.messages)
      .toMatchObject([
        {
          method: 'notifications/subscriptions/acknowledged',
          params: { notifications: { toolsListChanged: true } },
        },
      ]);
    // Answered while it listens.
    const [list] = modernRequest('tools/list', {}, 'after');
    caller.child.process.stdin?.write(`${JSON.stringify(list)}\n`);
    await expect.poll(() => caller.messages.at(-1)?.id).toBe('after');
    caller.child.process.stdin?.end();
    expect(await caller.child.exit).toMatchObject({ code: 0 });
    expect(caller.messages.at(-1)).toMatchObject({ id: 'l', result: { resultType: 'complete' } });
  });

  test('ends the calls of a caller that leaves in the middle of them', async ({ expect }) => {
    await using web = await modernServer();
    await using folder = await folderWith({
      'servers.json': { mcpServers: { web: web.entry() }, limits: PATIENT },
    });
    await using caller = speakLines(runCli(['--stdio'], { cwd: folder.path }));
    caller.send({ id: 1, method: 'tools/call', params: { name: 'web__slow', arguments: { ms: 60_000 } } });
    await expect.poll(() => web.calls.map((call) => call.outcome)).toEqual(['running']);
    caller.child.process.stdin?.end();
    expect(await caller.child.exit).toEqual({ code: 0, signal: null });
    await expect.poll(() => web.calls.map((call) => call.outcome)).toEqual(['cancelled']);
  });
});

test('what a process said when it ended is told to the log, and not to the caller', async () => {
  // Starts well once; from then on it ends at once, with its key in its last words.
  const script = `
    import { existsSync, writeFileSync } from 'node:fs';
    import { createInterface } from 'node:readline';
    if (existsSync('started')) {
      console.error('cannot log in with ' + process.env.KEY);
      process.exit(3);
    }
    writeFileSync('started', '');
    const serverInfo = { name: 'once', version: '1.0.0' };
    const tools = [{ name: 'die', inputSchema: { type: 'object' } }];
    createInterface({ input: process.stdin }).on('line', (line) => {
      const { id, method, params } = JSON.parse(line);
      const answer = (body) => console.log(JSON.stringify({ jsonrpc: '2.0', id, ...body }));
      if (method === 'initialize') {
        const { protocolVersion } = params;
        answer({ result: { protocolVersion, capabilities: { tools: {} }, serverInfo } });
      } else if (method === 'tools/list') answer({ result: { tools } });
      else if (method === 'tools/call') process.exit(4);
      else if (id !== undefined) answer({ error: { code: -32601, message: 'Method not found' } });
    });`;
  const once = {
    command: process.execPath,
    args: ['once.mjs'],
    cwd: '.',
    env: { KEY: 'key-of-the-process' },
  };
  await using folder = await folderWith({ 'once.mjs': script, 'servers.json': { mcpServers: { once } } });
  await using caller = speakLines(runCli(['--stdio'], { cwd: folder.path }));
  await connected(caller.child, 1);
  await caller.request('tools/call', { name: 'once__die' });
  await caller.child.waitFor('stderr', /"detail":"cannot log in/);
  const { result } = await caller.request('tools/call', { name: 'once__die' });
  expect(result).toMatchObject({
    isError: true,
    content: [{ text: expect.stringMatching(/^"once" is not reachable/) }],
  });
  expect(JSON.stringify(result)).not.toContain('key-of-the-process');
});

test('who asks, says goodbye and waits for the answer need not wait for the end', async () => {
  await using crm = await modernServer();
  await using folder = await folderWith({
    'servers.json': { mcpServers: { crm: crm.entry() }, limits: PATIENT },
  });
  await using child = runCli(['serve', '--stdio'], { cwd: folder.path });
  // What is asked before may take longer than answers are waited for at the end.
  await connected(child, 1);
  const [request] = modernRequest('tools/call', { name: 'crm__slow', arguments: { ms: 300 } });
  child.process.stdin?.end(`${JSON.stringify(request)}\n`);
  await child.waitFor('stdout', /waited 300 ms/);
  const answeredAt = performance.now();
  expect(await child.exit).toEqual({ code: 0, signal: null });
  // What takes longer to answer is given 3 s, which began before.
  expect(performance.now() - answeredAt).toBeLessThan(2000);
});

test('who is cut off, where it came over a socket, has left', async () => {
  await using folder = await folderWith({ 'servers.json': nowhere });
  const listener = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const caller = connect((listener.address() as AddressInfo).port, '127.0.0.1');
  const [stdin] = (await once(listener, 'connection')) as [Socket];
  listener.close();
  await using child = runCli(['serve', '--stdio'], { cwd: folder.path, stdin });
  stdin.destroy();
  caller.write(`${JSON.stringify(legacyRequest('ping')[0])}\n`);
  await child.waitFor('stdout', /"result":\{\}/);
  caller.resetAndDestroy();
  expect(await child.exit).toEqual({ code: 0, signal: null });
  expect(child.stderr).not.toContain('"unexpected"');
});

/** How the call of its tool `slow` stands, by its own record. */
function outcomeOfSlow({ events }: StdioDownstream): 'running' | 'answered' | 'cancelled' | undefined {
  for (const event of events) {
    if (event.event === 'call ended' && event.tool === 'slow') return event.outcome;
  }
  const begins = (event: StdioEvent) => event.event === 'received' && event.message.params?.name === 'slow';
  return events.some(begins) ? 'running' : undefined;
}
