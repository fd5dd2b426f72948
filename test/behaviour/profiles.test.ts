import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { expiringServer } from '../support/downstreams/expiring.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';

const ONE_OF = {
  name: 'find',
  description: 'Finds.',
  inputSchema: {
    type: 'object',
    oneOf: [
      { properties: { id: { type: 'string' } }, required: ['id'] },
      { properties: { name: { type: 'string' } }, required: ['name'] },
    ],
  },
  outputSchema: { type: 'object' },
  icons: [{ src: 'https://example.com/i.png' }],
};
const LONG = { name: 'x'.repeat(50), inputSchema: { type: 'object' }, _meta: { ui: {}, x: 1 } };

const crmServer = (result: object = { content: [{ type: 'text', text: 'ok' }] }) =>
  plainServer({
    era: 'modern',
    tools: [ONE_OF, LONG],
    answers: { 'tools/call': (exchange) => exchange.result({ resultType: 'complete', ...result }) },
  });

interface Asking {
  query?: string;
  userAgent?: string;
}

/** The list of a caller that asks this way. */
async function listFor(gateway: RunningGateway, { query = '', userAgent }: Asking) {
  const [body, headers] = modernRequest('tools/list');
  const reply = await gateway.send(`/mcp${query}`, {
    body,
    headers: {
      ...headers,
      authorization: `Bearer ${gateway.token}`,
      'content-type': 'application/json',
      ...(userAgent !== undefined && { 'user-agent': userAgent }),
    },
  });
  return reply.json;
}

/** What tells the profiles apart, of the first tool and of the long name of the second. */
async function traits(gateway: RunningGateway, asking: Asking) {
  const [find, long] = (await listFor(gateway, asking)).result.tools;
  return {
    flat: find.inputSchema.oneOf === undefined,
    output: find.outputSchema !== undefined,
    icons: find.icons !== undefined,
    longest: long.name.length,
    meta: Object.keys(long._meta ?? {}),
  };
}

const GENERIC = { flat: false, output: true, icons: true, longest: 55, meta: ['ui', 'x'] };
const REALTIME = { flat: true, output: false, icons: false, longest: 55, meta: [] };
const OPENAI = { flat: true, output: false, icons: false, longest: 55, meta: ['ui'] };
const CLAUDE = { flat: true, output: false, icons: false, longest: 55, meta: ['ui'] };
const CURSOR = { flat: true, output: true, icons: false, longest: 48, meta: ['ui', 'x'] };

test.each([
  ['nothing', {}, GENERIC],
  ['an unknown client', { userAgent: 'node' }, GENERIC],
  ['Realtime', { userAgent: 'openai-mcp/1.0.0 (Realtime API)' }, REALTIME],
  ['ChatGPT', { userAgent: 'openai-mcp/1.0.0 (ChatGPT)' }, OPENAI],
  ['the Responses API', { userAgent: 'openai-mcp/1.0.0 (Responses API)' }, OPENAI],
  ['Codex', { userAgent: 'openai-mcp/1.0.0 (Codex)' }, OPENAI],
  ['Claude Code', { userAgent: 'claude-code/2.1.240 (cli)' }, CLAUDE],
  ['Cursor', { userAgent: 'Cursor/3.2.11 (linux x64)' }, CURSOR],
  ['a profile in the URL, before the client', { query: '?profile=claude', userAgent: 'Cursor/3' }, CLAUDE],
  ['a toolset with a profile', { query: '/voice', userAgent: 'Cursor/3' }, REALTIME],
  ['a profile in the URL of a toolset', { query: '/voice?profile=generic' }, GENERIC],
  ["a person's own profile", { query: '?profile=mine' }, { ...CLAUDE, icons: true }],
])('a caller known by %s gets what it needs', async (_what, asking, expected) => {
  await using crm = await crmServer();
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry() },
    profiles: { mine: { from: 'claude', icons: true } },
    toolsets: { voice: { profile: 'realtime' } },
  });
  expect(await traits(gateway, asking)).toEqual(expected);
});

test('a profile in the file comes before the client, and after the URL', async () => {
  await using crm = await crmServer();
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() }, profile: 'claude' });
  expect(await traits(gateway, { userAgent: 'Cursor/3' })).toEqual(CLAUDE);
  expect(await traits(gateway, { query: '?profile=cursor' })).toEqual(CURSOR);
});

test('what a flattened schema no longer says, the description does', async () => {
  await using crm = await crmServer();
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const { result } = await listFor(gateway, { query: '?profile=realtime' });
  expect(result.tools[0].description).toBe('Finds.\n\nArguments: exactly one of {id} or {name}.');
});

test('a tool that would be gigabytes for a caller is not listed to it, and all others are', async () => {
  const properties = Object.fromEntries(Array.from({ length: 4700 }, (_, at) => [at, { $ref: '#/oneOf/0' }]));
  const inputSchema = { type: 'object', oneOf: [{ description: 'x'.repeat(130_000) }], properties };
  await using crm = await plainServer({ era: 'modern', tools: [{ name: 'vast', inputSchema }, LONG] });
  await using notes = await crmServer();
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry(), notes: notes.entry() },
    toolsets: { reception: { profile: 'realtime' } },
  });
  const namesFor = async (asking: Asking) =>
    (await listFor(gateway, asking)).result.tools.map(({ name }: { name: string }) => name);
  const others = [`crm__${LONG.name}`, 'notes__find', `notes__${LONG.name}`];
  expect(await namesFor({ query: '/reception' })).toEqual(others);
  expect(await namesFor({ query: '?profile=claude' })).toEqual(others);
  expect(await namesFor({})).toEqual(['crm__vast', ...others]);
});

test('a toolset lists and calls its own tools, and no other [R104]', async () => {
  await using crm = await crmServer();
  await using notes = await plainServer({ era: 'legacy' });
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry(), notes: notes.entry() },
    toolsets: { desk: { include: ['crm__*'], exclude: ['*xx*'], description: 'For the desk.' } },
  });
  const post = async (...[body, headers]: ReturnType<typeof modernRequest>) =>
    (
      await gateway.send('/mcp/desk', {
        body,
        headers: {
          ...headers,
          authorization: `Bearer ${gateway.token}`,
          'content-type': 'application/json',
        },
      })
    ).json;
  const { tools } = (await post(...modernRequest('tools/list'))).result;
  expect(tools.map(({ name }: { name: string }) => name)).toEqual(['crm__find']);
  expect((await post(...modernRequest('tools/call', { name: 'crm__find' }))).result.content[0].text).toBe(
    'ok',
  );
  expect((await post(...modernRequest('tools/call', { name: 'notes__echo' }))).error).toMatchObject({
    code: -32602,
    message: 'Unknown tool: notes__echo',
  });
  expect((await post(...modernRequest('server/discover'))).result.instructions).toBe(
    'For the desk.\n- crm (crm__…)',
  );
});

test.each([
  ['/mcp/none', 'There is no such toolset. The whole catalog is at /mcp.'],
  ['/mcp?profile=none', /^There is no such profile\. There is: generic, realtime, /],
])('%s is refused with a sentence', async (path, sentence) => {
  await using crm = await crmServer();
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const reply = await gateway.send(path, {
    body: {},
    headers: { authorization: `Bearer ${gateway.token}`, 'content-type': 'application/json' },
  });
  expect(reply.status).toBe(404);
  expect(reply.json.error).toMatch(sentence);
});

test('a toolset that matches nothing, and a list longer than its caller takes, are noted and logged once', async () => {
  const toolNamed = (index: number) => ({ name: `t${index}`, inputSchema: { type: 'object' } });
  await using crm = await expiringServer([toolNamed(1), toolNamed(2), toolNamed(3)]);
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry() },
    profile: 'mine',
    profiles: { mine: { maxTools: 3 }, voice: { recommendedTools: 1 }, unused: { from: 'realtime' } },
    toolsets: {
      all: { exclude: ['crm__none*'], profile: 'voice' },
      one: { include: ['crm__t1'], profile: 'voice' },
    },
  });
  const told = () => gateway.gateway.status().notes.map(({ tool, note }) => `${tool} ${note}`);
  const toolset = [
    'toolset all has "crm__none*" in include or exclude, which matches nothing.',
    'toolset all has 3 tools, more than the 1 recommended for voice; see toolsets, tools.include.',
  ];
  expect(told()).toEqual(toolset);
  crm.tools = [1, 2, 3, 4].map(toolNamed);
  await expect
    .poll(told)
    .toEqual([
      toolset[0],
      toolset[1]?.replace('has 3', 'has 4'),
      'profile mine has 4 tools, more than the 3 that mine takes.',
    ]);
  const before = crm.requests.length;
  // It lists the same again and again.
  await expect.poll(() => crm.requests.length).toBeGreaterThan(before + 1);
  const warned = gateway.logs.filter((line) => line.includes('profile mine'));
  expect(warned).toHaveLength(1);
  expect(JSON.parse(warned[0] ?? '')).toMatchObject({ level: 'warn', event: 'tool_note' });
});

test('over stdio a toolset and a profile are chosen at the start', async () => {
  await using crm = await crmServer();
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry() },
    toolsets: { desk: { include: ['*find'] } },
  });
  const [input, output] = [new PassThrough(), new PassThrough()];
  const served = gateway.gateway.serveStdio(input, output, '/mcp/desk?profile=realtime');
  const [message] = legacyRequest('tools/list');
  input.end(`${JSON.stringify(message)}\n`);
  await served;
  const { result } = JSON.parse(String(output.read()));
  expect(result.tools).toHaveLength(1);
  expect(result.tools[0]).not.toHaveProperty('icons');
});

test('Realtime gets every result as text that is not too long, others as it is', async () => {
  const result = { content: [], structuredContent: { rows: ['x'.repeat(6000)] } };
  await using crm = await crmServer(result);
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const [body, headers] = modernRequest('tools/call', { name: 'crm__find' });
  const asRealtime = await gateway.post(body, {
    ...headers,
    'user-agent': 'openai-mcp/1.0.0 (Realtime API)',
  });
  const { content, structuredContent } = asRealtime.json.result;
  expect(structuredContent).toBeUndefined();
  expect(content).toHaveLength(1);
  expect(content[0].text).toMatch(/^\{"rows":\["x+\n\[cut here: \d+ of 6013 characters are missing/);
  expect(content[0].text.length).toBeLessThanOrEqual(4096);
  expect((await gateway.post(body, headers)).json.result).toMatchObject(result);
});

test.each([
  ['v1', 'cut', { maxResultChars: 200 }],
  ['modern', 'cut', { maxResultChars: 200 }],
  ['legacy', 'cut', { maxResultChars: 200 }],
  ['v1', 'made text', { results: 'text' }],
  ['modern', 'made text', { results: 'text' }],
] as const)(
  'an SDK client (%s) that knows the output of a tool gets a result that was %s',
  async (era, _what, limits) => {
    await using crm = await crmServer({ content: [], structuredContent: { rows: ['x'.repeat(6000)] } });
    await using gateway = await startGateway({
      mcpServers: { crm: crm.entry() },
      profiles: { narrow: { from: 'generic', ...limits } },
    });
    const client = await gateway.connect({ era, query: '?profile=narrow' } as { era: 'v1' });
    // From here on it holds results against what was listed.
    expect((await client.listTools()).tools[0]).not.toHaveProperty('outputSchema');
    const { content } = await client.callTool({ name: 'crm__find', arguments: {} });
    expect(content).toEqual([{ type: 'text', text: expect.stringMatching(/^\{"rows":\["x+/) }]);
  },
);

test("a call has the time of its caller's profile, unless its server's entry says another", async () => {
  await using crm = await plainServer({
    era: 'modern',
    tools: [ONE_OF],
    answers: { 'tools/call': () => {} },
  });
  await using gateway = await startGateway({
    mcpServers: {
      crm: crm.entry(),
      slow: crm.entry({ callTimeoutMs: 300 }),
    },
    profile: 'hasty',
    profiles: { hasty: { callTimeoutMs: 150 } },
  });
  const textOf = async (name: string) =>
    (await gateway.post(...modernRequest('tools/call', { name }))).json.result.content[0].text;
  expect(await textOf('crm__find')).toContain('within 150 ms');
  expect(await textOf('slow__find')).toContain('within 300 ms');
});

test('a profile can insist on a stream, or on JSON, where the caller takes both', async () => {
  await using crm = await crmServer();
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry() },
    profiles: { streams: { framing: 'sse' }, plain: { framing: 'json' } },
  });
  const framing = async (profile: string, [body, headers]: ReturnType<typeof legacyRequest>) =>
    (
      await gateway.send(`/mcp?profile=${profile}`, {
        body,
        headers: {
          ...headers,
          accept: 'application/json, text/event-stream',
          authorization: `Bearer ${gateway.token}`,
          'content-type': 'application/json',
        },
      })
    ).framing;
  expect(await framing('streams', modernRequest('tools/list'))).toBe('sse');
  expect(await framing('generic', modernRequest('tools/list'))).toBe('json');
  expect(await framing('plain', legacyRequest('tools/list'))).toBe('json');
  expect(await framing('generic', legacyRequest('tools/list'))).toBe('sse');
});
