import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@modelcontextprotocol/client';
import { describe, expect, test } from 'vitest';
import { legacyChanging, modernChanging } from '../support/downstreams/changing.ts';
import { requestsOf } from '../support/downstreams/downstream.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { startGateway } from '../support/gateway.ts';
import { legacyRequest, type Message, modernRequest } from '../support/messages.ts';
import { open } from '../support/wire-client.ts';

const FORM = {
  mode: 'form',
  message: 'Which one?',
  requestedSchema: { type: 'object', properties: { choice: { type: 'string' } } },
} as const;
const ANSWER = { action: 'accept', content: { choice: 'blue' } } as const;
const META = 'io.modelcontextprotocol/';
const tool = (name: string) => ({ name, inputSchema: { type: 'object' } });
const text = (given: unknown) => ({ content: [{ type: 'text', text: JSON.stringify(given) }] });

/** Asks on the stream of the call, and tells what it was answered. */
const asksOnStream: Answer = async (given) => {
  const stream = given.stream();
  const id = `question of ${given.message.id}`;
  stream.send({ id, method: 'elicitation/create', params: FORM });
  const { result, error } = await given.responseTo(id);
  stream.result(text(result ?? error));
};

/** Asks by a round, and tells what came back. */
const asksByRound: Answer = (given) => {
  const { inputResponses, requestState } = given.message.params;
  if (inputResponses !== undefined)
    return given.result({ resultType: 'complete', ...text({ inputResponses, requestState }) });
  const inputRequests = { choice: { method: 'elicitation/create', params: FORM } };
  return given.result({ resultType: 'input_required', inputRequests, requestState: 'mine' });
};

const serve = (era: 'legacy' | 'modern') =>
  plainServer({
    era,
    tools: [tool('ask')],
    answers: { 'tools/call ask': era === 'legacy' ? asksOnStream : asksByRound },
  });

describe.each(['legacy', 'modern'] as const)('a downstream of the %s era', (downstreamEra) => {
  test.each(['legacy', 'modern', 'v1'] as const)(
    'asks a %s caller, and gets its answer [R94]',
    async (era) => {
      await using crm = await serve(downstreamEra);
      await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
      const asked: string[] = [];
      const client = (await gateway.connect({
        era: era as 'modern',
        capabilities: { elicitation: { form: {} } },
        onElicit: ({ params }) => {
          asked.push(params.message);
          return ANSWER;
        },
      })) as Client;
      const { content } = await client.callTool({ name: 'crm__ask', arguments: {} });
      expect(asked).toEqual(['Which one?']);
      const told = JSON.parse((content as { text: string }[])[0]?.text ?? '');
      expect(downstreamEra === 'legacy' ? told : told.inputResponses.choice).toEqual(ANSWER);
      if (downstreamEra === 'modern') expect(told.requestState).toBe('mine');
    },
  );

  test('asks nothing of a caller that declared nothing [R88]', async () => {
    await using crm = await serve(downstreamEra);
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const client = await gateway.connect({ era: 'legacy' });
    const result = await client.callTool({ name: 'crm__ask', arguments: {} });
    const [block] = result.content as { text: string }[];
    if (downstreamEra === 'modern') expect(block?.text).toContain('cannot be given here');
    else expect(JSON.parse(block?.text ?? '')).toMatchObject({ code: -32601 });
  });
});

describe('a call that waits for its answer', () => {
  const begin = { name: 'crm__ask', arguments: { a: 1 } };
  const _meta = { [`${META}clientCapabilities`]: { elicitation: { form: {} } } };

  test('is taken up by the request that it belongs to, and by no other [R20] [R89] [R90] [R93]', async () => {
    await using crm = await serve('legacy');
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const call = async (params: object) =>
      (await gateway.post(...modernRequest('tools/call', { ...begin, ...params, _meta }))).messages.at(
        -1,
      ) as Message;
    const { inputRequests, requestState, ...first } = (await call({})).result;
    const serverInfo = { name: 'mcp-switchboard', version: expect.any(String) };
    expect(first).toEqual({ resultType: 'input_required', _meta: { [`${META}serverInfo`]: serverInfo } });
    const [key] = Object.keys(inputRequests);
    expect(inputRequests[key as string]).toEqual({ method: 'elicitation/create', params: FORM });
    const inputResponses = { [key as string]: ANSWER };
    // Of other arguments, and with any bit of the state changed.
    expect((await call({ arguments: { a: 2 }, inputResponses, requestState })).error?.code).toBe(-32602);
    for (let at = 0; at < requestState.length; at += 7) {
      const other = requestState[at] === 'A' ? 'B' : 'A';
      const flipped = requestState.slice(0, at) + other + requestState.slice(at + 1);
      expect((await call({ inputResponses, requestState: flipped })).error?.code).toBe(-32602);
    }
    // Without the answer it is asked again.
    const again = (await call({ requestState })).result;
    expect(Object.keys(again.inputRequests)).toEqual([key]);
    const { content } = (await call({ inputResponses, requestState: again.requestState })).result;
    expect(JSON.parse(content[0].text)).toEqual(ANSWER);
    // It has ended, and so has its state.
    const late = (await call({ inputResponses, requestState: again.requestState })).result;
    expect(late.isError).toBe(true);
    expect(late.content[0].text).toContain('no longer waits for the answer');
    expect(requestsOf(crm, 'tools/call')).toHaveLength(1);
  });
});

describe('a session of the legacy era', () => {
  test('is known after a restart with the same token, and not after its end or with another [R149] [R150]', async () => {
    await using crm = await serve('legacy');
    const servers = { mcpServers: { crm: crm.entry() } };
    const open = async () => {
      await using gateway = await startGateway(servers);
      const reply = await gateway.post(...legacyRequest('initialize', { capabilities: { roots: {} } }));
      return reply.headers['mcp-session-id'] as string;
    };
    const id = await open();
    expect(id).toMatch(/^[\x21-\x7e]+$/);
    await using gateway = await startGateway(servers);
    const [list] = legacyRequest('tools/list');
    const status = async (session: string) =>
      (await gateway.post(list, { 'mcp-session-id': session })).status;
    expect(await status(id)).toBe(200);
    expect(await status(`${id.slice(0, -1)}${id.endsWith('A') ? 'B' : 'A'}`)).toBe(404);
    expect(await status('made-up')).toBe(404);
    const bearer = { authorization: `Bearer ${gateway.token}`, 'mcp-session-id': id };
    expect((await gateway.send('/mcp', { method: 'DELETE', headers: bearer })).status).toBe(204);
    expect(await status(id)).toBe(404);
    await using other = await startGateway(servers, { token: 'another-token-of-another-gateway' });
    expect((await other.post(list, { 'mcp-session-id': await open() })).status).toBe(404);
  });
});

test('a session that ends with a question open: who asked hears that it was cancelled, and goes on', async () => {
  const told: unknown[] = [];
  await using crm = await plainServer({
    era: 'legacy',
    tools: [tool('ask')],
    answers: {
      async 'tools/call ask'(given) {
        const stream = given.stream();
        const asked = given.responseTo('form');
        stream.send({ id: 'form', method: 'elicitation/create', params: FORM });
        const { result, error } = await asked;
        told.push(result ?? error);
        stream.result(text('gone on'));
      },
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const [begin] = legacyRequest('initialize', { capabilities: { elicitation: {} } });
  const { headers } = await gateway.post(begin);
  const session = { 'mcp-session-id': headers['mcp-session-id'] as string };
  const [call] = legacyRequest('tools/call', { name: 'crm__ask', arguments: {} }, { id: 2 });
  const stream = await gateway.open(call, session);
  expect((await stream.next())?.method).toBe('elicitation/create');
  const bearer = { authorization: `Bearer ${gateway.token}`, ...session };
  expect((await gateway.send('/mcp', { method: 'DELETE', headers: bearer })).status).toBe(204);
  await expect.poll(() => told).toEqual([{ action: 'cancel' }]);
  expect((await stream.next())?.result).toEqual(text('gone on'));
});

test('a session whose call runs makes room for none: the call can be cancelled', async () => {
  await using crm = await plainServer({ era: 'legacy', answers: { 'tools/call echo': () => {} } });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() }, limits: { maxSessions: 1 } });
  const begin = async () => {
    const { headers } = await gateway.post(...legacyRequest('initialize', {}));
    return { 'mcp-session-id': String(headers['mcp-session-id']) };
  };
  const [one, other] = [await begin(), await begin()];
  const [call] = legacyRequest('tools/call', { name: 'crm__echo', arguments: {} }, { id: 'slow' });
  const calling = gateway.post(call, one);
  await expect.poll(() => requestsOf(crm, 'tools/call')).toHaveLength(1);
  await gateway.post(legacyRequest('tools/list')[0], other);
  const params = { requestId: 'slow' };
  await gateway.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params }, one);
  expect((await calling).messages).toEqual([]);
  await expect.poll(() => requestsOf(crm, 'notifications/cancelled')).toHaveLength(1);
});

const CHANGING = { legacy: legacyChanging, modern: modernChanging };

describe.each(['legacy', 'modern'] as const)(
  'that a resource of a %s downstream has changed hears',
  (era) => {
    test('a session that has subscribed, until it unsubscribes', async () => {
      await using crm = await CHANGING[era]();
      await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
      const client = await gateway.connect({ era: 'legacy' });
      const heard: string[] = [];
      client.setNotificationHandler(
        'notifications/resources/updated',
        ({ params }) => void heard.push(params.uri),
      );
      expect(client.getServerCapabilities()?.resources).toEqual({ subscribe: true, listChanged: true });
      await client.subscribeResource({ uri: 'test://counter' });
      await expect.poll(() => crm.subscribed()).toEqual(['test://counter']);
      await crm.change('test://counter');
      await expect.poll(() => heard).toEqual(['test://counter']);
      await client.unsubscribeResource({ uri: 'test://counter' });
      await expect.poll(() => crm.subscribed()).toEqual([]);
    });

    test('a caller of the modern era that listens, and nobody else [R85]', async () => {
      await using crm = await CHANGING[era]();
      await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
      const [first, second] = await Promise.all([
        gateway.connect({ era: 'modern' }),
        gateway.connect({ era: 'modern' }),
      ]);
      const heard: string[] = [];
      for (const [name, client] of [
        ['first', first],
        ['second', second],
      ] as const) {
        client.setNotificationHandler(
          'notifications/resources/updated',
          ({ params }) => void heard.push(`${name} ${params.uri}`),
        );
      }
      const asked = { resourceSubscriptions: ['test://counter'] };
      const subscription = await first.listen(asked);
      expect(subscription.honoredFilter.resourceSubscriptions).toEqual(['test://counter']);
      await second.listen({ toolsListChanged: true });
      await expect.poll(() => crm.subscribed()).toEqual(['test://counter']);
      await crm.change('test://counter');
      await expect.poll(() => heard).toEqual(['first test://counter']);
      await subscription.close();
      await expect.poll(() => crm.subscribed()).toEqual([]);
    });
  },
);

test('a legacy server that is slow to let go of a resource tells of it to who watches it next', async () => {
  const done: string[] = [];
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await using crm = await plainServer({
    era: 'legacy',
    capabilities: { tools: {}, resources: { subscribe: true } },
    answers: {
      'resources/list': ({ result }) => result({ resources: [{ uri: 'test://a', name: 'a' }] }),
      'resources/subscribe'({ result }) {
        done.push('subscribed');
        result({});
      },
      async 'resources/unsubscribe'({ result }) {
        await held;
        done.push('unsubscribed');
        result({});
      },
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const [first, second] = [
    await gateway.connect({ era: 'legacy' }),
    await gateway.connect({ era: 'legacy' }),
  ];
  await first.subscribeResource({ uri: 'test://a' });
  await first.unsubscribeResource({ uri: 'test://a' });
  const watched = second.subscribeResource({ uri: 'test://a' });
  await first.callTool({ name: 'crm__echo', arguments: { text: 'between' } });
  letGo();
  await watched;
  expect(done).toEqual(['subscribed', 'unsubscribed', 'subscribed']);
});

test('a stream of notices that was cut is opened again, and what it may have missed is listed', async () => {
  await using crm = await modernChanging();
  await using _gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const lists = () => requestsOf(crm, 'tools/list').length;
  await expect.poll(() => [crm.opened, lists()]).toEqual([1, 1]);
  crm.cut();
  await expect.poll(() => [crm.opened, lists()]).toEqual([2, 2]);
});

test('a stream of notices that is cut while a wider one is refused: what it may have missed is listed', async () => {
  await using crm = await modernChanging();
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const lists = () => requestsOf(crm, 'tools/list').length;
  await expect.poll(() => [crm.opened, lists()]).toEqual([1, 1]);
  crm.refuse(true);
  const notifications = { resourceSubscriptions: ['test://counter'] };
  const listening = await gateway.open(...modernRequest('subscriptions/listen', { notifications }));
  await expect.poll(() => crm.refused).toBe(1);
  crm.cut();
  crm.refuse(false);
  await expect.poll(() => [crm.opened, lists()]).toEqual([2, 2]);
  listening.cut();
});

test('a session is known for sessionIdleMs after its stream broke, and not since its last request', async () => {
  await using crm = await legacyChanging();
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry() },
    limits: { sessionIdleMs: 2000 },
  });
  const { headers } = await gateway.post(...legacyRequest('initialize', { capabilities: {} }));
  const session = { 'mcp-session-id': String(headers['mcp-session-id']) };
  await gateway.post(legacyRequest('resources/subscribe', { uri: 'test://counter' })[0], session);
  const stream = () => {
    const accept = 'text/event-stream';
    const authorization = `Bearer ${gateway.token}`;
    return open(gateway.url, { method: 'GET', headers: { ...session, accept, authorization } });
  };
  // Two pauses, so that one of them has a look at what is idle in it.
  for (let times = 0; times < 2; times++) {
    const listening = await stream();
    await sleep(2100);
    listening.cut();
    await sleep(1100);
  }
  const listening = await stream();
  await crm.change('test://counter');
  expect((await listening.next())?.params).toEqual({ uri: 'test://counter' });
  listening.cut();
});

test('a stream of notices that a server on stdio has ended is opened again', async () => {
  await using crm = stdioServer('ends-listening');
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const listens = () =>
    crm.events.filter(
      (event) => event.event === 'received' && event.message.method === 'subscriptions/listen',
    ).length;
  await expect.poll(listens).toBe(1);
  await gateway.post(...modernRequest('tools/call', { name: 'crm__end', arguments: {} }));
  await expect.poll(listens).toBe(2);
});

test('what a legacy downstream logs during a call goes to who called, from the level on that it asked for', async () => {
  await using crm = await legacyChanging();
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const listening = async (level?: 'warning' | 'debug') => {
    const client = await gateway.connect({ era: 'legacy' });
    const heard: unknown[] = [];
    client.setNotificationHandler('notifications/message', ({ params }) => void heard.push(params.data));
    if (level !== undefined) await client.setLoggingLevel(level);
    return { client, heard };
  };
  const [all, some, other] = [await listening('debug'), await listening('warning'), await listening('debug')];
  await all.client.callTool({ name: 'crm__log', arguments: {} });
  expect(all.heard).toEqual(['debug of the call', 'warning of the call']);
  // For a moment what comes on another stream than the answers may still be of the call before.
  const heardBySome = async () => {
    some.heard.length = 0;
    await some.client.callTool({ name: 'crm__log', arguments: {} });
    return some.heard;
  };
  await expect.poll(heardBySome).toEqual(['warning of the call']);
  expect(other.heard).toEqual([]);
  await expect(all.client.setLoggingLevel('loud' as 'info')).rejects.toMatchObject({ code: -32602 });
});
