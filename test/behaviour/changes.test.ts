import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, test } from 'vitest';
import { findWith, mirroringServer } from '../support/downstreams/changing.ts';
import { type HttpDownstream, requestsOf, serveDownstream } from '../support/downstreams/downstream.ts';
import { expiringServer } from '../support/downstreams/expiring.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { sendJson } from '../support/http-server.ts';
import type { Message } from '../support/messages.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';

const tool = (name: string) => ({ name, inputSchema: { type: 'object' as const } });

const listings = (server: HttpDownstream) => requestsOf(server, 'tools/list').length;

async function names(gateway: RunningGateway): Promise<string[]> {
  const { result } = (await gateway.post(...modernRequest('tools/list'))).json;
  return result.tools.map(({ name }: { name: string }) => name);
}

/** What the test lets a server list, and what the server does once it has answered a listing. */
interface Script {
  tools: ReturnType<typeof tool>[];
  ttlMs?: number;
  afterList?: () => void;
}

/** A server that says when its tools have changed, on a stream that the gateway holds open. */
interface Announcing extends HttpDownstream {
  announce(): void;
  /** How many streams are open just now. */
  readonly streams: number;
  cutStreams(): void;
}

async function announcingModern(script: Script): Promise<Announcing> {
  const streams = new Map<ServerResponse, () => void>();
  const complete = { resultType: 'complete', cacheScope: 'private' };
  const downstream = await plainServer({
    era: 'modern',
    answers: {
      'server/discover': ({ result }) =>
        result({
          ...complete,
          supportedVersions: ['2026-07-28'],
          capabilities: { tools: { listChanged: true } },
          ttlMs: 0,
        }),
      'tools/list': ({ result, res }) => {
        res.on('finish', () => script.afterList?.());
        result({ ...complete, tools: script.tools, ttlMs: script.ttlMs ?? 600_000 });
      },
      'subscriptions/listen'({ message, res, stream }) {
        const { send } = stream();
        const _meta = { 'io.modelcontextprotocol/subscriptionId': message.id };
        const notifications = { toolsListChanged: true };
        send({ method: 'notifications/subscriptions/acknowledged', params: { _meta, notifications } });
        streams.set(res, () => send({ method: 'notifications/tools/list_changed', params: { _meta } }));
        res.on('close', () => streams.delete(res));
      },
    },
  });
  return {
    ...downstream,
    announce: () => {
      for (const say of streams.values()) say();
    },
    get streams() {
      return streams.size;
    },
    cutStreams() {
      for (const res of streams.keys()) res.destroy();
    },
  };
}

/** On SDK v1, as most servers in the wild are: notices go over the stream of a GET. */
async function announcingLegacy(script: Script): Promise<Announcing> {
  const streams = new Set<ServerResponse>();
  const sessions = new Map<string, { server: Server; transport: StreamableHTTPServerTransport }>();
  const downstream = await serveDownstream({
    calls: [],
    async handler({ method, headers, body }, req, res) {
      if (method === 'GET') {
        streams.add(res);
        res.on('close', () => streams.delete(res));
      }
      if ((body as Message | undefined)?.method === 'tools/list')
        res.on('finish', () => script.afterList?.());
      const known = sessions.get(String(headers['mcp-session-id']));
      if (known !== undefined) return known.transport.handleRequest(req, res, body);
      const server = new Server(
        { name: 'announcing', version: '1' },
        { capabilities: { tools: { listChanged: true } } },
      );
      server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [...script.tools] }));
      const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => void sessions.set(id, { server, transport }),
      });
      // SDK v1 declares its own transport with optional fields that exactOptionalPropertyTypes tells apart.
      await server.connect(transport as Parameters<Server['connect']>[0]);
      await transport.handleRequest(req, res, body);
    },
  });
  return {
    ...downstream,
    announce() {
      for (const { server } of sessions.values()) void server.sendToolListChanged();
    },
    get streams() {
      return streams.size;
    },
    cutStreams() {
      for (const res of streams) res.destroy();
    },
  };
}

describe.each([
  ['modern', announcingModern],
  ['legacy', announcingLegacy],
] as const)('a %s server', (_era, serve) => {
  test('that announces a change is listed again, no other is, and callers see what came [R120]', async () => {
    const script = { tools: [tool('a')] };
    await using crm = await serve(script);
    await using notes = await serve({ tools: [tool('n')] });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry(), notes: notes.entry() } });
    await expect.poll(() => crm.streams).toBe(1);
    expect(await names(gateway)).toEqual(['crm__a', 'notes__n']);
    script.tools = [tool('b'), tool('a')];
    crm.announce();
    await expect.poll(() => names(gateway)).toEqual(['crm__a', 'crm__b', 'notes__n']);
    expect([listings(crm), listings(notes)]).toEqual([2, 1]);
  });

  test('that announces what is no change leaves the catalog and its bytes as they are', async () => {
    await using crm = await serve({ tools: [tool('a')] });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    await expect.poll(() => crm.streams).toBe(1);
    const lists = async () => [
      (await gateway.post(...modernRequest('tools/list'))).text,
      (await gateway.post(...legacyRequest('tools/list'))).text,
    ];
    const before = [gateway.gateway.catalog, await lists()];
    const announcedBefore = listings(crm);
    crm.announce();
    await expect.poll(() => listings(crm)).toBe(announcedBefore + 1);
    // One more, so that the first has been dealt with.
    crm.announce();
    await expect.poll(() => listings(crm)).toBe(announcedBefore + 2);
    expect(gateway.gateway.catalog).toBe(before[0]);
    expect(await lists()).toEqual(before[1]);
  });

  test('that announces twenty changes in a burst is listed a few times, and the last is not missed', async () => {
    const script = { tools: [tool('a')] };
    await using crm = await serve(script);
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    await expect.poll(() => crm.streams).toBe(1);
    for (let i = 1; i <= 20; i++) {
      script.tools = [tool(`a${i}`)];
      crm.announce();
    }
    await expect.poll(() => names(gateway)).toEqual(['crm__a20']);
    // Nothing to wait for: whatever would come of the burst has this long.
    await sleep(1000);
    expect(listings(crm)).toBeLessThanOrEqual(4);
  });

  test('that announces a change after each of its lists is asked ever more slowly', async () => {
    const script: Script = { tools: [tool('a')] };
    await using crm = await serve(script);
    script.afterList = () => crm.announce();
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    await expect.poll(() => crm.streams).toBe(1);
    crm.announce();
    await expect.poll(() => listings(crm)).toBeGreaterThan(2);
    await sleep(3000);
    expect(listings(crm)).toBeLessThanOrEqual(7);
    expect(await names(gateway)).toEqual(['crm__a']);
  });
});

test('a server whose stream of notices is cut is listed again when its list expires', async () => {
  const script = { tools: [tool('a')], ttlMs: 1000 };
  await using crm = await announcingModern(script);
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  await expect.poll(() => crm.streams).toBe(1);
  const connects = () => gateway.logs.filter((line) => line.includes('"downstream_ready"')).length;
  crm.cutStreams();
  await expect.poll(() => crm.streams).toBe(0);
  script.tools = [tool('b')];
  await expect.poll(() => names(gateway)).toEqual(['crm__b']);
  expect(connects()).toBe(1);
});

test.each([
  ['nothing', {}],
  ['something', { elicitation: { form: {} } }],
] as const)(
  'a legacy server without a stream of its own says on those of calls what has changed, also where the caller can be asked %s [R120]',
  async (_what, capabilities) => {
    let name = 'a';
    await using crm = await plainServer({
      era: 'legacy',
      capabilities: { tools: { listChanged: true }, resources: { subscribe: true } },
      answers: {
        'tools/list': ({ result }) => result({ tools: [tool(name)] }),
        'resources/list': ({ result }) => result({ resources: [{ uri: 'test://a', name: 'a' }] }),
        'resources/subscribe': ({ result }) => result({}),
        'tools/call a'({ stream }) {
          name = 'b';
          const events = stream();
          events.send({ method: 'notifications/resources/updated', params: { uri: 'test://a' } });
          events.send({ method: 'notifications/resources/updated', params: { uri: 7 } });
          events.send({ method: 'notifications/tools/list_changed' });
          events.result({ content: [] });
        },
      },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const heard: string[] = [];
    const caller = await gateway.connect({ era: 'legacy', capabilities });
    caller.setNotificationHandler(
      'notifications/resources/updated',
      ({ params }) => void heard.push(params.uri),
    );
    await caller.subscribeResource({ uri: 'test://a' });
    await caller.callTool({ name: 'crm__a', arguments: {} });
    await expect.poll(() => heard).toEqual(['test://a']);
    await expect.poll(() => names(gateway)).toEqual(['crm__b']);
  },
);

test('a list that expires is asked for again, of that server only, and callers see what came', async () => {
  await using crm = await expiringServer([tool('a')]);
  await using notes = await plainServer({ era: 'modern', tools: [tool('n')] });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry(), notes: notes.entry() } });
  const before = gateway.gateway.catalog;
  await expect.poll(() => listings(crm)).toBeGreaterThan(2);
  // The same list again: nothing was made anew.
  expect(gateway.gateway.catalog).toBe(before);
  crm.tools = [tool('a'), tool('b')];
  await expect.poll(() => names(gateway)).toEqual(['crm__a', 'crm__b', 'notes__n']);
  expect(listings(notes)).toBe(1);
});

test('the list says how long it is fresh: as long as the freshest of them, and a minute at most [R114] [R116]', async () => {
  const ttlServer = (ttlMs: number) =>
    plainServer({
      era: 'modern',
      answers: {
        'tools/list': ({ result }) => result({ resultType: 'complete', tools: [tool('a')], ttlMs }),
      },
    });
  await using short = await ttlServer(20_000);
  await using long = await ttlServer(900_000);
  await using both = await startGateway({ mcpServers: { short: short.entry(), long: long.entry() } });
  await using one = await startGateway({ mcpServers: { long: long.entry() } });
  const list = async (gateway: typeof both) =>
    (await gateway.post(...modernRequest('tools/list'))).json.result;
  expect(await list(both)).toMatchObject({ ttlMs: 20_000, cacheScope: 'private' });
  expect(await list(one)).toMatchObject({ ttlMs: 60_000, cacheScope: 'private' });
});

test('times that are no whole number of milliseconds keep no caller from lists and resources [R114]', async () => {
  const uris = ['test://below', 'test://half', 'test://text', 'test://good'];
  const times = [-1, 0.5, '60', 600];
  await using crm = await plainServer({
    era: 'modern',
    capabilities: { tools: {}, resources: {} },
    answers: {
      'tools/list': ({ result }) => result({ resultType: 'complete', tools: [tool('a')], ttlMs: 1500.5 }),
      'resources/list': ({ result }) =>
        result({ resultType: 'complete', resources: uris.map((uri) => ({ uri, name: uri })) }),
      'resources/read'({ message, result }) {
        const { uri } = message.params;
        const ttlMs = times[uris.indexOf(uri)];
        result({ resultType: 'complete', contents: [{ uri, text: 'read' }], ttlMs });
      },
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const caller = await gateway.connect({ era: 'modern' });
  expect((await caller.listTools()).tools).toHaveLength(1);
  const { result } = (await gateway.post(...modernRequest('resources/list'))).json;
  expect(result.ttlMs).toBe(1500);
  for (const uri of uris) expect((await caller.readResource({ uri })).contents).toHaveLength(1);
  const read = await gateway.post(...modernRequest('resources/read', { uri: 'test://good' }));
  expect(read.messages.at(-1)?.result.ttlMs).toBe(600);
});

test('the list is the same whichever server comes up first', async () => {
  const texts: string[] = [];
  for (const slow of ['z', 'a']) {
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const late = (key: string, tools: object[]) =>
      plainServer({
        era: 'legacy',
        answers: {
          async 'tools/list'({ result }) {
            if (key === slow) await opened;
            result({ tools });
          },
        },
      });
    await using z = await late('z', [tool('y'), tool('x')]);
    await using a = await late('a', [tool('w'), tool('v')]);
    await using gateway = await startGateway(
      { mcpServers: { z: z.entry(), a: a.entry() } },
      { settle: false },
    );
    const fast = slow === 'z' ? 'a' : 'z';
    await expect.poll(() => gateway.gateway.status().downstreams[fast]?.state).toBe('ready');
    open();
    await gateway.gateway.attempted;
    expect(await names(gateway)).toEqual(['z__x', 'z__y', 'a__v', 'a__w']);
    texts.push((await gateway.post(...modernRequest('tools/list'))).text);
  }
  expect(texts[0]).toBe(texts[1]);
});

test('a server whose tool wants other headers now is listed again, and the call sent once more with these [R55]', async () => {
  await using server = await mirroringServer('Region');
  await using gateway = await startGateway({ mcpServers: { crm: server.entry({ joinRepeats: false }) } });
  const call = async () => (await gateway.post(...findWith(['Region', 'Country']))).messages[0];
  expect((await call())?.result.content[0].text).toBe('Region');
  expect(listings(server)).toBe(1);

  // A list that was read a moment ago is not read again.
  await sleep(1100);
  server.want('Country');
  const answers = await Promise.all([call(), call(), call()]);
  expect(answers.map((answer) => answer?.result.content[0].text)).toEqual(Array(3).fill('Country'));
  expect(listings(server)).toBe(2);
  expect(server.ran).toHaveLength(4);
});

test.each([
  ['with the id of the call', (id: unknown) => id],
  ['with the id null', () => null],
])(
  'a server that refuses the headers its own list asks for, %s, is told of as it is, and is not asked without end',
  async (_how, idOf) => {
    await using server = await plainServer({
      era: 'modern',
      answers: {
        'tools/call echo': ({ message, res }) =>
          sendJson(res, 400, {
            ...{ jsonrpc: '2.0', id: idOf(message.id) },
            error: { code: -32020, message: 'Header mismatch' },
          }),
      },
    });
    await using gateway = await startGateway({ mcpServers: { crm: server.entry() } });
    for (let i = 0; i < 3; i++) {
      const params = { name: 'crm__echo', arguments: { text: 'x' } };
      const { messages } = await gateway.post(...modernRequest('tools/call', params));
      expect(messages[0]?.result).toMatchObject({
        isError: true,
        content: [{ text: expect.stringContaining('Its tools may have changed.') }],
        _meta: { 'mcp-switchboard/failure': { reason: 'headers_refused', mayHaveRun: false } },
      });
    }
    const methods = server.requests.map(({ body }) => (body as Message).method);
    expect(methods.filter((method) => method === 'tools/call')).toHaveLength(3);
    expect(listings(server)).toBe(1);
  },
);
