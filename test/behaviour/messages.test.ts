import { describe, expect, test } from 'vitest';
import type { Answer } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { answersStatus, neverAnswers } from '../support/downstreams/wire.ts';
import { startGateway } from '../support/gateway.ts';
import { legacyRequest, type Message, modernRequest } from '../support/messages.ts';

const ECHO = { name: 'crm__echo', arguments: { text: 'hello' } };
const tool = (name: string) => ({ name, inputSchema: { type: 'object' } });
const SERVER_INFO = 'io.modelcontextprotocol/serverInfo';
const US = { name: 'mcp-switchboard', version: expect.any(String) };
const CACHE = { ttlMs: 60_000, cacheScope: 'private' };

describe.each(['legacy', 'modern'] as const)('to a %s downstream', (era) => {
  test('no two requests have one id, nor two calls one progress token, and each is a text or a whole number [R3] [R78]', async () => {
    await using crm = await plainServer({ era, sessions: era === 'legacy', json: true });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } }, { logLevel: 'warn' });
    const call = (text: string) =>
      gateway.post(
        ...modernRequest('tools/call', {
          name: 'crm__echo',
          arguments: { text },
          _meta: { progressToken: 'mine' },
        }),
      );
    for (let round = 0; round < 10; round++) {
      await Promise.all(Array.from({ length: 30 }, (_none, index) => call(`${round}, ${index}`)));
    }
    const messages = crm.requests.flatMap(({ body }) => (body === undefined ? [] : [body as Message]));
    const requests = messages.filter(({ id }) => id !== undefined);
    expect(requests.length).toBeGreaterThan(300);
    for (const { id } of requests) expect(typeof id === 'string' || Number.isSafeInteger(id)).toBe(true);
    // One session has all of them: in its revision an id is used once and never again.
    expect(new Set(requests.map(({ id }) => id)).size).toBe(requests.length);
    const tokens = requests.flatMap(({ method, params }) =>
      method === 'tools/call' ? [params._meta.progressToken] : [],
    );
    expect(new Set(tokens).size).toBe(300);
  });
});

test('text with line breaks of every kind is one line on a pipe, there and back [R59]', async () => {
  await using files = stdioServer('v2');
  await using gateway = await startGateway({ mcpServers: { crm: files.entry() } });
  const text = 'a\nb\r\nc\u2028d\u2029e\u0085f';
  const { json } = await gateway.post(
    ...modernRequest('tools/call', { name: 'crm__echo', arguments: { text } }),
  );
  expect(json.result.content).toEqual([{ type: 'text', text }]);
  const heard = files.events.flatMap((event) => (event.event === 'received' ? [event.message] : []));
  for (const { jsonrpc } of heard) expect(jsonrpc).toBe('2.0');
  expect(heard.filter(({ method }) => method === 'tools/call')).toHaveLength(1);
});

test.each([
  ['JSON', 'application/json', ''],
  ['an event', 'text/event-stream', 'data: '],
])(
  'bytes that are no UTF-8 are no answer, as %s, and cost no other call [R1]',
  async (_what, type, before) => {
    const odd: Answer = ({ res, message }) => {
      const [head, tail] = JSON.stringify({
        jsonrpc: '2.0',
        id: message.id,
        result: { resultType: 'complete', content: [{ type: 'text', text: '%' }] },
      }).split('%') as [string, string];
      res.writeHead(200, { 'content-type': type });
      res.end(Buffer.concat([Buffer.from(before + head), Buffer.of(0xc3, 0x28), Buffer.from(`${tail}\n\n`)]));
    };
    await using crm = await plainServer({ era: 'modern', answers: { 'tools/call echo': odd } });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const { json } = await gateway.post(...modernRequest('tools/call', ECHO));
    expect(json.result.content[0].text).toContain('something that is not MCP (not UTF-8)');
    const sum = { name: 'crm__add', arguments: { a: 1, b: 2 } };
    const next = await gateway.post(...modernRequest('tools/call', sum));
    expect(next.messages.at(-1)?.result.content[0].text).toBe('3');
  },
);

describe('an error', () => {
  test('has a whole number and a text, the id of its request, and never a code that the protocol keeps to itself [R7] [R8] [R9]', async () => {
    await using crm = await plainServer({
      era: 'modern',
      tools: [tool('wrong_code'), tool('no_text'), tool('status'), tool('silent')],
      answers: {
        'tools/call wrong_code': ({ res, message }) =>
          void res
            .writeHead(200, { 'content-type': 'application/json' })
            .end(JSON.stringify({ jsonrpc: '2.0', id: message.id, error: { code: 'E1', message: 'no' } })),
        'tools/call no_text': ({ res, message }) =>
          void res
            .writeHead(200, { 'content-type': 'application/json' })
            .end(JSON.stringify({ jsonrpc: '2.0', id: message.id, error: { code: -32603 } })),
        'tools/call status': answersStatus(500),
        'tools/call silent': neverAnswers,
      },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ callTimeoutMs: 300 }) } });
    const provoked: (readonly [body: unknown, headers?: Record<string, string>])[] = [
      ['{'],
      ['[]'],
      [{ jsonrpc: '2.0', id: 'i', method: 'ping', params: [] }],
      modernRequest('no/such', {}, 'i'),
      modernRequest('tools/call', { name: 'nope' }, 'i'),
      modernRequest('tools/call', {}, 'i'),
      modernRequest('prompts/get', { name: 'nope' }, 'i'),
      modernRequest('resources/read', { uri: 'nope:' }, 'i'),
      modernRequest('subscriptions/listen', {}, 'i'),
      [modernRequest('tools/list', {}, 'i')[0], {}],
      [legacyRequest('server/discover', {}, { id: 'i' })[0], {}],
      [legacyRequest('tools/list', {}, { id: 'i' })[0], { 'mcp-protocol-version': '1999-01-01' }],
      ...['wrong_code', 'no_text', 'status', 'silent'].map((name) =>
        modernRequest('tools/call', { name: `crm__${name}` }, 'i'),
      ),
    ];
    const KEPT = new Set([-32020, -32021, -32022]);
    let errors = 0;
    for (const [body, headers = {}] of provoked) {
      const reply = await gateway.post(body, { ...headers, accept: 'application/json' });
      for (const { id, error, result } of reply.messages) {
        expect([undefined, 'i']).toContain(id);
        if (error === undefined) {
          expect(result.isError, JSON.stringify(body)).toBe(true);
          continue;
        }
        errors++;
        expect(Number.isInteger(error.code)).toBe(true);
        expect(error.message).toEqual(expect.stringMatching(/\w/));
        const isStandard = error.code === -32700 || (error.code <= -32600 && error.code >= -32603);
        expect(isStandard || KEPT.has(error.code), `${error.code}`).toBe(true);
      }
    }
    expect(errors).toBe(12);
  });

  test('of the gateway says that it is one, and of which server, under a key that nobody else has [R11] [R20] [R23]', async () => {
    await using crm = await plainServer({
      era: 'modern',
      answers: { 'tools/call echo': answersStatus(500) },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const { json } = await gateway.post(...modernRequest('tools/call', ECHO));
    const facts = { downstream: 'crm', reason: expect.any(String), mayHaveRun: true };
    const failure = { 'mcp-switchboard/failure': expect.objectContaining(facts) };
    expect(json.result._meta).toEqual({ ...failure, [SERVER_INFO]: US });
    const legacy = await gateway.post(...legacyRequest('tools/call', ECHO));
    expect(legacy.messages[0]?.result._meta).toEqual(failure);
    // Labels with dots between them and a slash behind; reserved where the second is one of MCP's own.
    const [key = ''] = Object.keys(failure);
    expect(key).toMatch(/^[a-z][a-z0-9-]*[a-z0-9](\.[a-z][a-z0-9-]*[a-z0-9])*\/[a-z0-9][\w.-]*[a-z0-9]$/i);
    expect(key).not.toMatch(/^[\w-]+\.(modelcontextprotocol|mcp)[./]/);
  });

  test('that only a revision before 2026-07-28 has reaches no modern caller, who hears what it takes [R10]', async () => {
    const elicitations = [
      { mode: 'url', elicitationId: '1', url: 'https://example.com/', message: 'Sign in' },
    ];
    await using crm = await plainServer({
      era: 'legacy',
      answers: {
        'tools/call echo': (given) => given.error(-32042, 'Sign in first', { data: { elicitations } }),
      },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const modern = await gateway.post(...modernRequest('tools/call', ECHO));
    const requiredCapabilities = { elicitation: { url: {} } };
    expect(modern.json.error).toMatchObject({ code: -32021, data: { requiredCapabilities } });
    const capabilities = { elicitation: { url: {} } };
    const { headers } = await gateway.post(...legacyRequest('initialize', { capabilities }));
    const session = { 'mcp-session-id': headers['mcp-session-id'] as string };
    const legacy = await gateway.post(legacyRequest('tools/call', ECHO)[0], session);
    expect(legacy.messages[0]?.error).toMatchObject({ code: -32042, data: { elicitations } });
  });
});

describe('a result', () => {
  const offers = { tools: {}, prompts: {}, resources: {}, completions: {} };
  const discovers: Answer = (given) =>
    given.result({
      supportedVersions: ['2026-07-28'],
      capabilities: offers,
      resultType: 'complete',
      ...CACHE,
    });
  const lists = {
    'server/discover': discovers,
    'prompts/list': (given) =>
      given.result({ prompts: [{ name: 'greet' }], resultType: 'complete', ...CACHE }),
    'resources/list': (given) =>
      given.result({ resources: [{ uri: 'a:b', name: 'a' }], resultType: 'complete', ...CACHE }),
    'resources/templates/list': (given) =>
      given.result({ resourceTemplates: [], resultType: 'complete', ...CACHE }),
  } satisfies Record<string, Answer>;

  const REQUESTS = [
    ['tools/call', { name: 'crm__echo', arguments: {} }],
    ['prompts/get', { name: 'crm__greet' }],
    ['resources/read', { uri: 'a:b' }],
    [
      'completion/complete',
      { ref: { type: 'ref/prompt', name: 'crm__greet' }, argument: { name: 'a', value: '' } },
    ],
  ] as const;

  test.each(REQUESTS)('of a type that nobody knows is no answer to %s [R6]', async (method, params) => {
    const odd: Answer = (given) =>
      given.result({ resultType: 'banana', content: [], contents: [], messages: [] });
    await using crm = await plainServer({
      era: 'modern',
      answers: { ...lists, 'tools/call echo': odd, [method]: odd },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    for (const request of [modernRequest, legacyRequest]) {
      const answer = (await gateway.post(...request(method, params))).messages.at(-1);
      const { isError, content } = answer?.result ?? {};
      const told = method === 'tools/call' ? isError && content[0].text : answer?.error?.message;
      expect(told).toContain('a result of an unknown type');
      expect(JSON.stringify(answer)).not.toContain('banana');
    }
  });

  test.each(REQUESTS)(
    'that names no type is complete, and says so to a modern caller of %s [R5]',
    async (method, params) => {
      const untyped: Answer = (given) =>
        given.result({ content: [], contents: [], messages: [], completion: { values: [] } });
      await using crm = await plainServer({
        era: 'modern',
        answers: { ...lists, 'tools/call echo': untyped, [method]: untyped },
      });
      await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
      const modern = await gateway.post(...modernRequest(method, params));
      expect(modern.json.result).toMatchObject({ resultType: 'complete', content: [] });
      const legacy = await gateway.post(...legacyRequest(method, params));
      expect(legacy.messages[0]?.result).toMatchObject({ content: [] });
      expect(legacy.messages[0]?.result).not.toHaveProperty('resultType');
    },
  );

  test.each(['table', 'input_required', 7])(
    'of a server of the legacy era has no type: one that has a field of that name, %j, has answered',
    async (resultType) => {
      const content = [{ type: 'text', text: 'it ran' }];
      await using crm = await plainServer({
        era: 'legacy',
        answers: { 'tools/call echo': (given) => given.result({ resultType, content, rows: 3 }) },
      });
      await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
      const [method, params] = REQUESTS[0];
      const modern = await gateway.post(...modernRequest(method, params));
      expect(modern.json.result).toEqual({ resultType: 'complete', content, rows: 3 });
      const legacy = await gateway.post(...legacyRequest(method, params));
      expect(legacy.messages[0]?.result).toEqual({ content, rows: 3 });
    },
  );

  test('of another request is not kept for the next: who reads twice has read twice [R115] [R117]', async () => {
    let reads = 0;
    await using crm = await plainServer({
      era: 'modern',
      answers: {
        ...lists,
        'resources/read': (given) =>
          given.result({
            resultType: 'complete',
            contents: [{ uri: 'a:b', text: `read ${++reads}` }],
            ttlMs: 600_000,
            cacheScope: 'public',
          }),
      },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const read = async () =>
      (await gateway.post(...modernRequest('resources/read', { uri: 'a:b' }))).json.result;
    expect((await read()).contents[0].text).toBe('read 1');
    // What was read with the gateway's credentials is for those who hold its token.
    expect(await read()).toMatchObject({ contents: [{ text: 'read 2' }], cacheScope: 'private' });
  });

  test('of a completion has a hundred values at most, and says that there are more [R109]', async () => {
    const values = Array.from({ length: 10_000 }, (_, index) => `value ${index}`);
    const few = ['a', 'b'];
    await using crm = await plainServer({
      era: 'modern',
      answers: {
        ...lists,
        'completion/complete': (given) => {
          const isFew = given.message.params.argument.value === 'few';
          given.result({
            resultType: 'complete',
            completion: isFew
              ? { values: few, total: 2, hasMore: false, odd: 1 }
              : { values, hasMore: false },
          });
        },
      },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const complete = async (value: string) => {
      const params = { ref: { type: 'ref/prompt', name: 'crm__greet' }, argument: { name: 'a', value } };
      return (await gateway.post(...modernRequest('completion/complete', params))).json.result.completion;
    };
    expect(await complete('few')).toEqual({ values: few, total: 2, hasMore: false, odd: 1 });
    expect(await complete('')).toEqual({ values: values.slice(0, 100), hasMore: true });
  });
});
