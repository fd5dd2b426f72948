import { expect, test } from 'vitest';
import { plainServer } from '../support/downstreams/plain.ts';
import { startGateway } from '../support/gateway.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';

const tool = (name: string, rest: object = {}) => ({ name, inputSchema: { type: 'object' }, ...rest });

const BAD_TOOLS = [
  ['without a name', { inputSchema: { type: 'object' } }],
  ['whose name is a number', { name: 7, inputSchema: { type: 'object' } }],
  ['without an inputSchema', { name: 'bad' }],
  ['whose inputSchema is null', { name: 'bad', inputSchema: null }],
  ['whose inputSchema is a list', { name: 'bad', inputSchema: [] }],
  ['whose inputSchema is of another type', { name: 'bad', inputSchema: { type: 'string' } }],
  ['whose description is null', tool('bad', { description: null })],
  ['whose annotations are text', tool('bad', { annotations: 'x' })],
  ['whose outputSchema is a list', tool('bad', { outputSchema: [] })],
  ['whose _meta is a number', tool('bad', { _meta: 1 })],
  ['that is text', 'bad'],
  ['that is null', null],
  ['that is a list', [tool('bad')]],
  [
    'with an invalid x-mcp-header',
    tool('bad', {
      inputSchema: { type: 'object', properties: { a: { type: 'number', 'x-mcp-header': 'A' } } },
    }),
  ],
] as const;

test.each(BAD_TOOLS)(
  'a tool %s is left out with its reason, and the other ninety-nine stay [R54] [R100]',
  async (_what, bad) => {
    const good = Array.from({ length: 99 }, (_, index) => tool(`good_${index}`));
    await using downstream = await plainServer({
      era: 'modern',
      tools: [...good.slice(0, 50), bad, ...good.slice(50)],
    });
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
    for (const era of ['modern', 'legacy', 'v1'] as const) {
      const client = await (era === 'v1' ? gateway.connect({ era }) : gateway.connect({ era }));
      expect((await client.listTools()).tools).toHaveLength(99);
    }
    expect(gateway.gateway.status().notes).toEqual([
      { downstream: 'crm', tool: expect.any(String), note: expect.stringMatching(/^is left out: .*\.$/) },
    ]);
    expect(gateway.logs.filter((line) => line.includes('is left out'))).toHaveLength(1);
  },
);

test('an outputSchema that legacy clients would reject the list for is kept from them only', async () => {
  await using downstream = await plainServer({
    era: 'modern',
    tools: [tool('list_all', { outputSchema: { type: 'array' } })],
  });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  const modern = await gateway.post(...modernRequest('tools/list'));
  const legacy = await gateway.post(...legacyRequest('tools/list'));
  expect(modern.messages[0]?.result.tools[0].outputSchema).toEqual({ type: 'array' });
  expect(legacy.messages[0]?.result.tools[0]).not.toHaveProperty('outputSchema');
  expect((await (await gateway.connect({ era: 'v1' })).listTools()).tools).toHaveLength(1);
});

test('two servers with the same names: the earlier entry keeps them, whoever comes up first, and both can be called [R21] [R99]', async () => {
  const answer = (text: string) => ({
    'tools/call search': (given: { result(r: object): void }) =>
      given.result({ resultType: 'complete', content: [{ type: 'text', text }] }),
  });
  const seen = new Set<string>();
  for (const delayed of ['first', 'second']) {
    const slowList = (who: string) =>
      who === delayed
        ? {
            'tools/list': async (given: { usual(): unknown }) => {
              await new Promise((resolve) => setTimeout(resolve, 100));
              return given.usual();
            },
          }
        : {};
    await using first = await plainServer({
      era: 'modern',
      tools: [tool('search')],
      answers: { ...answer('first'), ...slowList('first') },
    });
    await using second = await plainServer({
      era: 'modern',
      tools: [tool('search')],
      answers: { ...answer('second'), ...slowList('second') },
    });
    await using gateway = await startGateway({
      mcpServers: { first: first.entry({ prefix: '' }), second: second.entry({ prefix: '' }) },
    });
    const client = await gateway.connect();
    const names = (await client.listTools()).tools.map(({ name }) => name);
    expect(names).toEqual(['search', expect.stringMatching(/^search_[0-9a-f]{8}$/)]);
    seen.add(names.join());
    const texts = await Promise.all(
      names.map(async (name) => (await client.callTool({ name, arguments: {} })).content),
    );
    expect(texts).toEqual([[{ type: 'text', text: 'first' }], [{ type: 'text', text: 'second' }]]);
    expect(gateway.gateway.status().notes).toEqual([
      { downstream: 'second', tool: 'search', note: expect.stringContaining('"first" already has search') },
    ]);
  }
  expect(seen.size).toBe(1);
});

test('tools named like what every object has are tools like any other', async () => {
  const names = ['__proto__', 'constructor', 'hasOwnProperty', 'then', 'toString'];
  await using downstream = await plainServer({
    era: 'modern',
    tools: names.map((name) => tool(name)),
    answers: Object.fromEntries(
      names.map((name) => [
        `tools/call ${name}`,
        (given: { result(r: object): void }) =>
          given.result({ resultType: 'complete', content: [{ type: 'text', text: name }] }),
      ]),
    ),
  });
  await using gateway = await startGateway({ mcpServers: { constructor: downstream.entry({ prefix: '' }) } });
  for (const name of names) {
    const reply = await gateway.post(...modernRequest('tools/call', { name, arguments: {} }));
    expect(reply.json.result.content[0].text).toBe(name);
  }
  const unknown = await gateway.post(...modernRequest('tools/call', { name: 'valueOf', arguments: {} }));
  expect(unknown.json.error.code).toBe(-32602);
});

test('the list is the same bytes every time, in the order of the file, then by name [R97]', async () => {
  await using one = await plainServer({ era: 'modern', tools: [tool('b'), tool('a')] });
  await using two = await plainServer({ era: 'legacy', tools: [tool('d'), tool('c')] });
  await using gateway = await startGateway({ mcpServers: { z: one.entry(), a: two.entry() } });
  const texts = new Set<string>();
  for (let i = 0; i < 20; i++) texts.add((await gateway.post(...modernRequest('tools/list'))).text);
  expect(texts.size).toBe(1);
  const list = await gateway.post(...modernRequest('tools/list'));
  expect(list.json.result.tools.map(({ name }: { name: string }) => name)).toEqual([
    'z__a',
    'z__b',
    'a__c',
    'a__d',
  ]);
});

test('arguments that a tool mirrors into headers are mirrored downstream, and held against the body in front [R52] [R53]', async () => {
  await using downstream = await plainServer({
    era: 'modern',
    tools: [
      tool('query', {
        inputSchema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } },
      }),
    ],
    answers: { 'tools/call query': (given) => given.result({ resultType: 'complete', content: [] }) },
  });
  await using gateway = await startGateway({ mcpServers: { sql: downstream.entry() } });
  const [body, headers] = modernRequest(
    'tools/call',
    { name: 'sql__query', arguments: { region: 'zürich' } },
    3,
  );
  const encoded = '=?base64?esO8cmljaA==?=';
  expect(
    (await gateway.post(body, { ...headers, 'mcp-param-region': encoded })).json.result.isError,
  ).toBeUndefined();
  expect(downstream.requests.at(-1)?.headers['mcp-param-region']).toBe(encoded);
  for (const wrong of [undefined, 'zurich', '=?base64?x?=']) {
    const reply = await gateway.post(body, { ...headers, 'mcp-param-region': wrong });
    expect([reply.status, reply.json.id, reply.json.error.code]).toEqual([400, 3, -32020]);
  }
  // Callers of the legacy era know nothing of it; the hop behind is modern all the same.
  await gateway.post(...legacyRequest('tools/call', { name: 'sql__query', arguments: { region: 'eu' } }));
  expect(downstream.requests.at(-1)?.headers['mcp-param-region']).toBe('eu');
});
