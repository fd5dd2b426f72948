import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { describe, expect, test } from 'vitest';
import type { Answer } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { type Message, modernRequest } from '../support/messages.ts';

const STATE = 'state of the downstream, "as is" \u{1f600}';
const FORM = {
  method: 'elicitation/create',
  params: {
    mode: 'form',
    message: 'Which one?',
    requestedSchema: { type: 'object', properties: { choice: { type: 'string' } } },
  },
};
const tool = (name: string) => ({ name, inputSchema: { type: 'object' } });
const META = 'io.modelcontextprotocol/';

/** Asks until it has been answered, and then tells what it was given. */
const asking =
  (inputRequests: object, requestState: string | undefined = STATE): Answer =>
  (given) => {
    const { inputResponses, requestState: returned } = given.message.params;
    if (inputResponses === undefined) {
      return given.result({ resultType: 'input_required', inputRequests, requestState });
    }
    const text = JSON.stringify({ inputResponses, requestState: returned });
    return given.result({ resultType: 'complete', content: [{ type: 'text', text }] });
  };

const serve = (answer: Answer) =>
  plainServer({ era: 'modern', tools: [tool('ask'), tool('other')], answers: { 'tools/call ask': answer } });

async function call(gateway: RunningGateway, params: Record<string, unknown>, capabilities?: object) {
  const _meta = { [`${META}clientCapabilities`]: capabilities ?? { elicitation: { form: {}, url: {} } } };
  const given = { name: 'crm__ask', arguments: { a: 1, b: { c: 2, d: 3 } }, ...params, _meta };
  return (await gateway.post(...modernRequest('tools/call', given))).messages.at(-1) as Message;
}

test('a question reaches the caller whose call it is, and the answer the downstream, with its state as it was [R91]', async () => {
  await using crm = await serve(asking({ choice: FORM }));
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const client = new Client(
    { name: 'asked', version: '1' },
    { versionNegotiation: { mode: 'auto' }, capabilities: { elicitation: { form: {} } } },
  );
  client.setRequestHandler('elicitation/create', ({ params }) => {
    expect(params.message).toBe('Which one?');
    return { action: 'accept', content: { choice: 'the blue one' } };
  });
  const requestInit = { headers: { authorization: `Bearer ${gateway.token}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(gateway.url), { requestInit }));
  const { content } = await client.callTool({ name: 'crm__ask', arguments: {} });
  await client.close();
  const [block] = content as { text: string }[];
  expect(JSON.parse(block?.text ?? '')).toEqual({
    inputResponses: { choice: { action: 'accept', content: { choice: 'the blue one' } } },
    requestState: STATE,
  });
  const calls = crm.requests.filter(({ headers }) => headers['mcp-method'] === 'tools/call');
  expect(calls).toHaveLength(2);
  const told = { [`${META}clientCapabilities`]: { elicitation: { form: {} } } };
  expect(calls[0]?.body).toMatchObject({ params: { _meta: told } });
});

test('the downstream is told what this caller can be asked, and nothing else that it declared [R19]', async () => {
  await using crm = await serve((given) =>
    given.result({
      resultType: 'complete',
      content: [
        { type: 'text', text: JSON.stringify(given.message.params._meta[`${META}clientCapabilities`]) },
      ],
    }),
  );
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const told = async (capabilities: object) =>
    JSON.parse((await call(gateway, {}, capabilities)).result.content[0].text);
  expect(await told({ sampling: { tools: {} }, roots: {}, extensions: { 'example.com/x': {} } })).toEqual({
    sampling: { tools: {} },
    roots: {},
  });
  expect(await told({})).toEqual({});
  expect(await told({ elicitation: 'yes' })).toEqual({});
});

describe('the state of a downstream', () => {
  test('is not shown to the caller, and comes back for this request alone [R89] [R90]', async () => {
    await using crm = await serve(asking({ choice: FORM }));
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const first = (await call(gateway, {})).result;
    expect(first.resultType).toBe('input_required');
    expect(first.requestState).not.toContain('state of');
    expect(Buffer.from(first.requestState, 'base64url').toString('latin1')).not.toContain('state of');
    const inputResponses = { choice: { action: 'decline' } };
    const retry = { inputResponses, requestState: first.requestState };
    // Another order of the same arguments is the same request.
    const again = await call(gateway, { ...retry, arguments: { b: { d: 3, c: 2 }, a: 1 } });
    expect(JSON.parse(again.result.content[0].text)).toEqual({ inputResponses, requestState: STATE });

    const before = crm.requests.length;
    const flipped = `${first.requestState.slice(0, -2)}${first.requestState.endsWith('AA') ? 'BB' : 'AA'}`;
    const refused: Record<string, unknown>[] = [
      { ...retry, arguments: { a: 2 } },
      { ...retry, name: 'crm__other' },
      { ...retry, requestState: flipped },
      { ...retry, requestState: STATE },
      { ...retry, requestState: '' },
      { ...retry, requestState: 7 },
    ];
    for (const params of refused) {
      expect((await call(gateway, params)).error?.code, JSON.stringify(params)).toBe(-32602);
    }
    expect(crm.requests.length).toBe(before);
  });

  test('opens after a restart with the same token, and not with another [R14] [R90] [R142]', async () => {
    await using crm = await serve(asking({ choice: FORM }));
    const servers = { mcpServers: { crm: crm.entry() } };
    const sealed = async () => {
      await using gateway = await startGateway(servers);
      return (await call(gateway, {})).result.requestState;
    };
    const retry = { inputResponses: {}, requestState: await sealed() };
    await using restarted = await startGateway(servers);
    expect((await call(restarted, retry)).result.resultType).toBe('complete');
    await using other = await startGateway(servers, { token: 'another-token-of-another-gateway' });
    expect((await call(other, retry)).error?.code).toBe(-32602);
  });

  test('is not made up where there is none [R91]', async () => {
    await using crm = await plainServer({
      era: 'modern',
      tools: [tool('ask')],
      answers: {
        'tools/call ask': (given) => {
          const { inputResponses, ...rest } = given.message.params;
          return inputResponses === undefined
            ? given.result({ resultType: 'input_required', inputRequests: { choice: FORM } })
            : given.result({ resultType: 'complete', content: [], isError: 'requestState' in rest });
        },
      },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    expect((await call(gateway, {})).result).not.toHaveProperty('requestState');
    const { result } = await call(gateway, { inputResponses: { choice: { action: 'cancel' } } });
    expect(result.isError).toBe(false);
  });
});

test('a state that is no text of Unicode comes back as it was', async () => {
  const state = 'half of a pair: \ud800, and on';
  await using crm = await serve(asking({ choice: FORM }, state));
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const { requestState } = (await call(gateway, {})).result;
  const { result } = await call(gateway, { inputResponses: {}, requestState });
  expect(JSON.parse(result.content[0].text).requestState).toBe(state);
});

test('behind several servers a question says whose it is [R166]', async () => {
  await using crm = await serve(asking({ choice: FORM, roots: { method: 'roots/list' } }));
  await using billing = await serve(asking({}));
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry(), billing: billing.entry() } });
  const { result } = await call(gateway, {}, { elicitation: {}, roots: {} });
  expect(result.inputRequests).toEqual({
    choice: { ...FORM, params: { ...FORM.params, message: 'crm: Which one?' } },
    roots: { method: 'roots/list' },
  });
});

const URL_MODE = (url: string) => ({
  choice: {
    method: 'elicitation/create',
    params: { mode: 'url', message: 'Sign in', url, elicitationId: '1' },
  },
});

test.each([
  ['a form where nothing was declared', { a: FORM }, {}, { elicitation: {} }],
  ['a URL where nothing was declared', URL_MODE('https://example.com/'), {}, { elicitation: { url: {} } }],
  [
    'sampling that was not declared',
    { a: { method: 'sampling/createMessage', params: {} } },
    { elicitation: {} },
    { sampling: {} },
  ],
  [
    'a URL where only forms were declared',
    URL_MODE('https://example.com/'),
    { elicitation: { form: {} } },
    { elicitation: { url: {} } },
  ],
  [
    'a form where only URLs were declared',
    { a: FORM },
    { elicitation: { url: {} } },
    { elicitation: { form: {} } },
  ],
  [
    'sampling with tools where they were not declared',
    { a: { method: 'sampling/createMessage', params: { messages: [], maxTokens: 1, tools: [] } } },
    { sampling: {} },
    { sampling: { tools: {} } },
  ],
  [
    'sampling with a choice of tools where they were not declared',
    {
      a: {
        method: 'sampling/createMessage',
        params: { messages: [], maxTokens: 1, toolChoice: { mode: 'auto' } },
      },
    },
    { sampling: { context: {} } },
    { sampling: { tools: {} } },
  ],
])('%s is asked of nobody [R19] [R88]', async (_what, inputRequests, capabilities, required) => {
  await using crm = await serve(asking(inputRequests));
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const { error } = await call(gateway, {}, capabilities);
  expect(error?.code).toBe(-32021);
  expect(error?.data).toEqual({ requiredCapabilities: required });
});

test.each([
  [
    'something that is no question [R167]',
    { choice: { method: 'tools/call' } },
    undefined,
    'asked for input',
  ],
  ['nonsense', [FORM], undefined, 'asked for input'],
  [
    'an address that is a script [R144]',
    URL_MODE('javascript:alert(1)'),
    undefined,
    'no http or https address',
  ],
  ['an address on disk [R144]', URL_MODE('file:///etc/passwd'), undefined, 'no http or https address'],
])('%s: the call ends with a sentence', async (_what, inputRequests, capabilities, sentence) => {
  await using crm = await serve(asking(inputRequests));
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const { result } = await call(gateway, {}, capabilities);
  expect(result.isError).toBe(true);
  expect(result.content[0].text).toContain(sentence);
});

test.each([
  ['a form, where nothing but the capability was declared', { a: FORM }, { elicitation: {} }],
  [
    'sampling with tools, where they were declared',
    { a: { method: 'sampling/createMessage', params: { messages: [], maxTokens: 1, tools: [] } } },
    { sampling: { tools: {} } },
  ],
])('%s goes through', async (_what, inputRequests, capabilities) => {
  await using crm = await serve(asking(inputRequests));
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  expect((await call(gateway, {}, capabilities)).result.inputRequests).toEqual(inputRequests);
});

test('a progress token of a question stays on its hop, what else there is goes on', async () => {
  const withMeta = (_meta: object) => ({ a: { ...FORM, params: { ...FORM.params, _meta } } });
  await using crm = await serve(asking(withMeta({ progressToken: 1, 'example.com/x': 2 })));
  await using other = await serve(asking(withMeta({ progressToken: 1 })));
  for (const [server, shown] of [
    [crm, withMeta({ 'example.com/x': 2 })],
    [other, { a: FORM }],
  ] as const) {
    await using gateway = await startGateway({ mcpServers: { crm: server.entry() } });
    expect((await call(gateway, {})).result.inputRequests).toEqual(shown);
  }
});

test('a sound question with a web address goes through', async () => {
  await using crm = await serve(asking(URL_MODE('https://example.com/sign-in')));
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  expect((await call(gateway, {})).result.inputRequests).toEqual(URL_MODE('https://example.com/sign-in'));
});

describe('what a downstream logs during a call', () => {
  const logging: Answer = (given) => {
    const stream = given.stream();
    for (const level of ['debug', 'warning', 'error', 'shout']) {
      stream.send({ method: 'notifications/message', params: { level, logger: 'crm', data: { n: level } } });
    }
    const asked = given.message.params._meta[`${META}logLevel`] ?? 'none';
    stream.result({ resultType: 'complete', content: [{ type: 'text', text: asked }] });
  };
  const heard = async (gateway: RunningGateway, logLevel: string | undefined) => {
    const _meta = logLevel === undefined ? {} : { [`${META}logLevel`]: logLevel };
    const { messages } = await gateway.post(
      ...modernRequest('tools/call', { name: 'crm__ask', arguments: {}, _meta }),
    );
    return [
      ...messages.slice(0, -1).map(({ params }) => params.level),
      messages.at(-1)?.result.content[0].text,
    ];
  };

  test('reaches its caller, from the level on that it named, and no caller that named none [R110]', async () => {
    await using crm = await serve(logging);
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    expect(await heard(gateway, 'warning')).toEqual(['warning', 'error', 'warning']);
    expect(await heard(gateway, 'debug')).toEqual(['debug', 'warning', 'error', 'debug']);
    expect(await heard(gateway, undefined)).toEqual(['none']);
    const _meta = { [`${META}logLevel`]: 'shout' };
    for (const [method, params] of [
      ['tools/call', { name: 'crm__ask', arguments: {}, _meta }],
      ['tools/list', { _meta }],
      ['server/discover', { _meta }],
    ] as const) {
      const { json } = await gateway.post(...modernRequest(method, params));
      expect(json.error, method).toMatchObject({
        code: -32602,
        message: expect.stringContaining('must be one of debug'),
      });
    }
  });
});

test('the level from which on a modern caller wants logs is told to a legacy downstream, before the call', async () => {
  const capabilities = { tools: {}, logging: {} };
  await using crm = await plainServer({
    era: 'legacy',
    tools: [tool('ask')],
    answers: {
      initialize: ({ result }) =>
        result({ protocolVersion: '2025-11-25', capabilities, serverInfo: { name: 'logs', version: '1' } }),
      'logging/setLevel': ({ result }) => result({}),
      'tools/call ask': ({ result }) => result({ content: [] }),
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const told = () =>
    crm.requests
      .map(({ body }) => body as Message | undefined)
      .flatMap((sent) => (sent?.method === 'logging/setLevel' ? [sent.params.level] : []));
  for (const logLevel of [undefined, 'warning', 'error', 'debug']) {
    const _meta = logLevel === undefined ? {} : { [`${META}logLevel`]: logLevel };
    await gateway.post(...modernRequest('tools/call', { name: 'crm__ask', arguments: {}, _meta }));
  }
  // What is told already covers what is more urgent.
  await expect.poll(told).toEqual(['warning', 'debug']);
});

describe('a round that asks nothing, and only wants its state back', () => {
  const rounds =
    (count: number): Answer =>
    (given) => {
      const round = Number(given.message.params.requestState ?? 0);
      return round < count
        ? given.result({ resultType: 'input_required', requestState: String(round + 1) })
        : given.result({ resultType: 'complete', content: [{ type: 'text', text: `round ${round}` }] });
    };

  test.each(['modern', 'legacy', 'v1'] as const)('is of no concern to a %s caller', async (era) => {
    await using crm = await serve(rounds(3));
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    for (const capabilities of [{}, { elicitation: {} }]) {
      const client = (await gateway.connect({ era: era as 'modern', capabilities })) as Client;
      const { content } = await client.callTool({ name: 'crm__ask', arguments: {} });
      expect(content).toEqual([{ type: 'text', text: 'round 3' }]);
    }
  });

  test('is not gone on with for ever', async () => {
    await using crm = await serve(rounds(1000));
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const client = await gateway.connect({ era: 'legacy' });
    const result = await client.callTool({ name: 'crm__ask', arguments: {} });
    expect(result.isError).toBe(true);
    const calls = crm.requests.filter(({ headers }) => headers['mcp-method'] === 'tools/call');
    expect(calls.length).toBeLessThan(20);
  });
});
