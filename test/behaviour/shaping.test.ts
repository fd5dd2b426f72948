// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${NAME} is what servers.json says, not a forgotten template.
import { expect, test } from 'vitest';
import { PROFILES } from '../../src/config/profiles.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { modernOffers } from '../support/downstreams/offers.ts';
import { type PlainScript, plainServer } from '../support/downstreams/plain.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { modernRequest } from '../support/messages.ts';

const tool = (name: string, rest: object = {}) => ({ name, inputSchema: { type: 'object' }, ...rest });
const asked: Answer = ({ message, recorded, result }) =>
  result({
    resultType: 'complete',
    content: [{ type: 'text', text: JSON.stringify(message.params) }],
    _meta: { header: recorded.headers['mcp-param-region'] ?? null },
  });

const serverWith = (tools: object[], script: Partial<PlainScript> = {}) =>
  plainServer({ era: 'modern', tools, answers: { 'tools/call': asked }, ...script });

async function listed(gateway: RunningGateway) {
  return (await gateway.post(...modernRequest('tools/list'))).json.result.tools as Record<string, never>[];
}

async function call(gateway: RunningGateway, name: string, args: object) {
  const reply = await gateway.post(...modernRequest('tools/call', { name, arguments: args }));
  return JSON.parse(reply.json.result.content[0].text) as { name: string; arguments: object };
}

test('include and exclude are globs on the names that the server gives', async () => {
  await using crm = await serverWith(['find_a', 'find_b', 'find_all', 'drop'].map((name) => tool(name)));
  const tools = { include: ['find_*'], exclude: ['find_al?'] };
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ tools }) } });
  expect((await listed(gateway)).map(({ name }) => name)).toEqual(['crm__find_a', 'crm__find_b']);
  const reply = await gateway.post(...modernRequest('tools/call', { name: 'crm__drop' }));
  expect(reply.json.error.message).toBe('Unknown tool: crm__drop');
});

test('a tool can have another name, title, description and annotations, or be left out', async () => {
  await using crm = await serverWith([
    tool('find', { description: 'Finds.', annotations: { openWorldHint: true } }),
    tool('drop'),
  ]);
  const overrides = {
    find: {
      rename: 'search',
      title: 'Search',
      description: 'Searches customers.',
      annotations: { readOnlyHint: true },
    },
    drop: { enabled: false },
  };
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ tools: { overrides } }) } });
  expect(await listed(gateway)).toEqual([
    {
      name: 'crm__search',
      title: 'Search',
      description: 'Searches customers.',
      inputSchema: { type: 'object' },
      annotations: { openWorldHint: true, readOnlyHint: true },
    },
  ]);
  expect(await call(gateway, 'crm__search', {})).toMatchObject({ name: 'find' });
});

test('an argument can be set and hidden, have a default, another name and another description', async () => {
  const properties = {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    limit: { type: 'integer' },
    q: { type: 'string', description: 'q' },
    plain: { type: 'string' },
  };
  await using crm = await serverWith([
    tool('find', { inputSchema: { type: 'object', properties, required: ['region', 'limit', 'q'] } }),
  ]);
  const overrides = {
    find: {
      arguments: {
        region: { set: '${REGION}' },
        limit: { default: 5 },
        q: { rename: 'name', description: 'A name.' },
      },
    },
  };
  await using gateway = await startGateway(
    { mcpServers: { crm: crm.entry({ tools: { overrides } }) } },
    { env: { REGION: 'secret-region' }, echoesSecrets: true },
  );
  const [find] = await listed(gateway);
  expect(find?.inputSchema).toEqual({
    type: 'object',
    properties: {
      limit: { type: 'integer', default: 5 },
      name: { type: 'string', description: 'A name.' },
      plain: { type: 'string' },
    },
    required: ['name'],
  });
  const { arguments: first } = await call(gateway, 'crm__find', { name: 'Ada', region: 'mine', q: 'old' });
  expect(first).toEqual({ limit: 5, q: 'Ada', region: 'secret-region' });
  const { arguments: second } = await call(gateway, 'crm__find', { limit: 9, plain: 'x' });
  expect(second).toEqual({ limit: 9, plain: 'x', region: 'secret-region' });
  expect(crm.requests.at(-1)?.headers['mcp-param-region']).toBe('secret-region');
  expect(JSON.stringify([gateway.gateway.status(), gateway.logs])).not.toContain('secret-region');
});

test('arguments that are no object are refused where they would be shaped; null is none', async () => {
  await using crm = await serverWith([tool('find')]);
  const overrides = { find: { arguments: { limit: { default: 5 } } } };
  const find = { inputSchema: { type: 'object', properties: { limit: { type: 'integer' } } } };
  await using shaped = await serverWith([tool('find', find)]);
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry(), shaped: shaped.entry({ tools: { overrides } }) },
  });
  const isCall = ({ body }: { body: unknown }) => (body as { method: string }).method === 'tools/call';
  for (const given of ['x', [1], 3, true]) {
    const request = modernRequest('tools/call', { name: 'shaped__find', arguments: given });
    expect((await gateway.post(...request)).json.error).toEqual({
      code: -32602,
      message: 'params.arguments must be an object.',
    });
    // What is not shaped is for the server to judge.
    expect(await call(gateway, 'crm__find', given as never)).toMatchObject({ arguments: given });
  }
  expect(shaped.requests.filter(isCall)).toEqual([]);
  expect(await call(gateway, 'shaped__find', null as never)).toMatchObject({ arguments: { limit: 5 } });
});

test('an argument that only alternatives of the root have is shaped like any other', async () => {
  const kind = { type: 'string', enum: ['person', 'firm'] };
  const named = (rest: object) => ({
    properties: { kind, q: { type: 'string' }, ...rest },
    required: ['kind', 'q'],
  });
  const inputSchema = {
    type: 'object',
    oneOf: [named({ age: { type: 'integer' } }), { $ref: '#/$defs/firm' }, { allOf: [named({})] }],
    $defs: { firm: named({ tree: { $ref: '#/$defs/firm' } }) },
  };
  await using crm = await serverWith([tool('find', { inputSchema })]);
  const overrides = {
    find: {
      arguments: {
        kind: { set: 'person' },
        q: { rename: 'name', description: 'A name.' },
        age: { default: 18 },
        none: { default: 1 },
      },
    },
  };
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ tools: { overrides } }) } });
  const [find] = await listed(gateway);
  const name = { type: 'string', description: 'A name.' };
  expect(find?.inputSchema).toEqual({
    type: 'object',
    oneOf: [
      { properties: { name, age: { type: 'integer', default: 18 } }, required: ['name'] },
      { properties: { name, tree: { $ref: '#/$defs/firm' } }, required: ['name'] },
      { allOf: [{ properties: { name }, required: ['name'] }] },
    ],
    $defs: inputSchema.$defs,
  });
  const { arguments: sent } = await call(gateway, 'crm__find', { name: 'Ada' });
  expect(sent).toEqual({ kind: 'person', q: 'Ada', age: 18, none: 1 });
  expect(gateway.gateway.status().notes.map(({ note }) => note)).toEqual([
    'has an override for its argument "none", and its inputSchema has no such one.',
  ]);
});

test('how many arguments a tool wants is told without those that are sent anyway', async () => {
  const text = { type: 'string' };
  const properties = { id: text, zone: text, name: text, email: text };
  const inputSchema = { type: 'object', properties, minProperties: 3, maxProperties: 3 };
  await using crm = await serverWith([tool('update', { inputSchema })]);
  const overrides = { update: { arguments: { id: { set: 'c-1' }, zone: { default: 'eu' } } } };
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ tools: { overrides } }) } });
  const [update] = await listed(gateway);
  expect(update?.inputSchema).toMatchObject({ minProperties: 1, maxProperties: 2 });
  expect((await call(gateway, 'crm__update', { name: 'Ada' })).arguments).toEqual({
    id: 'c-1',
    zone: 'eu',
    name: 'Ada',
  });
});

test('an argument is set or renamed wherever its schema speaks of it, for every profile', async () => {
  const text = { type: 'string' };
  const inputSchema = {
    type: 'object',
    properties: { q: text, region: text, vat: text, code: text },
    dependentRequired: { q: ['region', 'code'], region: ['code'] },
    if: { properties: { region: { const: 'eu' } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
    then: { required: ['vat'] },
    else: { required: ['q'] },
    not: { required: ['q', 'vat', 'region'] },
    dependentSchemas: { q: { properties: { region: { minLength: 1 }, q: { minLength: 2 } } } },
  };
  const both = { $ref: '#/$defs/both', $defs: { both: { type: 'object', allOf: [inputSchema] } } };
  await using crm = await serverWith([
    tool('find', { inputSchema }),
    tool('find_there', { inputSchema: both }),
  ]);
  const withRegion = (set: string) => ({ arguments: { region: { set }, q: { rename: 'name' } } });
  const overrides = { find: withRegion('eu'), find_there: withRegion('us') };
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ tools: { overrides } }) } });
  const shown = (needed: string) => ({
    properties: { name: text, vat: text, code: text },
    dependentRequired: { name: ['code'] },
    required: ['code'],
    allOf: [{ required: [needed] }],
    not: { required: ['name', 'vat'] },
    dependentSchemas: { name: { properties: { name: { minLength: 2 } } } },
  });
  const [find, there] = await listed(gateway);
  expect(find?.inputSchema).toEqual({ type: 'object', ...shown('vat') });
  expect(there?.inputSchema).toMatchObject({ allOf: [{ type: 'object', ...shown('name') }] });
  for (const profile of PROFILES.keys()) {
    const [body, headers] = modernRequest('tools/list');
    const asked = {
      authorization: `Bearer ${gateway.token}`,
      'content-type': 'application/json',
      ...headers,
    };
    const { json } = await gateway.send(`/mcp?profile=${profile}`, { body, headers: asked });
    for (const { name, description, inputSchema: schema } of json.result.tools) {
      const { $defs: _defs, ...seen } = schema;
      expect(JSON.stringify([description, seen]), `${profile} ${name}`).not.toMatch(/\bregion\b|\bq\b/);
    }
  }
});

test('a condition on an argument that is set stays where it is about others as well', async () => {
  const inputSchema = {
    type: 'object',
    properties: { kind: {}, region: {}, vat: {} },
    if: { properties: { region: { enum: ['eu', 'ch'] }, kind: { const: 'firm' } }, required: ['kind'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
    then: { required: ['vat'] },
    not: { properties: { region: { const: 'us' } } },
  };
  await using crm = await serverWith([tool('find', { inputSchema })]);
  const overrides = { find: { arguments: { region: { set: 'eu' } } } };
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ tools: { overrides } }) } });
  const [find] = await listed(gateway);
  expect(find?.inputSchema).toEqual({
    type: 'object',
    properties: { kind: {}, vat: {} },
    if: { properties: { kind: { const: 'firm' } }, required: ['kind'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
    then: { required: ['vat'] },
  });
});

test('a reference to an argument stands for what it stood for when that has another name, or is hidden', async () => {
  const [a, b] = [{ type: 'string' }, { type: 'number' }];
  const properties = { a, b, d: { $ref: '#/properties/a' }, e: { $ref: '#/anyOf/0/properties/b' } };
  const inputSchema = { type: 'object', properties, anyOf: [{ properties: { b } }] };
  const names = ['describes', 'hides', 'swaps'];
  await using crm = await serverWith(names.map((name) => tool(name, { inputSchema })));
  const overrides = {
    describes: { arguments: { a: { description: 'A.' } } },
    hides: { arguments: { a: { set: 'x' }, b: { rename: 'a' } } },
    swaps: { arguments: { a: { rename: 'b' }, b: { rename: 'a' } } },
  };
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ tools: { overrides } }) } });
  const shown = (await listed(gateway)).map(
    ({ inputSchema: schema }) => (schema as unknown as typeof inputSchema).properties,
  );
  expect(shown).toEqual([
    { ...properties, a: { ...a, description: 'A.' } },
    { a: b, d: a, e: b },
    { b: a, a: b, d: a, e: b },
  ]);
});

test.each([
  [
    'that one argument stands in many thousand times',
    {
      anyOf: Array.from({ length: 6000 }, () => ({ $ref: '#/$defs/a' })),
      $defs: { a: { properties: { q: { description: 'x'.repeat(50_000) } } } },
    },
  ],
  [
    'whose references lead on and on',
    {
      $ref: '#/$defs/0',
      $defs: Object.fromEntries(
        Array.from({ length: 6000 }, (_, at) => [at, { allOf: [{ $ref: `#/$defs/${at + 1}` }] }]),
      ),
    },
  ],
])('a tool with overrides, %s, is left out, and no other', async (_what, schema) => {
  const inputSchema = { type: 'object', properties: { q: {} }, ...schema };
  await using crm = await serverWith([tool('vast', { inputSchema }), tool('find')]);
  const overrides = { vast: { arguments: { q: { rename: 'name' } } } };
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ tools: { overrides } }) } });
  expect((await listed(gateway)).map(({ name }) => name)).toEqual(['crm__find']);
  expect(gateway.gateway.status().notes.map(({ tool: name, note }) => `${name} ${note}`)).toEqual([
    expect.stringMatching(
      /^vast is left out: with its overrides, its \$refs .* more than \d+ (levels|characters)\.$/,
    ),
  ]);
});

test('no argument is lost to another that would be given its name', async () => {
  const text = { type: 'string' };
  const properties = { a: text, b: text, c: text, d: text, e: text, fixed: text, g: text };
  await using crm = await serverWith([tool('find', { inputSchema: { type: 'object', properties } })]);
  const overrides = {
    find: {
      arguments: {
        // b keeps its name, since c has one: so a keeps its own.
        a: { rename: 'b' },
        b: { rename: 'c' },
        // These change places, and the name of a hidden one is free.
        d: { rename: 'e' },
        e: { rename: 'd' },
        fixed: { set: 'f' },
        g: { rename: 'fixed' },
      },
    },
  };
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ tools: { overrides } }) } });
  const [find] = await listed(gateway);
  const { properties: shown } = (find?.inputSchema ?? {}) as { properties: object };
  expect(Object.keys(shown).sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'fixed']);
  const args = { a: '1', b: '2', c: '3', d: '4', e: '5', fixed: '6' };
  const { arguments: sent } = await call(gateway, 'crm__find', args);
  expect(sent).toEqual({ a: '1', b: '2', c: '3', e: '4', d: '5', g: '6', fixed: 'f' });
  const keeps = (from: string, to: string) =>
    `has an override that renames its argument "${from}" to "${to}", which another one is called: it keeps its name.`;
  expect(gateway.gateway.status().notes.map(({ note }) => note)).toEqual([keeps('b', 'c'), keeps('a', 'b')]);
});

test('what matches nothing is reported', async () => {
  await using crm = await serverWith([tool('find')]);
  const tools = {
    exclude: ['gone_*'],
    overrides: { fnd: { title: 'x' }, find: { arguments: { lmit: { default: 1 } } } },
  };
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ tools }) } });
  expect(gateway.gateway.status().notes.map(({ tool: name, note }) => `${name} ${note}`)).toEqual([
    'find has an override for its argument "lmit", and its inputSchema has no such one.',
    'fnd has an override in tools.overrides, and the server lists no such tool.',
    'gone_* stands in tools.include or tools.exclude, and matches no tool of the server.',
  ]);
});

test('a tool that is set aside is not called missing, and an override of one that is left out is reported', async () => {
  await using crm = await serverWith([
    tool('find'),
    tool('bad', { inputSchema: null }),
    tool('worse', { title: 1 }),
  ]);
  const tools = {
    exclude: ['worse', 'find'],
    overrides: { bad: { title: 'x' }, find: { title: 'x' }, worse: { enabled: false } },
  };
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ tools }) } });
  expect(gateway.gateway.status().notes.map(({ tool: name, note }) => `${name} ${note}`)).toEqual([
    'bad is left out: its inputSchema is not an object.',
    'find has an override in tools.overrides, and tools.include or tools.exclude leaves it out.',
  ]);
});

test('prompts and resources that match nothing are reported, but not where templates make more of them', async () => {
  await using crm = await modernOffers({
    who: 'crm',
    prompts: [{ name: 'a' }],
    resources: [{ uri: 'a:b', name: 'a' }],
  });
  await using docs = await modernOffers({
    who: 'docs',
    templates: [{ uriTemplate: 'docs://{id}', name: 'a' }],
  });
  await using none = await serverWith([tool('find')]);
  const filters = { prompts: { include: ['a', 'b'] }, resources: { exclude: ['a:*', 'docs://c*'] } };
  await using gateway = await startGateway({
    mcpServers: {
      crm: crm.entry(filters),
      docs: docs.entry({ resources: filters.resources }),
      none: none.entry({ prompts: filters.prompts }),
    },
  });
  const idle = (key: string, kind: string, glob: string) =>
    `${key}: ${glob} stands in ${kind}.include or ${kind}.exclude, and matches nothing that the server lists.`;
  const notes = gateway.gateway.status().notes;
  expect(notes.map(({ downstream, tool: name, note }) => `${downstream}: ${name} ${note}`).sort()).toEqual([
    idle('crm', 'prompts', 'b'),
    idle('crm', 'resources', 'docs://c*'),
    idle('none', 'prompts', 'a'),
    idle('none', 'prompts', 'b'),
  ]);
});

test('what has priority comes first, then the order of the file, then the name', async () => {
  await using one = await serverWith([tool('b'), tool('a'), tool('z')]);
  await using two = await serverWith([tool('d'), tool('c')]);
  await using gateway = await startGateway({
    mcpServers: {
      one: one.entry({ prefix: '', tools: { overrides: { z: { priority: 2 } } } }),
      two: two.entry({ prefix: '', priority: 1 }),
    },
  });
  expect((await listed(gateway)).map(({ name }) => name)).toEqual(['z', 'c', 'd', 'a', 'b']);
});

test('callers are told which servers there are, and what a server says only where its entry says so', async () => {
  await using crm = await serverWith([tool('a')]);
  await using notes = await serverWith([tool('b')]);
  await using gateway = await startGateway({
    mcpServers: {
      crm: crm.entry({ description: 'Customers.' }),
      notes: notes.entry({ prefix: '', passInstructions: true }),
    },
  });
  const { instructions } = (await gateway.post(...modernRequest('server/discover'))).json.result;
  expect(instructions).toBe(
    [
      'The tools of several servers, by the beginning of their names:',
      '- crm (crm__…): Customers.',
      '- notes (no prefix)',
      '',
      'Instructions of the server notes, in its own words:',
      '```',
      'A fixture.',
      '```',
    ].join('\n'),
  );
  const legacy = await gateway.connect({ era: 'legacy' });
  expect(legacy.getInstructions()).toBe(instructions);
});
