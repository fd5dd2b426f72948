import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { folderWith } from '../support/cli.ts';
import { requestsOf } from '../support/downstreams/downstream.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { legacyServer } from '../support/downstreams/legacy.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import {
  acceptsWithoutAnswer,
  answersEmptyBody,
  answersHtml,
  answersHuge,
  answersStatus,
  compresses,
  neverAnswers,
} from '../support/downstreams/wire.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { sendJson } from '../support/http-server.ts';
import { type Message, modernRequest } from '../support/messages.ts';

const ECHO = { name: 'crm__echo', arguments: { text: 'hello' } };
const methodsOf = ({ requests }: { requests: readonly { body: unknown }[] }) =>
  requests.map(({ body }) => (body as Message | undefined)?.method);

async function echo(gateway: RunningGateway): Promise<string> {
  const { messages } = await gateway.post(...modernRequest('tools/call', ECHO));
  return messages.at(-1)?.result.content[0].text;
}

const refuses =
  (code: number, status: number, data?: object): Answer =>
  (given) =>
    given.error(code, 'no', { status, data });

const REFUSAL = { jsonrpc: '2.0', error: { code: -32601, message: 'Method not found' } };

describe('a server over HTTP that answers the first question of the gateway', () => {
  test.each<[string, Answer]>([
    ['with 400 and nothing', answersStatus(400, { bytes: 0 })],
    ['with 400 and a text', answersStatus(400)],
    ['with 400 and an error of its own', refuses(-32000, 400)],
    ['with 400 and an error of JSON-RPC', refuses(-32600, 400)],
    ['with 404 and an unknown method', refuses(-32601, 404)],
    ['with 200 and an unknown method', refuses(-32601, 200)],
    ['with 200 and wrong parameters', refuses(-32602, 200)],
    ['with 200 and an error without an id', ({ res }) => sendJson(res, 200, { ...REFUSAL, id: null })],
    ['with 200 and nothing', answersEmptyBody],
    ['with 200 and a web page', answersHtml],
    ['with 202', acceptsWithoutAnswer],
    ['with 204', answersStatus(204, { bytes: 0 })],
    ['with 500', answersStatus(500)],
    ['with 501', answersStatus(501)],
    ['never', neverAnswers],
  ])('%s is of the legacy era, and is begun with initialize [R47]', async (_how, answer) => {
    await using crm = await plainServer({ era: 'legacy', answers: { 'server/discover': answer } });
    await using gateway = await startGateway({
      mcpServers: { crm: crm.entry({ connectTimeoutMs: 10_000 }) },
    });
    expect(gateway.gateway.status().downstreams.crm).toMatchObject({ state: 'ready', era: 'legacy' });
    expect(await echo(gateway)).toBe('hello');
  });

  test('as one of the modern era that has no version in common is not begun with initialize [R47] [R68]', async () => {
    const supported = ['2030-01-01'];
    await using crm = await plainServer({
      era: 'modern',
      answers: { 'server/discover': refuses(-32022, 400, { supported, requested: '2026-07-28' }) },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    expect(gateway.gateway.status().downstreams.crm).toMatchObject({
      state: 'down',
      why: 'it speaks no version of MCP that is spoken here',
    });
    expect(methodsOf(crm)).not.toContain('initialize');
  });
});

describe.each(['legacy', 'modern'] as const)('a server of the %s era over HTTP', (era) => {
  test.each<[string | string[], (text: string) => Buffer]>([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
    // Its server and a proxy both say so, and one of them has done it.
    [['gzip', 'gzip'], gzipSync],
  ])(
    'may compress what it says of itself with %s, though nobody asked for it',
    async (encoding, compress) => {
      const answer = compresses(encoding, compress);
      await using crm = await plainServer({
        era,
        answers: { initialize: answer, 'server/discover': answer },
      });
      await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
      expect(gateway.gateway.status().downstreams.crm).toMatchObject({ state: 'ready', era });
      expect(await echo(gateway)).toBe('hello');
    },
  );

  test('is not connected to when what it says of itself does not end', async () => {
    const answer = answersHuge(1_000_000, 'gzip');
    await using crm = await plainServer({ era, answers: { initialize: answer, 'server/discover': answer } });
    const limits = { maxResultBytes: 10_000 };
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() }, limits });
    expect(gateway.gateway.status().downstreams.crm).toMatchObject({
      state: 'down',
      why: 'it answers with more than 10000 bytes (limits.maxResultBytes)',
    });
  });
});

/** A server of the legacy era that answers what it does not know in its own way, and writes down what it is sent. */
const SCRIPT = `
  import { appendFileSync } from 'node:fs';
  import { createInterface } from 'node:readline';
  const tools = [{ name: 'echo', inputSchema: { type: 'object' } }];
  const serverInfo = { name: 'odd', version: '1.0.0' };
  createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method, params } = JSON.parse(line);
    appendFileSync('heard', method + '\\n');
    const answer = (body) => console.log(JSON.stringify({ jsonrpc: '2.0', id, ...body }));
    if (method === 'initialize') {
      answer({ result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo } });
    } else if (method === 'tools/list') answer({ result: { tools } });
    else if (method === 'tools/call') answer({ result: { content: [{ type: 'text', text: params.arguments.text }] } });
    else if (id !== undefined && process.env.CODE !== 'silent') {
      const data = { supported: ['2030-01-01'], requested: '2026-07-28' };
      answer({ error: { code: Number(process.env.CODE), message: 'no', data } });
    }
  });`;

const heardIn = (folder: string) => readFileSync(join(folder, 'heard'), 'utf8');

describe('a process that answers the first question of the gateway', () => {
  test.each(['-32601', '-32602', '-32000', '1', 'silent'])(
    'with the error %s is of the legacy era, and is begun with initialize [R64]',
    async (code) => {
      await using folder = await folderWith({ 'odd.mjs': SCRIPT });
      const entry = { command: process.execPath, args: ['odd.mjs'], cwd: folder.path, env: { CODE: code } };
      await using gateway = await startGateway({ mcpServers: { crm: entry } });
      expect(gateway.gateway.status().downstreams.crm).toMatchObject({ state: 'ready', era: 'legacy' });
      expect(await echo(gateway)).toBe('hello');
      expect(heardIn(folder.path).split('\n').slice(0, 2)).toEqual(['server/discover', 'initialize']);
    },
  );

  test('with an error of the modern era is not begun with initialize [R64]', async () => {
    await using folder = await folderWith({ 'odd.mjs': SCRIPT });
    const entry = { command: process.execPath, args: ['odd.mjs'], cwd: folder.path, env: { CODE: '-32022' } };
    await using gateway = await startGateway({ mcpServers: { crm: entry } });
    expect(gateway.gateway.status().downstreams.crm).toMatchObject({
      state: 'down',
      why: 'it speaks no version of MCP that is spoken here',
    });
    expect(heardIn(folder.path)).not.toContain('initialize');
  });
});

/** A server of the modern era alone that takes six seconds to begin, as one does that is downloaded first. */
const SLOW_SCRIPT = `
  import { createInterface } from 'node:readline';
  const lines = createInterface({ input: process.stdin });
  const cache = { resultType: 'complete', ttlMs: 60000, cacheScope: 'private' };
  const answers = {
    'server/discover': { ...cache, supportedVersions: ['2026-07-28'], capabilities: { tools: {} } },
    'tools/list': { ...cache, tools: [{ name: 'echo', inputSchema: { type: 'object' } }] },
    'tools/call': { resultType: 'complete', content: [{ type: 'text', text: 'hello' }] },
  };
  const begun = new Promise((resolve) => setTimeout(resolve, 6000));
  lines.on('line', async (line) => {
    const { id, method, params } = JSON.parse(line);
    await begun;
    if (id === undefined) return;
    const data = { supported: ['2026-07-28'], requested: String(params?.protocolVersion) };
    const body = method in answers
      ? { result: answers[method] }
      : { error: { code: -32022, message: 'Unsupported protocol version', data } };
    console.log(JSON.stringify({ jsonrpc: '2.0', id, ...body }));
  });`;

test('a process of the modern era that is slow to begin is not taken for one of the other [R47] [R64]', async () => {
  await using folder = await folderWith({ 'slow.mjs': SLOW_SCRIPT });
  const entry = { command: process.execPath, args: ['slow.mjs'], cwd: folder.path };
  await using gateway = await startGateway({ mcpServers: { crm: entry } });
  expect(gateway.gateway.status().downstreams.crm).toMatchObject({ state: 'ready', era: 'modern' });
  expect(await echo(gateway)).toBe('hello');
});

test('a process that puts a byte order mark before what it says first is heard at once [R47]', async () => {
  const marked = `process.stdout.write('\\uFEFF');${SLOW_SCRIPT.replace(', 6000)', ', 0)')}`;
  await using folder = await folderWith({ 'marked.mjs': marked });
  const entry = { command: process.execPath, args: ['marked.mjs'], cwd: folder.path };
  await using gateway = await startGateway({ mcpServers: { crm: entry } });
  expect(gateway.gateway.status().downstreams.crm).toMatchObject({ state: 'ready', era: 'modern' });
  expect(await echo(gateway)).toBe('hello');
});

describe('a server of the legacy era', () => {
  test.each(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'] as const)(
    'of %s is told that it is initialized before anything else, and its version and session with all that follows [R156] [R163]',
    async (version) => {
      await using crm = await plainServer({ era: 'legacy', version, sessions: true });
      await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
      expect(await echo(gateway)).toBe('hello');
      const all = methodsOf(crm);
      const after = crm.requests.slice(all.indexOf('initialize'));
      expect(methodsOf({ requests: after }).slice(0, 2)).toEqual(['initialize', 'notifications/initialized']);
      expect(after[0]?.headers).not.toHaveProperty('mcp-session-id');
      for (const { headers, body } of after.slice(1)) {
        const method = (body as Message | undefined)?.method;
        expect(headers['mcp-protocol-version'], method).toBe(version);
        expect(crm.sessions, method).toContain(headers['mcp-session-id']);
        expect(headers, method).not.toHaveProperty('mcp-method');
      }
      // Nothing that it did not offer was asked for.
      const asked = new Set(methodsOf({ requests: after }));
      for (const method of ['prompts/list', 'resources/list', 'logging/setLevel'])
        expect(asked).not.toContain(method);
    },
  );

  test('that speaks a version which the gateway does not know is not used [R156]', async () => {
    await using crm = await plainServer({ era: 'legacy', version: '2023-01-01' as '2024-11-05' });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    expect(gateway.gateway.status().downstreams.crm?.state).toBe('down');
    expect(methodsOf(crm)).not.toContain('tools/list');
  });

  test('that does not answer initialize is left, and hears of no cancellation [R158]', async () => {
    await using crm = await plainServer({
      era: 'legacy',
      answers: { initialize: ({ res }) => new Promise((resolve) => res.on('close', resolve)) },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } }, { settle: false });
    await expect.poll(() => methodsOf(crm)).toContain('initialize');
    // It is given 10 s.
    await gateway.gateway.attempted;
    expect(gateway.gateway.status().downstreams.crm?.state).toBe('down');
    await expect.poll(() => crm.requests.some(({ closedEarly }) => closedEarly)).toBe(true);
    expect(crm.cancellations).toEqual([]);
  });

  test('gets its session back when the gateway ends [R151]', async () => {
    await using plain = await plainServer({ era: 'legacy', sessions: true });
    await using sdk = await legacyServer({ sessions: true, json: true });
    {
      await using gateway = await startGateway({ mcpServers: { crm: plain.entry(), sdk: sdk.entry() } });
      expect(await echo(gateway)).toBe('hello');
      expect([plain.sessions.size, sdk.sessions.length]).toEqual([1, 1]);
    }
    expect([plain.sessions.size, sdk.sessions.length]).toEqual([0, 0]);
  });

  test('that has tasks of that era does not make the gateway promise them [R160]', async () => {
    const tasks = { list: {}, cancel: {}, requests: { tools: { call: {} } } };
    await using crm = await plainServer({
      era: 'legacy',
      json: true,
      answers: {
        initialize: (given) =>
          given.result({
            protocolVersion: '2025-11-25',
            capabilities: { tools: {}, tasks },
            serverInfo: { name: 'x', version: '1' },
          }),
      },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const client = await gateway.connect({ era: 'v1' });
    expect(client.getServerCapabilities()).not.toHaveProperty('tasks');
    await client.callTool({ ...ECHO, task: { ttl: 1000 } } as typeof ECHO);
    const [call] = requestsOf(crm, 'tools/call');
    expect((call?.body as Message | undefined)?.params).not.toHaveProperty('task');
  });

  test('that wants a tool called as a task of that era does not have it offered to who could only be refused [R178]', async () => {
    const tools = ['required', 'optional', 'forbidden'].map((taskSupport) => ({
      name: taskSupport,
      inputSchema: { type: 'object' },
      execution: { taskSupport },
    }));
    const capabilities = { tools: {}, tasks: { requests: { tools: { call: {} } } } };
    await using crm = await plainServer({ era: 'legacy', json: true, tools, capabilities });
    // Without the capability it is called like any other.
    await using hr = await plainServer({ era: 'legacy', json: true, tools });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry(), hr: hr.entry() } });
    const { messages } = await gateway.post(...modernRequest('tools/list'));
    expect(messages[0]?.result.tools.map(({ name }: { name: string }) => name)).toEqual([
      'crm__forbidden',
      'crm__optional',
      'hr__forbidden',
      'hr__optional',
      'hr__required',
    ]);
    expect(gateway.logs.join()).toContain('it can be called only as a task of 2025-11-25');
  });
});

test('an extension whose name has no prefix is none, whoever names it [R169]', async () => {
  const offered = { maps: {}, 'com.example/maps': {}, 'com.example/': {} };
  await using crm = await plainServer({
    era: 'modern',
    json: true,
    answers: {
      'server/discover': (given) =>
        given.result({
          resultType: 'complete',
          supportedVersions: ['2026-07-28'],
          capabilities: { tools: {}, extensions: offered },
          ttlMs: 0,
          cacheScope: 'private',
        }),
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const { capabilities } = (await gateway.post(...modernRequest('server/discover'))).json.result;
  expect(capabilities.extensions).toEqual({ 'com.example/maps': {} });
  const key = 'io.modelcontextprotocol/clientCapabilities';
  await gateway.post(...modernRequest('tools/call', { ...ECHO, _meta: { [key]: { extensions: offered } } }));
  expect(crm.calls[0]?.meta).toMatchObject({ [key]: { extensions: { 'com.example/maps': {} } } });
});

test('a server that asks for credentials of its own is not helped to them, least of all elsewhere [R138]', async () => {
  await using elsewhere = await plainServer({ era: 'modern' });
  const origin = new URL(elsewhere.url).origin;
  await using crm = await plainServer({
    era: 'modern',
    answers: {
      'tools/call echo': answersStatus(401, {
        headers: { 'www-authenticate': `Bearer resource_metadata="${origin}/mcp"` },
      }),
    },
  });
  await using refusing = await plainServer({
    era: 'modern',
    answers: {
      'server/discover': answersStatus(401, {
        headers: { 'www-authenticate': `Bearer resource_metadata="${origin}/mcp"` },
      }),
    },
  });
  const headers = { 'X-API-KEY': 'canary-secret' };
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry({ headers }), refusing: refusing.entry({ headers }) },
  });
  expect(await echo(gateway)).toContain('credentials');
  expect(gateway.gateway.status().downstreams.refusing?.state).toBe('down');
  expect(elsewhere.requests).toEqual([]);
  // Nor is it asked where they are to be had.
  for (const { url } of [...crm.requests, ...refusing.requests]) expect(url).toBe('/mcp');
});
