import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { deferred } from '../../src/promises.ts';
import { doorTo } from '../support/door.ts';
import { requestsOf } from '../support/downstreams/downstream.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { expiringServer } from '../support/downstreams/expiring.ts';
import { modernOffers, type Offer } from '../support/downstreams/offers.ts';
import { type PlainDownstream, plainServer } from '../support/downstreams/plain.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { legacyRequest, type Message, modernRequest } from '../support/messages.ts';

const tool = (name: string) => ({ name, inputSchema: { type: 'object' } });
const ALL = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };
const SERVER_INFO = 'io.modelcontextprotocol/serverInfo';
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';

const listen = (gateway: RunningGateway, notifications: object, id: string | number = 'sub-1') =>
  gateway.open(...modernRequest('subscriptions/listen', { notifications }, id));

test('who listens is told first what it will hear of, and at the end that it is over, by its own id [R20] [R80] [R82]', async () => {
  const offer: Offer = { who: 'crm', prompts: [{ name: 'a' }], resources: [{ uri: 'a:b', name: 'a' }] };
  await using crm = await modernOffers(offer);
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const stream = await listen(gateway, { ...ALL, resourceSubscriptions: ['a:b'], unknown: true });
  const first = await stream.next();
  expect(first).toEqual({
    jsonrpc: '2.0',
    method: 'notifications/subscriptions/acknowledged',
    params: { _meta: { [SUBSCRIPTION]: 'sub-1' }, notifications: ALL },
  });
  await gateway.gateway.close();
  expect(await stream.next()).toEqual({
    jsonrpc: '2.0',
    id: 'sub-1',
    result: {
      resultType: 'complete',
      _meta: {
        [SUBSCRIPTION]: 'sub-1',
        [SERVER_INFO]: { name: 'mcp-switchboard', version: expect.any(String) },
      },
    },
  });
});

test('each era hears of changes in the list that it is shown', async () => {
  // Legacy revisions know no outputSchema that is not an object: their list stays the same.
  const withOutput = (type: string) => ({ ...tool('a'), outputSchema: { type } });
  await using crm = await expiringServer([withOutput('array')]);
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const modern = await listen(gateway, { toolsListChanged: true });
  expect((await modern.next())?.method).toBe('notifications/subscriptions/acknowledged');
  crm.tools = [withOutput('string')];
  expect((await modern.next())?.method).toBe('notifications/tools/list_changed');
});

test('a change is told to those who asked for it, once, and what is no change to nobody [R81]', async () => {
  await using crm = await expiringServer([tool('a')]);
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const heard: string[][] = [];
  for (const filter of [ALL, { promptsListChanged: true }, { toolsListChanged: 'yes' }, {}]) {
    const messages: string[] = [];
    heard.push(messages);
    const stream = await listen(gateway, filter, heard.length);
    void (async () => {
      for (let message = await stream.next(); message !== undefined; message = await stream.next()) {
        messages.push(message.method ?? 'the end');
      }
    })().catch(() => {});
  }
  const acknowledged = 'notifications/subscriptions/acknowledged';
  await expect.poll(() => heard.every(([method]) => method === acknowledged)).toBe(true);
  const before = crm.requests.length;
  // It lists the same again and again.
  await expect.poll(() => crm.requests.length).toBeGreaterThan(before);
  expect(heard.map((messages) => messages.length)).toEqual([1, 1, 1, 1]);
  crm.tools = [tool('a'), tool('b')];
  await expect.poll(() => heard[0]?.length).toBe(2);
  await sleep(1500);
  expect(heard[0]).toEqual([acknowledged, 'notifications/tools/list_changed']);
  expect(heard.slice(1)).toEqual([[acknowledged], [acknowledged], [acknowledged]]);
});

test('a real client hears of it and lists again', async () => {
  await using crm = await expiringServer([tool('a')]);
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const client = await gateway.connect({ era: 'modern' });
  const heard: string[] = [];
  client.setNotificationHandler('notifications/tools/list_changed', () => void heard.push('tools'));
  const subscription = await client.listen({ toolsListChanged: true });
  crm.tools = [tool('b')];
  await expect.poll(() => heard).toEqual(['tools']);
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['crm__b']);
  await subscription.close();
});

test.each([
  ['nothing', {}],
  ['its wishes beside where they belong', { toolsListChanged: true }],
  ['text', { notifications: 'tools' }],
])(
  'who asks to hear of changes with %s hears at once that this is no filter [R177]',
  async (_what, params) => {
    await using crm = await plainServer({ era: 'modern' });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const stream = await gateway.open(...modernRequest('subscriptions/listen', params));
    const first = await stream.next();
    stream.cut();
    expect(first?.error).toMatchObject({ code: -32602, message: expect.stringContaining('notifications') });
    expect(gateway.gateway.waiting().listeners).toBe(0);
  },
);

test('who does not accept a stream is told so', async () => {
  await using crm = await expiringServer([tool('a')]);
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const [body, headers] = modernRequest('subscriptions/listen', { notifications: ALL });
  const reply = await gateway.post(body, { ...headers, accept: 'application/json' });
  expect(reply.json.error).toMatchObject({ code: -32600, message: 'To listen, accept text/event-stream.' });
});

describe('of a resource that its server does not tell of, though it tells of others,', () => {
  const resources = ['test://told', 'test://untold'].map((uri) => ({ uri, name: uri }));
  const capabilities = { tools: {}, resources: { subscribe: true } };
  const cache = { resultType: 'complete', ttlMs: 60_000, cacheScope: 'private' };

  const legacyServer = (onSubscribe: Answer) =>
    plainServer({
      era: 'legacy',
      answers: {
        initialize: (given) =>
          given.result({
            protocolVersion: '2025-11-25',
            capabilities,
            serverInfo: { name: 'picky', version: '1' },
          }),
        'resources/list': (given) => given.result({ resources }),
        'resources/templates/list': (given) => given.result({ resourceTemplates: [] }),
        'resources/subscribe': onSubscribe,
        'resources/unsubscribe': (given) => given.result({}),
      },
    });

  const askedOf = (server: PlainDownstream, method: string) => requestsOf(server, method).length;

  /** A session of the legacy era, and what it hears when it asks. */
  async function sessionOf(gateway: RunningGateway) {
    const begun = await gateway.post(...legacyRequest('initialize', { capabilities: {} }));
    const session = { 'mcp-session-id': String(begun.headers['mcp-session-id']) };
    return async (method: string, uri?: string) => {
      const [body] = legacyRequest(method, uri === undefined ? undefined : { uri });
      return (await gateway.post(body, session)).messages[0] as Message;
    };
  }

  test('a caller that listens is not promised to hear [R81] [R84]', async () => {
    await using server = await plainServer({
      era: 'modern',
      answers: {
        'server/discover': (given) =>
          given.result({ supportedVersions: ['2026-07-28'], capabilities, ...cache }),
        'resources/list': (given) => given.result({ resources, ...cache }),
        'resources/templates/list': (given) => given.result({ resourceTemplates: [], ...cache }),
        'subscriptions/listen': async (given) => {
          const params = {
            _meta: { 'io.modelcontextprotocol/subscriptionId': given.message.id },
            notifications: { resourceSubscriptions: ['test://told'] },
          };
          given.stream().send({ method: 'notifications/subscriptions/acknowledged', params });
          await new Promise((resolve) => given.res.on('close', resolve));
        },
      },
    });
    await using gateway = await startGateway({ mcpServers: { crm: server.entry() } });
    const caller = await gateway.connect({ era: 'modern' });
    const { honoredFilter } = await caller.listen({ resourceSubscriptions: resources.map(({ uri }) => uri) });
    expect(honoredFilter).toEqual({ resourceSubscriptions: ['test://told'] });
  });

  test('who asks for it takes nothing from those that ask for others, where that is refused as a whole', async () => {
    const told: (() => void)[] = [];
    await using server = await plainServer({
      era: 'modern',
      answers: {
        'server/discover': (given) =>
          given.result({ supportedVersions: ['2026-07-28'], capabilities, ...cache }),
        'resources/list': (given) => given.result({ resources, ...cache }),
        'resources/templates/list': (given) => given.result({ resourceTemplates: [], ...cache }),
        'subscriptions/listen': async (given) => {
          const { id, params } = given.message;
          const { notifications } = params;
          if (notifications.resourceSubscriptions.includes('test://untold')) {
            return given.error(-32602, 'Not that one');
          }
          const _meta = { 'io.modelcontextprotocol/subscriptionId': id };
          const stream = given.stream();
          const method = 'notifications/subscriptions/acknowledged';
          stream.send({ method, params: { _meta, notifications } });
          const updated = 'notifications/resources/updated';
          told.push(() => stream.send({ method: updated, params: { _meta, uri: 'test://told' } }));
          await new Promise((resolve) => given.res.on('close', resolve));
        },
      },
    });
    await using gateway = await startGateway({ mcpServers: { crm: server.entry() } });
    const one = await listen(gateway, { resourceSubscriptions: ['test://untold'] });
    expect((await one.next())?.params.notifications).toEqual({});
    const asked = { resourceSubscriptions: ['test://told'] };
    const other = await listen(gateway, asked);
    expect((await other.next())?.params.notifications).toEqual(asked);
    for (const tell of told) tell();
    expect((await other.next())?.params.uri).toBe('test://told');
    one.cut();
    other.cut();
  });

  test('a caller that listens hears what it will hear of first, also of what changes before that is known', async () => {
    const answer = deferred<void>();
    await using server = await legacyServer(async (given) => {
      await answer.promise;
      given.result({});
    });
    await using gateway = await startGateway({ mcpServers: { crm: server.entry() } });
    const asked = { toolsListChanged: true, resourceSubscriptions: ['test://told'] };
    const stream = await listen(gateway, asked);
    await expect.poll(() => askedOf(server, 'resources/subscribe')).toBe(1);
    await gateway.reload({ mcpServers: { crm: server.entry({ prefix: 'other_' }) } });
    answer.resolve();
    expect((await stream.next())?.params.notifications).toEqual(asked);
    expect((await stream.next())?.method).toBe('notifications/tools/list_changed');
    stream.cut();
  });

  test('a caller that subscribes hears a refusal', async () => {
    await using server = await legacyServer((given) =>
      given.message.params.uri === 'test://told' ? given.result({}) : given.error(-32602, 'Not that one'),
    );
    await using gateway = await startGateway({ mcpServers: { crm: server.entry() } });
    const caller = await gateway.connect({ era: 'legacy' });
    await caller.subscribeResource({ uri: 'test://told' });
    const refused = caller.subscribeResource({ uri: 'test://untold' });
    await expect(refused).rejects.toThrow('Changes of this resource are not told.');
  });

  test('a caller that subscribes while the server is away for a moment is told of changes when it is back', async () => {
    await using server = await legacyServer((given) => given.result({}));
    await using door = await doorTo(server.url);
    await using gateway = await startGateway({ mcpServers: { crm: { url: door.url } } });
    const ask = await sessionOf(gateway);
    const opened = await door.close();
    expect((await ask('resources/subscribe', 'test://told')).result).toEqual({});
    expect(askedOf(server, 'resources/subscribe')).toBe(0);
    await opened();
    await expect.poll(() => askedOf(server, 'resources/subscribe')).toBeGreaterThan(0);
  });

  test('a caller that asks for it twice at once hears a refusal twice', async () => {
    let refuse = () => {};
    const refused = new Promise<void>((resolve) => {
      refuse = resolve;
    });
    await using server = await legacyServer(async (given) => {
      await refused;
      given.error(-32602, 'Not that one');
    });
    await using gateway = await startGateway({ mcpServers: { crm: server.entry() } });
    const ask = await sessionOf(gateway);
    const both = [ask('resources/subscribe', 'test://untold'), ask('resources/subscribe', 'test://untold')];
    await expect.poll(() => askedOf(server, 'resources/subscribe')).toBe(1);
    // Behind both: it has heard of the second.
    await ask('ping');
    refuse();
    const error = { code: -32602, message: 'Changes of this resource are not told.' };
    expect(await Promise.all(both)).toMatchObject([{ error }, { error }]);
  });

  test('a caller that gives it up before the refusal, and asks again, is told, and can ask and give up once more', async () => {
    let refuse = () => {};
    const refused = new Promise<void>((resolve) => {
      refuse = resolve;
    });
    let isFirst = true;
    await using server = await legacyServer(async (given) => {
      if (!isFirst) return given.result({});
      isFirst = false;
      await refused;
      given.error(-32603, 'Busy');
    });
    await using gateway = await startGateway({ mcpServers: { crm: server.entry() } });
    const ask = await sessionOf(gateway);
    const first = ask('resources/subscribe', 'test://told');
    await expect.poll(() => askedOf(server, 'resources/subscribe')).toBe(1);
    expect((await ask('resources/unsubscribe', 'test://told')).result).toEqual({});
    const second = ask('resources/subscribe', 'test://told');
    // Behind it: the first is answered while it waits.
    await ask('ping');
    refuse();
    const error = { message: 'Changes of this resource are not told.' };
    expect(await Promise.all([first, second])).toMatchObject([{ error }, { error }]);
    expect((await ask('resources/subscribe', 'test://told')).result).toEqual({});
    expect((await ask('resources/unsubscribe', 'test://told')).result).toEqual({});
    const last = () => (server.requests.at(-1)?.body as Message | undefined)?.method;
    await expect.poll(last).toBe('resources/unsubscribe');
  });
});
