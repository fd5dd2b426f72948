import { describe, expect, test } from 'vitest';
import type { Offer } from '../support/downstreams/offers.ts';
import { modernOffers } from '../support/downstreams/offers.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';

const META = 'io.modelcontextprotocol/';
const tool = (name: string) => ({ name, inputSchema: { type: 'object' } });

const OFFER: Offer = {
  who: 'crm',
  prompts: [{ name: 'p' }],
  resources: [{ uri: 'a:b', name: 'r' }],
  templates: [{ uriTemplate: 'a:{b}', name: 't' }],
};

test('a place in a list that was not given here is refused: who goes on from it would begin again without end [R113] [R121]', async () => {
  await using crm = await modernOffers(OFFER);
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  for (const method of ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list']) {
    for (const request of [legacyRequest, modernRequest]) {
      for (const cursor of ['bogus', 7]) {
        const { status, messages } = await gateway.post(...request(method, { cursor }));
        expect([status, messages[0]?.error?.code], `${method} ${cursor}`).toEqual([200, -32602]);
      }
      const whole = (await gateway.post(...request(method))).messages[0]?.result;
      expect(whole).not.toHaveProperty('nextCursor');
      // Some write what they do not have as null, or as nothing.
      for (const cursor of [null, ''])
        expect((await gateway.post(...request(method, { cursor }))).messages[0]?.result).toEqual(whole);
    }
  }
});

describe('an error of a modern server has a code that its legacy caller knows:', () => {
  test('a resource that is not there', async () => {
    const capabilities = { resources: {} };
    const hints = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };
    await using crm = await plainServer({
      era: 'modern',
      answers: {
        'server/discover': ({ result }) =>
          result({ supportedVersions: ['2026-07-28'], capabilities, ...hints }),
        'resources/list': ({ result }) => result({ resources: [{ uri: 'a:b', name: 'r' }], ...hints }),
        'resources/templates/list': ({ result }) => result({ resourceTemplates: [], ...hints }),
        'resources/read': ({ error, message }) => {
          const { uri } = message.params;
          error(-32602, 'Not here', uri === 'a:b' ? { data: { uri } } : {});
        },
      },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const codeOf = async (uri: string, request: typeof modernRequest) =>
      (await gateway.post(...request('resources/read', { uri }))).messages[0]?.error?.code;
    const legacy = legacyRequest as unknown as typeof modernRequest;
    expect([await codeOf('a:b', legacy), await codeOf('a:b', modernRequest)]).toEqual([-32002, -32602]);
    // It says of nothing that it was not found.
    expect([await codeOf('a:c', legacy), await codeOf('a:c', modernRequest)]).toEqual([-32602, -32602]);
  });

  test('a capability that the caller has not declared', async () => {
    const form = { mode: 'form', message: '?', requestedSchema: { type: 'object', properties: {} } };
    await using crm = await plainServer({
      era: 'modern',
      tools: [tool('asks')],
      answers: {
        'tools/call asks': ({ result }) =>
          result({
            resultType: 'input_required',
            inputRequests: { a: { method: 'elicitation/create', params: form } },
          }),
      },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const { headers } = await gateway.post(...legacyRequest('initialize', { capabilities: { roots: {} } }));
    const session = { 'mcp-session-id': headers['mcp-session-id'] as string };
    const [call] = legacyRequest('tools/call', { name: 'crm__asks', arguments: {} });
    const { messages } = await gateway.post(call, session);
    expect(messages[0]?.error).toMatchObject({
      code: -32602,
      data: { requiredCapabilities: { elicitation: {} } },
    });
    const _meta = { [`${META}clientCapabilities`]: { roots: {} } };
    const modern = modernRequest('tools/call', { name: 'crm__asks', arguments: {}, _meta });
    expect((await gateway.post(...modern)).json.error.code).toBe(-32021);
  });
});

test('what a server logs unasked makes no stream of the answer to a caller that only accepts anything', async () => {
  await using crm = await plainServer({
    era: 'legacy',
    tools: [tool('logs')],
    answers: {
      'tools/call logs': ({ stream }) => {
        const events = stream();
        events.send({ method: 'notifications/message', params: { level: 'error', data: 'unasked' } });
        events.result({ content: [] });
      },
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const framing = async (accept: string | undefined) => {
    const [call] = legacyRequest('tools/call', { name: 'crm__logs', arguments: {} });
    return (await gateway.post(call, { accept })).framing;
  };
  expect(await framing('*/*')).toBe('json');
  expect(await framing(undefined)).toBe('json');
  expect(await framing('application/json, text/event-stream')).toBe('sse');
});

describe('a modern server that asks in the way of the legacy era is not answered', () => {
  test('over HTTP, and what it answers itself reaches the caller', async () => {
    const questions = ['ping', 'elicitation/create', 'roots/list'];
    await using crm = await plainServer({
      era: 'modern',
      tools: [tool('asks')],
      answers: {
        'tools/call asks': ({ stream }) => {
          const events = stream();
          for (const method of questions) events.send({ id: method, method });
          events.result({ resultType: 'complete', content: [] });
        },
      },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const _meta = { [`${META}clientCapabilities`]: { elicitation: {}, roots: {} } };
    const call = modernRequest('tools/call', { name: 'crm__asks', arguments: {}, _meta });
    for (let i = 0; i < 2; i++)
      expect((await gateway.post(...call)).messages.at(-1)?.result.content).toEqual([]);
    const methods = crm.requests.map(({ body }) => (body as { method?: string }).method);
    expect(methods).not.toContain(undefined);
  });

  test('over pipes', async () => {
    await using crm = stdioServer('asks');
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ env: { ERA: 'modern' } }) } });
    const client = await gateway.connect({
      era: 'modern',
      capabilities: { elicitation: {} },
      onElicit: () => ({ action: 'decline' }),
    });
    const { content } = await client.callTool({ name: 'crm__ask', arguments: { pings: true } });
    expect(content).toEqual([{ type: 'text', text: '[]' }]);
  });
});

describe('what is offered is what some server has:', () => {
  const hints = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };
  const onlyPrompts = () =>
    plainServer({
      era: 'modern',
      answers: {
        'server/discover': ({ result }) =>
          result({ supportedVersions: ['2026-07-28'], capabilities: { prompts: {} }, ...hints }),
        'prompts/list': ({ result }) => result({ prompts: [{ name: 'p' }], ...hints }),
      },
    });
  const ofBoth = async (gateway: RunningGateway) => [
    Object.keys((await gateway.post(...modernRequest('server/discover'))).json.result.capabilities),
    Object.keys((await gateway.post(...legacyRequest('initialize', {}))).messages[0]?.result.capabilities),
  ];

  test('no tools where none has any, though who asks for them gets an empty list', async () => {
    await using crm = await onlyPrompts();
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    expect(await ofBoth(gateway)).toEqual([['prompts'], ['prompts']]);
    expect((await gateway.post(...modernRequest('tools/list'))).json.result.tools).toEqual([]);
  });

  test('tools where one has them, however few they are now', async () => {
    await using crm = await onlyPrompts();
    await using empty = await plainServer({ era: 'legacy', tools: [] });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry(), empty: empty.entry() } });
    expect(await ofBoth(gateway)).toEqual([
      ['tools', 'prompts'],
      ['tools', 'prompts'],
    ]);
  });

  test('who listens is promised changes of lists that there are', async () => {
    await using crm = await onlyPrompts();
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const notifications = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };
    const stream = await gateway.open(...modernRequest('subscriptions/listen', { notifications }));
    expect((await stream.next())?.params.notifications).toEqual({ promptsListChanged: true });
    stream.cut();
  });
});
