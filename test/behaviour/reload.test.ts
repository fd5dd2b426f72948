import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { createGateway } from '../../src/gateway.ts';
import { createLog, createSecrets } from '../../src/log.ts';
import { deferred } from '../../src/promises.ts';
import { legacyChanging, modernChanging } from '../support/downstreams/changing.ts';
import { type HttpDownstream, requestsOf, type ServerEntry } from '../support/downstreams/downstream.ts';
import { legacyServer as firstGeneration } from '../support/downstreams/legacy.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { type StdioDownstream, stdioServer } from '../support/downstreams/stdio.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { legacyRequest, type Message, modernRequest } from '../support/messages.ts';
import { refusingPort } from '../support/refusing-port.ts';
import { catalogFolder } from '../support/temporary-folder.ts';
import { open } from '../support/wire-client.ts';

const tool = (name: string) => ({ name, inputSchema: { type: 'object' } });
const legacyServer = (...tools: string[]) =>
  plainServer({
    era: 'legacy',
    sessions: true,
    json: true,
    ...(tools.length > 0 && { tools: tools.map(tool) }),
  });

type Server = Promise<HttpDownstream> | StdioDownstream;
const begun = (server: HttpDownstream | StdioDownstream) =>
  'calls' in server
    ? server.calls.length
    : server.events.filter((each) => each.event === 'received' && each.message.method === 'tools/call')
        .length;

async function names(gateway: RunningGateway): Promise<string[]> {
  const { result } = (await gateway.post(...modernRequest('tools/list'))).json;
  return result.tools.map(({ name }: { name: string }) => name);
}

async function call(gateway: RunningGateway, name: string, args: object = { text: 'hello' }) {
  const { json } = await gateway.post(...modernRequest('tools/call', { name, arguments: args }));
  return json.error?.message ?? json.result.content[0].text;
}

const slowly = (gateway: RunningGateway, name: string, ms: number) => call(gateway, name, { ms });

describe('another configuration', () => {
  test('leaves the connections and lists of servers alone that are the same in it', async () => {
    await using crm = await legacyServer();
    await using other = await legacyServer('a');
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry(), other: other.entry() } });
    const before = crm.requests.length;
    const changes = await gateway.reload({
      mcpServers: { crm: crm.entry() },
      limits: { maxRequestBytes: 2048 },
    });
    expect(changes).toEqual({
      ...{
        added: [],
        removed: ['other'],
        reconnected: [],
        reshaped: [],
        settings: ['limits'],
        nextStart: [],
      },
    });
    expect(await call(gateway, 'crm__echo')).toBe('hello');
    expect(crm.requests.slice(before).map(({ body }) => (body as Message).method)).toEqual(['tools/call']);
    const [body, headers] = modernRequest('tools/call', {
      name: 'crm__echo',
      arguments: { text: 'x'.repeat(2048) },
    });
    expect((await gateway.post(body, headers)).status).toBe(413);
  });

  test('that shapes a server otherwise is seen at once, over the same connection', async () => {
    await using crm = await legacyServer();
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const before = crm.requests.length;
    const { reshaped, reconnected } = await gateway.reload({
      mcpServers: { crm: crm.entry({ prefix: 'c_', tools: { include: ['echo'] } }) },
    });
    expect([reshaped, reconnected]).toEqual([['crm'], []]);
    expect(await names(gateway)).toEqual(['c_echo']);
    expect(await call(gateway, 'c_echo')).toBe('hello');
    expect(await call(gateway, 'crm__echo')).toBe('Unknown tool: crm__echo');
    expect(crm.requests.slice(before).map(({ body }) => (body as Message).method)).toEqual(['tools/call']);
  });

  test('with other headers for a server connects anew first, and lets what runs finish', async () => {
    const held = deferred<void>();
    await using crm = await plainServer({
      ...{ era: 'legacy', sessions: true, json: true },
      answers: { 'tools/call slow': ({ usual }) => held.promise.then(usual) },
    });
    const entry = (key: string) => ({ mcpServers: { crm: crm.entry({ headers: { 'X-API-KEY': key } }) } });
    await using gateway = await startGateway(entry('first'));
    const running = slowly(gateway, 'crm__slow', 0);
    await expect.poll(() => requestsOf(crm, 'tools/call').length).toBe(1);
    const [old] = crm.sessions;
    const lost: string[] = [];
    let isOver = false;
    const callers = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!isOver) {
          const text = await call(gateway, 'crm__echo');
          if (text !== 'hello') lost.push(text);
        }
      }),
    );
    expect((await gateway.reload(entry('second'))).reconnected).toEqual(['crm']);
    isOver = true;
    await callers;
    expect(lost).toEqual([]);
    expect(crm.requests.at(-1)?.headers['x-api-key']).toBeDefined();
    expect(await call(gateway, 'crm__echo')).toBe('hello');
    expect(crm.requests.at(-1)?.headers['x-api-key']).toBe('second');
    expect(crm.sessions.has(String(old))).toBe(true);
    held.resolve();
    expect(await running).toBe('waited 0 ms');
    // Its session is given back when the last call on it has its answer.
    await expect.poll(() => crm.sessions.size).toBe(1);
    expect(crm.sessions.has(String(old))).toBe(false);
  });

  test('with other headers for a server that fails at first: who can be asked calls it with the new ones as well', async () => {
    let fails = false;
    await using crm = await plainServer({
      ...{ era: 'legacy', sessions: true, json: true },
      answers: {
        async initialize(given) {
          if (fails) given.res.writeHead(500).end();
          else await given.usual();
        },
      },
    });
    const entry = (key: string) => ({ mcpServers: { crm: crm.entry({ headers: { 'X-API-KEY': key } }) } });
    await using gateway = await startGateway(entry('first'));
    const caller = await gateway.connect({ era: 'legacy', capabilities: { elicitation: { form: {} } } });
    let n = 0;
    const keyOfCall = async () => {
      await caller.callTool({ name: 'crm__echo', arguments: { text: `${++n}` } });
      return crm.requests.at(-1)?.headers['x-api-key'];
    };
    expect(await keyOfCall()).toBe('first');
    fails = true;
    await gateway.reload(entry('second'));
    fails = false;
    await expect.poll(() => gateway.gateway.status().downstreams.crm?.state).toBe('ready');
    expect(await keyOfCall()).toBe('second');
  });

  test('with a server moved to where nobody answers says so, and comes back with the next one', async () => {
    await using crm = await legacyServer();
    await using dead = await refusingPort();
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    await gateway.reload({ mcpServers: { crm: { url: `http://127.0.0.1:${dead.port}/mcp` } } });
    await expect
      .poll(() => gateway.gateway.status().downstreams.crm)
      .toMatchObject({ state: 'down', why: 'connection refused' });
    expect(await names(gateway)).toContain('crm__echo');
    await gateway.reload({ mcpServers: { crm: crm.entry() } });
    // Not after the pause that has begun by then.
    expect(await call(gateway, 'crm__echo')).toBe('hello');
  });

  test('whose server is connected to twice, since the old one went meanwhile: that is told what is watched', async () => {
    const watching = (answers: Parameters<typeof plainServer>[0]['answers'] = {}) =>
      plainServer({
        ...{ era: 'legacy', sessions: true },
        capabilities: { tools: {}, resources: { subscribe: true } },
        answers: {
          'resources/list': ({ result }) => result({ resources: [{ uri: 'test://a', name: 'a' }] }),
          'resources/subscribe': ({ result }) => result({}),
          ...answers,
        },
      });
    let begin = () => {};
    const held = new Promise<void>((resolve) => {
      begin = resolve;
    });
    let handshakes = 0;
    await using fresh = await watching({
      initialize: async (given) => {
        if (++handshakes === 1) await held;
        return given.usual();
      },
    });
    const old = await watching();
    await using gateway = await startGateway({ mcpServers: { crm: old.entry() } });
    const reload = gateway.reload({ mcpServers: { crm: fresh.entry() } });
    await expect.poll(() => handshakes).toBe(1);
    await old[Symbol.asyncDispose]();
    // It finds that out.
    expect(await call(gateway, 'crm__echo')).toBe('hello');
    begin();
    await reload;
    expect(handshakes).toBe(2);
    const client = await gateway.connect({ era: 'legacy' });
    await client.subscribeResource({ uri: 'test://a' });
    const told = requestsOf(fresh, 'resources/subscribe');
    expect(told).toHaveLength(1);
  });

  test('without a server: its calls finish, and the next one hears that there is no such tool', async () => {
    await using crm = await legacyServer();
    await using other = await legacyServer('a');
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry(), other: other.entry() } });
    const running = slowly(gateway, 'crm__slow', 500);
    await expect.poll(() => crm.calls.length).toBe(1);
    await gateway.reload({ mcpServers: { other: other.entry() } });
    expect(await names(gateway)).toEqual(['other__a']);
    expect(await call(gateway, 'crm__echo')).toBe('Unknown tool: crm__echo');
    expect(gateway.gateway.status().downstreams).not.toHaveProperty('crm');
    expect(await running).toBe('waited 500 ms');
    await expect.poll(() => crm.sessions.size).toBe(0);
  });

  test.each<[string, () => Server]>([
    ['over HTTP', () => legacyServer()],
    ['that ends its streams with the session', () => firstGeneration({ sessions: true, json: false })],
    ['of the modern era', () => plainServer({ era: 'modern' })],
    ['on stdio', () => stdioServer('v1')],
  ])('without a server %s whose call does not end: it is given drainMs', async (_which, start) => {
    await using crm = await start();
    await using other = await legacyServer('a');
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry(), other: other.entry() } });
    const running = slowly(gateway, 'crm__slow', 60_000);
    await expect.poll(() => begun(crm)).toBe(1);
    await gateway.reload({ mcpServers: { other: other.entry() }, drainMs: 200 });
    expect(await running).toBe(
      '"crm" did not answer before drainMs was over: its entry was removed, or this gateway stopped, or replaced its processes. The call may have run: check before repeating it.',
    );
    const [line] = gateway.logs.filter((each) => each.includes('"event":"call_failed"'));
    expect(JSON.parse(line ?? '')).not.toHaveProperty('err');
  });

  test('without a server that wanted a call to come again in a moment: it does', async () => {
    let calls = 0;
    await using crm = await plainServer({
      era: 'modern',
      tools: [tool('limited')],
      answers: {
        'tools/call limited'(given) {
          if (++calls === 1) return void given.res.writeHead(429, { 'retry-after': '1' }).end();
          given.result({ resultType: 'complete', content: [{ type: 'text', text: 'done' }] });
        },
      },
    });
    await using other = await legacyServer('a');
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry(), other: other.entry() } });
    const running = call(gateway, 'crm__limited');
    await expect.poll(() => calls).toBe(1);
    await gateway.reload({ mcpServers: { other: other.entry() } });
    expect(await running).toBe('done');
  });

  test('without a server whose question is being answered: the call goes on with it', async () => {
    const params = { message: 'Which?', requestedSchema: { type: 'object', properties: {} } };
    const inputRequests = { q: { method: 'elicitation/create', params } };
    await using crm = await plainServer({
      era: 'modern',
      tools: [tool('ask')],
      answers: {
        'tools/call ask'(given) {
          if (given.message.params.inputResponses === undefined)
            return given.result({ resultType: 'input_required', inputRequests });
          given.result({ resultType: 'complete', content: [{ type: 'text', text: 'answered' }] });
        },
      },
    });
    await using other = await legacyServer('a');
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry(), other: other.entry() } });
    const client = await gateway.connect({ era: 'legacy', capabilities: { elicitation: { form: {} } } });
    const asked = deferred<void>();
    const answered = deferred<void>();
    client.setRequestHandler('elicitation/create', async () => {
      asked.resolve();
      await answered.promise;
      return { action: 'accept', content: {} };
    });
    const running = client.callTool({ name: 'crm__ask', arguments: {} });
    await asked.promise;
    await gateway.reload({ mcpServers: { other: other.entry() } });
    // As long as what has nothing to wait for takes to be closed.
    await new Promise((resolve) => setTimeout(resolve, 300));
    answered.resolve();
    expect((await running).content).toEqual([{ type: 'text', text: 'answered' }]);
  });

  test('with a new server has its tools when it is in force', async () => {
    await using crm = await legacyServer('a');
    await using fresh = await legacyServer('b');
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    expect((await gateway.reload({ mcpServers: { crm: crm.entry(), fresh: fresh.entry() } })).added).toEqual([
      'fresh',
    ]);
    expect(await names(gateway)).toEqual(['crm__a', 'fresh__b']);
  });

  test('that comes while the first lists do, with a server that is silent: who asks first is given those lists', async () => {
    const answered = deferred<void>();
    await using crm = await plainServer({
      era: 'modern',
      tools: [tool('a')],
      answers: {
        async 'server/discover'(given) {
          await answered.promise;
          await given.usual();
        },
      },
    });
    await using silent = await plainServer({ era: 'modern', answers: { 'server/discover': () => {} } });
    const servers = { crm: crm.entry() };
    await using gateway = await startGateway({ mcpServers: servers }, { settle: false });
    const first = names(gateway);
    const reload = gateway.reload({ mcpServers: { ...servers, silent: silent.entry() } });
    await expect.poll(() => silent.requests.length).toBe(1);
    answered.resolve();
    expect(await first).toEqual(['crm__a']);
    await reload;
    expect(await names(gateway)).toEqual(['crm__a']);
  });

  test('that comes before the start is connected to, although the start comes while it is read', async () => {
    await using crm = await legacyServer('a');
    await using fresh = await legacyServer('b');
    await using kept = await catalogFolder();
    const config = (name: string, entries: Record<string, ServerEntry>) =>
      writeFile(join(kept.path, name), JSON.stringify({ mcpServers: entries })).then(() =>
        loadConfig({ path: join(kept.path, name), env: {} }),
      );
    const first = await config('one.json', { crm: crm.entry() });
    const log = createLog({ level: 'silent', secrets: createSecrets([]), destination: { write: () => {} } });
    const gateway = createGateway(first, { log, token: 'test-token-of-the-caller' });
    // Another place for the lists: the earlier one is closed first.
    const reload = gateway.reload(await config('two.json', { crm: crm.entry(), fresh: fresh.entry() }));
    await Promise.resolve();
    await Promise.resolve();
    gateway.start();
    await reload;
    await expect.poll(() => gateway.status().downstreams.fresh?.state).toBe('ready');
    await gateway.close();
  });

  test('is told to who listens, once, and only where what it is shown differs', async () => {
    await using crm = await legacyServer('a', 'b');
    await using fresh = await legacyServer('c');
    const servers = { crm: crm.entry() };
    const toolset = { only: { include: ['crm__a'] } };
    await using gateway = await startGateway({ mcpServers: servers, toolsets: toolset });
    const heard: Record<string, string[]> = { '': [], '/only': [] };
    for (const [path, methods] of Object.entries(heard)) {
      const client = await gateway.connect({ era: 'modern', query: path });
      client.setNotificationHandler('notifications/tools/list_changed', () => void methods.push('tools'));
      await client.listen({ toolsListChanged: true });
    }
    await gateway.reload({ mcpServers: { ...servers, fresh: fresh.entry() }, toolsets: toolset });
    await expect.poll(() => heard).toEqual({ '': ['tools'], '/only': [] });
    await gateway.reload({ mcpServers: servers, toolsets: { only: { include: ['crm__b'] } } });
    await expect.poll(() => heard).toEqual({ '': ['tools', 'tools'], '/only': ['tools'] });
    await gateway.reload({ mcpServers: servers, toolsets: { only: { include: ['crm__b'] } } });
    await call(gateway, 'crm__a');
    expect(heard).toEqual({ '': ['tools', 'tools'], '/only': ['tools'] });
  });

  test('with a server that an earlier one had, and the last one had not: what was watched of it is told again', async () => {
    await using crm = await legacyChanging();
    await using other = await legacyServer('a');
    const servers = { other: other.entry() };
    const both = { mcpServers: { ...servers, crm: crm.entry() } };
    await using gateway = await startGateway(both);
    const uri = 'test://counter';
    const heard: string[] = [];
    const [old, modern] = [
      await gateway.connect({ era: 'legacy' }),
      await gateway.connect({ era: 'modern' }),
    ];
    for (const [who, client] of Object.entries({ old, modern })) {
      client.setNotificationHandler('notifications/resources/updated', () => void heard.push(who));
    }
    await old.subscribeResource({ uri });
    await modern.listen({ resourceSubscriptions: [uri] });
    await gateway.reload({ mcpServers: servers });
    await gateway.reload(both);
    await expect.poll(() => crm.subscribed()).toContain(uri);
    await crm.change(uri);
    await expect.poll(() => heard.toSorted()).toEqual(['modern', 'old']);
    // It is watched once, and not any longer when nobody wants it.
    await old.subscribeResource({ uri });
    await old.unsubscribeResource({ uri });
    await modern.close();
    await expect.poll(() => requestsOf(crm, 'resources/unsubscribe').length).toBe(1);
  });

  test('without a toolset ends the streams of those who listened there, and answers 404', async () => {
    await using crm = await legacyServer('a');
    const servers = { crm: crm.entry() };
    await using gateway = await startGateway({ mcpServers: servers, toolsets: { some: { include: ['*'] } } });
    const client = await gateway.connect({ era: 'modern', query: '/some' });
    const subscription = await client.listen({ toolsListChanged: true });
    await gateway.reload({ mcpServers: servers });
    expect(await subscription.closed).toBeDefined();
    await expect(client.listTools()).rejects.toThrow();
    expect((await gateway.post(...modernRequest('tools/list'))).status).toBe(200);
  });

  test('with a limit for messages counts on a pipe that is open', async () => {
    await using crm = await legacyServer('a');
    const servers = { mcpServers: { crm: crm.entry() } };
    await using gateway = await startGateway(servers);
    const [input, output] = [new PassThrough(), new PassThrough()];
    let written = '';
    output.on('data', (chunk) => {
      written += chunk;
    });
    const served = gateway.gateway.serveStdio(input, output);
    const ping = (id: number) =>
      void input.write(`${JSON.stringify(legacyRequest('ping', { of: 'x'.repeat(3000) }, { id })[0])}\n`);
    ping(1);
    await expect.poll(() => written).toContain('"id":1,"result":{}');
    await gateway.reload({ ...servers, limits: { maxRequestBytes: 2048 } });
    ping(2);
    await expect.poll(() => written).toContain('The line is longer than 2048 bytes');
    await gateway.reload(servers);
    ping(3);
    await expect.poll(() => written).toContain('"id":3,"result":{}');
    input.end();
    await served;
  });

  test('with another limit connects anew only to servers whose connections hold on to it', async () => {
    await using crm = await legacyServer('a');
    await using own = await legacyServer('a');
    await using files = stdioServer('v1');
    const entries = { crm: crm.entry(), own: own.entry({ maxInFlight: 4 }), files: files.entry() };
    await using gateway = await startGateway({ mcpServers: entries });
    const reconnectedBy = async (limits: object, mcpServers: Record<string, ServerEntry> = entries) =>
      (await gateway.reload({ mcpServers, limits })).reconnected;
    expect(await reconnectedBy({ maxLineBytes: 2 ** 20 })).toEqual(['files']);
    expect(await reconnectedBy({ maxLineBytes: 2 ** 20, maxEventBytes: 2 ** 20 })).toEqual(['crm', 'own']);
    expect(await reconnectedBy({ maxEventBytes: 2 ** 20 })).toEqual(['files']);
    expect(await reconnectedBy({ maxEventBytes: 2 ** 20, maxInFlight: 9 })).toEqual(['crm']);
    const others = { ...entries, own: own.entry({ maxInFlight: 5 }), files: files.entry({ maxInFlight: 5 }) };
    expect(await reconnectedBy({ maxEventBytes: 2 ** 20, maxInFlight: 9 }, others)).toEqual(['own']);
    const all = ['crm', 'own', 'files'];
    expect(await reconnectedBy({ maxResultBytes: 2 ** 20 }, others)).toEqual(all);
  });

  test.each<[string, () => Server]>([
    ['over HTTP', () => legacyServer()],
    ['on stdio', () => stdioServer('v1')],
  ])('with room for more calls at once to a server %s sends those that wait', async (_which, start) => {
    await using crm = await start();
    const withRoomFor = (maxInFlight: number) => ({
      mcpServers: { crm: crm.entry({ maxInFlight }) },
      // What runs is not waited for at the end.
      drainMs: 0,
    });
    await using gateway = await startGateway(withRoomFor(1));
    const running = slowly(gateway, 'crm__slow', 60_000);
    await expect.poll(() => begun(crm)).toBe(1);
    let isOver = false;
    void running.then(() => {
      isOver = true;
    });
    const waiting = call(gateway, 'crm__echo');
    await expect.poll(() => gateway.gateway.waiting().downstream).toBe(2);
    await gateway.reload(withRoomFor(2));
    expect(await waiting).toBe('hello');
    expect(isOver).toBe(false);
  });

  test('with what counts at the next start says so for as long as that is not what is in force', async () => {
    await using crm = await legacyServer('a');
    const mcpServers = { crm: crm.entry() };
    await using gateway = await startGateway({ mcpServers });
    const told = async (fields: object) => (await gateway.reload({ mcpServers, ...fields })).nextStart;
    expect(await told({ audit: { values: true } })).toEqual(['audit']);
    expect(await told({ audit: { values: true }, legacySse: true })).toEqual(['audit']);
    expect(await told({ limits: { maxHeaderBytes: 20_000 } })).toEqual(['limits.maxHeaderBytes']);
    expect(await told({})).toEqual([]);
  });

  test('with a further server: it hears which level of logs a session has asked for before', async () => {
    await using crm = await legacyChanging();
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const client = await gateway.connect({ era: 'legacy' });
    await client.setLoggingLevel('debug');
    await using later = await legacyChanging();
    await gateway.reload({ mcpServers: { crm: crm.entry(), later: later.entry() } });
    await client.callTool({ name: 'later__log', arguments: {} });
    const levels = () =>
      requestsOf(later, 'logging/setLevel').map(({ body }) => (body as Message).params.level);
    await expect.poll(levels).toEqual(['debug']);
  });

  test('with more time for lists lets a server in that was too slow', async () => {
    const tools = { tools: [tool('late')] };
    await using crm = await plainServer({
      era: 'legacy',
      answers: {
        'tools/list': async ({ result }) => {
          await sleep(600);
          result(tools);
        },
      },
    });
    const within = (listTimeoutMs: number) => ({ mcpServers: { crm: crm.entry({ listTimeoutMs }) } });
    await using gateway = await startGateway(within(300));
    expect(gateway.gateway.status().downstreams.crm?.state).toBe('down');
    await gateway.reload(within(5000));
    await expect.poll(() => gateway.gateway.status().downstreams.crm?.state).toBe('ready');
    expect(await names(gateway)).toEqual(['crm__late']);
  });

  const IN_HALF_A_SECOND = 'data:text/javascript,await new Promise((begin) => setTimeout(begin, 500))';

  test('with another time to connect starts no process anew that runs, and at once one that was too slow', async () => {
    await using files = stdioServer('v1');
    await using slow = stdioServer('v1');
    const entry = slow.entry();
    const within = (connectTimeoutMs: number) => ({
      mcpServers: {
        files: files.entry({ connectTimeoutMs: 20_000 + connectTimeoutMs }),
        slow: {
          ...entry,
          args: ['--import', IN_HALF_A_SECOND, ...(entry.args as string[])],
          connectTimeoutMs,
        },
      },
    });
    await using gateway = await startGateway(within(100));
    expect(gateway.gateway.status().downstreams.slow?.state).toBe('down');
    expect((await gateway.reload(within(20_000))).reshaped).toEqual(['files', 'slow']);
    await expect.poll(() => call(gateway, 'slow__echo')).toBe('hello');
    expect(await call(gateway, 'files__echo')).toBe('hello');
    expect(files.events.filter(({ event }) => event === 'started')).toHaveLength(1);
  });

  test('without a toolset, and with it again, is heard of by who asks there over a pipe', async () => {
    await using crm = await legacyServer('a');
    const servers = (prefix: string) => ({ mcpServers: { crm: crm.entry({ prefix }) } });
    const toolsets = { some: { include: ['*'] } };
    await using gateway = await startGateway({ ...servers('a_'), toolsets });
    const [input, output] = [new PassThrough(), new PassThrough()];
    let written = '';
    output.on('data', (chunk) => {
      written += chunk;
    });
    const served = gateway.gateway.serveStdio(input, output, '/mcp/some');
    const say = (message: object) => void input.write(`${JSON.stringify(message)}\n`);
    const clientInfo = { name: 'test', version: '1' };
    say(legacyRequest('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo })[0]);
    say({ jsonrpc: '2.0', method: 'notifications/initialized' });
    await expect.poll(() => gateway.gateway.waiting().listeners).toBe(1);
    await gateway.reload(servers('a_'));
    expect(written).not.toContain('list_changed');
    await gateway.reload({ ...servers('b_'), toolsets });
    await expect.poll(() => written).toContain('notifications/tools/list_changed');
    input.end();
    await served;
  });

  test('has its profiles, hosts, instructions and the old transport', async () => {
    await using crm = await legacyServer('a_name_that_is_long');
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const host = { host: 'gateway.example.com' };
    expect((await gateway.post(...modernRequest('tools/list'))).status).toBe(200);
    expect(
      (await gateway.post(modernRequest('tools/list')[0], { ...modernRequest('tools/list')[1], ...host }))
        .status,
    ).toBe(403);
    await gateway.reload({
      mcpServers: { crm: crm.entry({ description: 'Customers.' }) },
      profiles: { short: { maxNameChars: 20 } },
      profile: 'short',
      allowedHosts: ['gateway.example.com'],
      legacySse: true,
    });
    expect((await names(gateway))[0]).toMatch(/^crm__a_nam\w+_[0-9a-f]{8}$/);
    const [body, headers] = modernRequest('server/discover');
    const { json } = await gateway.post(body, { ...headers, ...host });
    expect(json.result.instructions).toContain('Customers.');
    const bearer = { authorization: `Bearer ${gateway.token}` };
    const stream = await fetch(new URL('/sse', gateway.url), { headers: bearer });
    expect(stream.status).toBe(200);
    await gateway.reload({ mcpServers: { crm: crm.entry() } });
    expect(await stream.text()).toMatch(/^event: endpoint/);
    expect((await gateway.send('/sse', { method: 'GET', headers: bearer })).status).toBe(404);
  });

  test('with another token: the old one is accepted for drainMs, and sessions that it began go on', async () => {
    await using crm = await legacyServer('a');
    const config = { mcpServers: { crm: crm.entry() }, drainMs: 4000 };
    await using gateway = await startGateway(config, { token: 'the-first-token-of-all' });
    const begun = await gateway.post(
      ...legacyRequest('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: {} }),
    );
    const session = { 'mcp-session-id': String(begun.headers['mcp-session-id']) };
    const ask = async (token: string, more = {}) =>
      (await gateway.post(legacyRequest('tools/list')[0], { authorization: `Bearer ${token}`, ...more }))
        .status;
    const { settings } = await gateway.reload(config, 'the-second-token-of-all');
    expect(settings).toEqual(['SWITCHBOARD_TOKEN']);
    expect(await ask('the-first-token-of-all')).toBe(200);
    expect(await ask('the-second-token-of-all', session)).toBe(200);
    expect(await ask('a-third-token')).toBe(401);
    await expect.poll(() => ask('the-first-token-of-all')).toBe(401);
    expect(await ask('the-second-token-of-all')).toBe(200);
  });

  test('with a third token: each of those before is accepted for its own time', async () => {
    await using crm = await legacyServer('a');
    const config = (drainMs: number) => ({ mcpServers: { crm: crm.entry() }, drainMs });
    const tokens = ['the-first-token-of-all', 'the-second-token-of-all', 'the-third-token-of-all'] as const;
    await using gateway = await startGateway(config(60_000), { token: tokens[0] });
    const begun = await gateway.post(
      ...legacyRequest('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: {} }),
    );
    const session = { 'mcp-session-id': String(begun.headers['mcp-session-id']) };
    const ask = async (token: string) =>
      (await gateway.post(legacyRequest('tools/list')[0], { authorization: `Bearer ${token}`, ...session }))
        .status;
    await gateway.reload(config(60_000), tokens[1]);
    await gateway.reload(config(4000), tokens[2]);
    expect(await Promise.all(tokens.map(ask))).toEqual([200, 200, 200]);
    await expect.poll(() => ask(tokens[1])).toBe(401);
    expect([await ask(tokens[0]), await ask(tokens[2])]).toEqual([200, 200]);
  });

  test('with another token: streams that the old one opened end when it is accepted no more, and no others', async () => {
    const uri = 'test://counter';
    const [first, second] = ['the-first-token-of-all', 'the-second-token-of-all'];
    await using crm = await modernChanging();
    const config = { mcpServers: { crm: crm.entry() }, drainMs: 500, legacySse: true };
    await using gateway = await startGateway(config, { token: first });
    const listen = async (token: string) => {
      const [body, headers] = modernRequest('subscriptions/listen', {
        notifications: { resourceSubscriptions: [uri] },
      });
      const stream = await gateway.open(body, { ...headers, authorization: `Bearer ${token}` });
      expect((await stream.next())?.params.notifications).toEqual({ resourceSubscriptions: [uri] });
      return stream;
    };
    const old = await listen(first);
    const begun = await gateway.post(...legacyRequest('initialize', { capabilities: {} }));
    const bearer = { authorization: `Bearer ${first}`, accept: 'text/event-stream' };
    const session = { ...bearer, 'mcp-session-id': String(begun.headers['mcp-session-id']) };
    const ofSession = await open(gateway.url, { method: 'GET', headers: session });
    const ofPipe = await fetch(new URL('/sse', gateway.url), { headers: bearer });
    await gateway.reload(config, second);
    const fresh = await listen(second);
    expect((await old.next())?.result.resultType).toBe('complete');
    expect(await ofSession.next()).toBeUndefined();
    expect(await ofPipe.text()).toMatch(/^event: endpoint/);
    await crm.change(uri);
    expect((await fresh.next())?.params.uri).toBe(uri);
    fresh.cut();
  });

  test('keeps the process of a command that is the same, and starts another before it ends the old one', async () => {
    await using files = stdioServer('v1');
    const entry = (extra: ServerEntry) => ({ mcpServers: { files: files.entry(extra) } });
    await using gateway = await startGateway(entry({}));
    const started = () => files.events.filter(({ event }) => event === 'started').length;
    await gateway.reload(entry({ prefix: 'f_' }));
    expect(await call(gateway, 'f_echo')).toBe('hello');
    expect(started()).toBe(1);
    const running = slowly(gateway, 'f_slow', 1500);
    await gateway.reload(entry({ prefix: 'f_', env: { OTHER: 'yes' } }));
    await expect.poll(started).toBe(2);
    expect(await call(gateway, 'f_echo')).toBe('hello');
    expect(await running).toBe('waited 1500 ms');
    await expect.poll(() => files.events.filter(({ event }) => event === 'stdin closed').length).toBe(1);
  });

  test('a secret that it brings is not in the log, though the server says it', async () => {
    await using crm = await plainServer({
      era: 'legacy',
      answers: {
        initialize: ({ req, error }) => error(-32000, `I do not know ${req.headers.authorization}`),
      },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const authorization = 'Bearer canary-of-the-reload';
    await gateway.reload({ mcpServers: { crm: { ...crm.entry(), authorization } } });
    const logged = gateway.logs.join('\n');
    expect(logged).toContain('I do not know [secret]');
    expect(logged).not.toContain('canary-of-the-reload');
  });
});
