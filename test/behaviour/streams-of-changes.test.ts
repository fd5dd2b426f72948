import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { legacyChanging, modernChanging } from '../support/downstreams/changing.ts';
import { expiringServer } from '../support/downstreams/expiring.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { COUNTER, wholeServer } from '../support/downstreams/whole.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { legacyRequest, type Message, modernRequest } from '../support/messages.ts';
import { open } from '../support/wire-client.ts';

const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';
const CHANGED = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };
const tool = (name: string) => ({ name, inputSchema: { type: 'object' } });

const listen = (gateway: RunningGateway, notifications: object, id: string | number) =>
  gateway.open(...modernRequest('subscriptions/listen', { notifications }, id));

/** Everything that comes, as it comes. */
function heardOn(stream: { next(): Promise<Message | undefined> }): Message[] {
  const heard: Message[] = [];
  void (async () => {
    for (let message = await stream.next(); message !== undefined; message = await stream.next()) {
      heard.push(message);
    }
  })().catch(() => {});
  return heard;
}

async function session(gateway: RunningGateway) {
  const { headers } = await gateway.post(...legacyRequest('initialize', { capabilities: {} }));
  const own = {
    authorization: `Bearer ${gateway.token}`,
    accept: 'text/event-stream',
    'mcp-session-id': String(headers['mcp-session-id']),
  };
  return { own, get: () => open(gateway.url, { method: 'GET', headers: own }) };
}

test('who listens hears first what it will hear of, whatever changes meanwhile, and its own id with all of it [R80]', async () => {
  await using crm = await modernChanging();
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const storm = setInterval(() => void crm.change('test://counter'), 1);
  try {
    const ids = Array.from({ length: 10 }, (_none, index) => (index % 2 === 0 ? index : `id-${index}`));
    const streams = await Promise.all(
      ids.map(async (id) =>
        heardOn(await listen(gateway, { resourceSubscriptions: ['test://counter'] }, id)),
      ),
    );
    await expect.poll(() => streams.every((heard) => heard.length > 3)).toBe(true);
    for (const [index, heard] of streams.entries()) {
      const [first, ...others] = heard;
      expect(first?.method).toBe('notifications/subscriptions/acknowledged');
      expect(new Set(others.map(({ method }) => method))).toEqual(
        new Set(['notifications/resources/updated']),
      );
      expect(new Set(heard.map(({ params }) => params._meta[SUBSCRIPTION]))).toEqual(new Set([ids[index]]));
    }
  } finally {
    clearInterval(storm);
  }
});

test('what is logged and told of progress is on the stream of its own call, and on no stream of changes [R35] [R164] [R173]', async () => {
  for (const era of ['legacy', 'modern'] as const) {
    await using crm = await wholeServer(era);
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const { capabilities } = (await gateway.post(...modernRequest('server/discover'))).json.result;
    expect(capabilities.logging).toEqual({});
    const everything = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };
    const changes = heardOn(await listen(gateway, { ...everything, resourceSubscriptions: [COUNTER] }, 'l'));
    const { get } = await session(gateway);
    const old = heardOn(await get());
    const call = async (name: string) => {
      const _meta = { progressToken: name, 'io.modelcontextprotocol/logLevel': 'debug' };
      const { messages } = await gateway.post(
        ...modernRequest('tools/call', { name: `crm__${name}`, arguments: {}, _meta }),
      );
      return messages.slice(0, -1).map(({ method, params }) => [method, params.progressToken]);
    };
    // Two at once: nothing of one is on the stream of the other.
    const [steps, logs] = await Promise.all([call('steps'), call('logs')]);
    expect(steps).toEqual(Array(3).fill(['notifications/progress', 'steps']));
    expect(new Set(logs?.map(([method]) => method))).toEqual(new Set(['notifications/message']));
    await call('grow');
    await expect.poll(() => changes.length).toBeGreaterThan(1);
    await expect.poll(() => old.length).toBeGreaterThan(0);
    for (const { method } of [...changes, ...old]) expect(method).not.toMatch(/progress|message/);
  }
});

describe('a session of the legacy era', () => {
  test('hears of a change once, on the one stream that it has, and an answer only where it asked [R153] [R165]', async () => {
    await using crm = await expiringServer([tool('a')]);
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const { get, own } = await session(gateway);
    const first = await get();
    const ended = first.next();
    const second = await get();
    // In place of the first, which has ended.
    expect(await ended).toBeUndefined();
    const heard = heardOn(second);
    const [body] = legacyRequest('tools/call', { name: 'crm__a', arguments: {} }, { id: 'mine' });
    const answer = await gateway.post(body, own);
    expect(answer.messages.map(({ id }) => id)).toEqual(['mine']);
    crm.tools = [tool('a'), tool('b')];
    await expect.poll(() => heard.length).toBe(1);
    await sleep(300);
    expect(heard).toEqual([{ jsonrpc: '2.0', method: 'notifications/tools/list_changed' }]);
  });

  test('hears of what has changed while it had no stream, once it has one again, and of nothing else [R179]', async () => {
    await using crm = await plainServer({ era: 'modern' });
    await using hr = await plainServer({ era: 'modern' });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const { get } = await session(gateway);
    const first = await get();
    first.cut();
    await expect.poll(() => gateway.gateway.waiting().listeners).toBe(0);
    await gateway.reload({ mcpServers: { crm: crm.entry(), hr: hr.entry() } });
    const second = await get();
    const missed = heardOn(second);
    await expect.poll(() => missed).toEqual([CHANGED]);
    second.cut();
    await expect.poll(() => gateway.gateway.waiting().listeners).toBe(0);
    const heard = heardOn(await get());
    await gateway.reload({ mcpServers: { hr: hr.entry() } });
    await expect.poll(() => heard).toEqual([CHANGED]);
  });

  test('that goes on after a restart hears that the list may be another, once [R179]', async () => {
    await using crm = await plainServer({ era: 'modern' });
    await using hr = await plainServer({ era: 'modern' });
    const begin = async () => {
      await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
      return (await session(gateway)).own;
    };
    const own = await begin();
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry(), hr: hr.entry() } });
    const get = () => open(gateway.url, { method: 'GET', headers: own });
    const first = await get();
    const missed = heardOn(first);
    await expect.poll(() => missed).toEqual([CHANGED]);
    first.cut();
    await expect.poll(() => gateway.gateway.waiting().listeners).toBe(0);
    const heard = heardOn(await get());
    await gateway.reload({ mcpServers: { hr: hr.entry() } });
    await expect.poll(() => heard).toEqual([CHANGED]);
  });

  test('keeps its stream when it asks for one in a form that it cannot have', async () => {
    await using crm = await expiringServer([tool('a')]);
    // No more than the one: who asks anew still gets it in place of the first.
    const limits = { maxListeners: 1 };
    await using gateway = await startGateway({ limits, mcpServers: { crm: crm.entry() } });
    const { get, own } = await session(gateway);
    const first = await get();
    const refused = { method: 'GET', headers: { ...own, accept: 'application/json' } } as const;
    expect((await gateway.send('/mcp', refused)).status).toBe(406);
    const heard = first.next();
    crm.tools = [tool('a'), tool('b')];
    expect(await heard).toEqual({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
    const second = await get();
    expect([second.status, await first.next()]).toEqual([200, undefined]);
    second.cut();
    await expect.poll(() => gateway.gateway.waiting().listeners).toBe(0);
  });
});

describe('a caller over pipes that has left', () => {
  const legacy = [
    legacyRequest('initialize', { protocolVersion: '2025-11-25', capabilities: {} })[0],
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    legacyRequest('resources/subscribe', { uri: 'test://counter' }, { id: 2 })[0],
  ];
  const watching = { notifications: { resourceSubscriptions: ['test://counter'] } };
  const modern = [1, 1, 1].map((id) => modernRequest('subscriptions/listen', watching, id)[0]);
  test.for([
    ['legacy', legacy],
    ['modern, with one id for all', modern],
  ] as const)('hears and watches nothing any more: %s', async ([, messages]) => {
    await using crm = await legacyChanging();
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const [input, output] = [new PassThrough(), new PassThrough()];
    const served = gateway.gateway.serveStdio(input, output.resume());
    for (const message of messages) input.write(`${JSON.stringify(message)}\n`);
    await expect.poll(() => crm.subscribed()).toEqual(['test://counter']);
    input.end();
    await served;
    expect(gateway.gateway.waiting().listeners).toBe(0);
    await expect.poll(() => crm.subscribed()).toEqual([]);
  });
});

test('two callers that watch are each told once, and who does not watch is told nothing [R85]', async () => {
  await using crm = await legacyChanging();
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const watching = { resourceSubscriptions: ['test://counter'] };
  const [one, two, other] = await Promise.all(
    [watching, watching, { toolsListChanged: true }].map(async (filter, index) =>
      heardOn(await listen(gateway, filter, index)),
    ),
  );
  await expect.poll(() => [one, two, other].map((heard) => heard?.length)).toEqual([1, 1, 1]);
  await crm.change('test://counter');
  await expect.poll(() => [one, two].map((heard) => heard?.length)).toEqual([2, 2]);
  await sleep(300);
  expect([one, two, other].map((heard) => heard?.length)).toEqual([2, 2, 1]);
});

test('a process that is started again is listened to again [R83]', async () => {
  await using files = stdioServer('whole');
  await using gateway = await startGateway({
    mcpServers: { crm: files.entry({ env: { ERA: 'modern' } }) },
  });
  const listens = () =>
    files.events.filter(
      (event) => event.event === 'received' && event.message.method === 'subscriptions/listen',
    ).length;
  await expect.poll(listens).toBe(1);
  const started = files.events.flatMap((event) => (event.event === 'started' ? [event.pid] : []));
  process.kill(started.at(-1) as number, 'SIGKILL');
  await expect.poll(listens).toBe(2);
  // And what it announces then is heard.
  const names = async () =>
    (await gateway.post(...modernRequest('tools/list'))).json.result.tools.map(
      (t: { name: string }) => t.name,
    );
  await expect.poll(() => gateway.gateway.status().downstreams.crm?.state).toBe('ready');
  await gateway.post(...modernRequest('tools/call', { name: 'crm__grow', arguments: {} }));
  await expect.poll(names).toContain('crm__tool-1');
});

test('who comes before the first lists is answered by what is in them, whatever it asks', async () => {
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const cache = { resultType: 'complete', ttlMs: 60_000, cacheScope: 'private' };
  const capabilities = { tools: {}, logging: {}, resources: { subscribe: true, listChanged: true } };
  await using crm = await plainServer({
    era: 'modern',
    answers: {
      'server/discover': async (given) => {
        await begun;
        given.result({ supportedVersions: ['2026-07-28'], capabilities, ...cache });
      },
      'resources/list': (given) => given.result({ resources: [{ uri: 'test://a', name: 'a' }], ...cache }),
      'resources/templates/list': (given) => given.result({ resourceTemplates: [], ...cache }),
      'subscriptions/listen': async (given) => {
        const { id, params } = given.message;
        const _meta = { [SUBSCRIPTION]: id };
        const { notifications } = params;
        const method = 'notifications/subscriptions/acknowledged';
        given.stream().send({ method, params: { _meta, notifications } });
        await new Promise((resolve) => given.res.on('close', resolve));
      },
    },
  });
  const servers = { mcpServers: { crm: crm.entry() }, limits: { firstListMs: 60_000 } };
  await using gateway = await startGateway(servers, { settle: false });
  // Begun before a restart, with the same token.
  await using before = await startGateway({ mcpServers: { none: { url: 'http://127.0.0.1:1/mcp' } } });
  const { headers } = await before.post(...legacyRequest('initialize', { capabilities: {} }));
  const session = { 'mcp-session-id': String(headers['mcp-session-id']) };
  const ask = async (method: string, params: object) =>
    (await gateway.post(legacyRequest(method, params)[0], session)).messages.at(-1);
  const asked = { resourcesListChanged: true, resourceSubscriptions: ['test://a'] };
  const stream = listen(gateway, asked, 'early');
  const others = [
    ask('resources/subscribe', { uri: 'test://a' }),
    ask('resources/unsubscribe', { uri: 'test://a' }),
    ask('logging/setLevel', { level: 'debug' }),
  ];
  await expect.poll(() => gateway.gateway.waiting().requests).toBe(4);
  begin();
  expect((await (await stream).next())?.params.notifications).toEqual(asked);
  expect((await Promise.all(others)).map((answer) => answer?.result)).toEqual([{}, {}, {}]);
  (await stream).cut();
});

test('a session that ends before the first lists watches nothing', async () => {
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  await using crm = await plainServer({
    era: 'legacy',
    answers: {
      initialize: async (given) => {
        await begun;
        const capabilities = { tools: {}, resources: { subscribe: true } };
        given.result({
          protocolVersion: '2025-11-25',
          capabilities,
          serverInfo: { name: 'x', version: '1' },
        });
      },
      'resources/list': (given) => given.result({ resources: [{ uri: 'test://a', name: 'a' }] }),
      'resources/templates/list': (given) => given.result({ resourceTemplates: [] }),
      'resources/subscribe': (given) => given.result({}),
    },
  });
  const servers = { mcpServers: { crm: crm.entry() }, limits: { firstListMs: 60_000 } };
  await using gateway = await startGateway(servers, { settle: false });
  await using before = await startGateway({ mcpServers: { none: { url: 'http://127.0.0.1:1/mcp' } } });
  const { headers } = await before.post(...legacyRequest('initialize', { capabilities: {} }));
  const session = { 'mcp-session-id': String(headers['mcp-session-id']) };
  const early = gateway.post(legacyRequest('resources/subscribe', { uri: 'test://a' })[0], session);
  await expect.poll(() => gateway.gateway.waiting().requests).toBe(1);
  const bearer = { authorization: `Bearer ${gateway.token}`, ...session };
  expect((await gateway.send('/mcp', { method: 'DELETE', headers: bearer })).status).toBe(204);
  begin();
  const { error } = (await early).messages[0] as Message;
  expect(error).toEqual({ code: -32600, message: 'This session has ended.' });
  expect(crm.requests.some(({ body }) => (body as Message)?.method === 'resources/subscribe')).toBe(false);
});
