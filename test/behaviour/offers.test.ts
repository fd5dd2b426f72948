import type { Client } from '@modelcontextprotocol/client';
import { describe, expect, test } from 'vitest';
import type { HttpDownstream } from '../support/downstreams/downstream.ts';
import { everythingEntry } from '../support/downstreams/everything.ts';
import { legacyOffers, modernOffers, type Offer } from '../support/downstreams/offers.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { answersStatus } from '../support/downstreams/wire.ts';
import { startGateway } from '../support/gateway.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';
import { catalogFolder } from '../support/temporary-folder.ts';

const SERVERS = { modern: modernOffers, legacy: legacyOffers } as const;

const offerOf = (who: string): Offer => ({
  who,
  prompts: [
    { name: 'sum_up', title: 'Sum up', arguments: [{ name: 'topic', required: true }], 'x-odd': { kept: 1 } },
    { name: 'greet', description: 'Greets.' },
  ],
  resources: [
    { uri: 'notes://all', name: 'all', mimeType: 'text/plain', size: 3 },
    { uri: `${who}://own`, name: 'own' },
  ],
  templates: [{ uriTemplate: `${who}://item/{id}`, name: 'item' }],
});

const CELLS = (['modern', 'legacy'] as const).flatMap((server) =>
  (['modern', 'legacy', 'v1'] as const).map((caller) => [server, caller] as const),
);

describe.each(CELLS)('of a %s server, to a %s caller:', (era, caller) => {
  async function connected(downstreams: Record<string, HttpDownstream>) {
    const entries = Object.entries(downstreams).map(([key, downstream]) => [key, downstream.entry()]);
    const gateway = await startGateway({ mcpServers: Object.fromEntries(entries) });
    // The methods that are used here are the same in both generations of the SDK.
    const client = (await gateway.connect({ era: caller as 'modern' })) as Client;
    return { gateway, client };
  }

  test('prompts are listed by exposed name, given, and completed [R95]', async () => {
    await using crm = await SERVERS[era](offerOf('crm'));
    const { gateway, client } = await connected({ crm });
    await using _ = gateway;
    expect(Object.keys(client.getServerCapabilities() ?? {}).sort()).toEqual([
      'completions',
      'prompts',
      'resources',
      'tools',
    ]);
    const { prompts } = await client.listPrompts();
    expect(prompts.map(({ name, title }) => [name, title])).toEqual([
      ['crm__greet', undefined],
      ['crm__sum_up', 'Sum up'],
    ]);
    const prompt = await client.getPrompt({ name: 'crm__sum_up', arguments: { topic: 'x' } });
    expect(prompt.messages[0]?.content).toEqual({ type: 'text', text: 'crm sum_up {"topic":"x"}' });
    expect(prompt.description).toBe('sum_up of crm');
    const { completion } = await client.complete({
      ref: { type: 'ref/prompt', name: 'crm__sum_up' },
      argument: { name: 'topic', value: 't' },
    });
    expect(completion.values).toEqual([
      'crm {"type":"ref/prompt","name":"sum_up"} {"name":"topic","value":"t"}',
    ]);
    await expect(client.getPrompt({ name: 'sum_up' })).rejects.toMatchObject({ code: -32602 });
  });

  test('resources keep their URIs, and are read where they are', async () => {
    await using crm = await SERVERS[era](offerOf('crm'));
    const { gateway, client } = await connected({ crm });
    await using _ = gateway;
    const { resources } = await client.listResources();
    expect(resources.map(({ uri }) => uri)).toEqual(['crm://own', 'notes://all']);
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual(['crm://item/{id}']);
    for (const uri of ['notes://all', 'crm://item/7', 'never://listed?q=%20#x']) {
      expect((await client.readResource({ uri })).contents).toEqual([{ uri, text: `crm read ${uri}` }]);
    }
    const { completion } = await client.complete({
      ref: { type: 'ref/resource', uri: 'crm://item/{id}' },
      argument: { name: 'id', value: '' },
    });
    expect(completion.values[0]).toContain('"uri":"crm://item/{id}"');
    await expect(client.readResource({ uri: 'crm://item/missing' })).rejects.toThrow(/Not here|not found/);
  });

  test('a URI that two servers have leads to each of them, wherever it was met [R107]', async () => {
    await using crm = await SERVERS[era](offerOf('crm'));
    await using billing = await SERVERS[era](offerOf('billing'));
    const { gateway, client } = await connected({ crm, billing });
    await using _ = gateway;
    const { resources } = await client.listResources();
    const marked = 'switchboard://billing/notes://all';
    expect(resources.map(({ uri }) => uri)).toEqual(['crm://own', 'notes://all', 'billing://own', marked]);
    const [own, theirs] = await Promise.all(
      ['notes://all', marked].map((uri) => client.readResource({ uri })),
    );
    expect(own?.contents).toEqual([{ uri: 'notes://all', text: 'crm read notes://all' }]);
    expect(theirs?.contents).toEqual([{ uri: marked, text: 'billing read notes://all' }]);
    expect((await client.readResource({ uri: 'billing://item/1' })).contents[0]).toMatchObject({
      text: 'billing read billing://item/1',
    });

    const links = async (name: string) => {
      const { content } = await client.callTool({ name, arguments: {} });
      return (content as { uri?: string; resource?: { uri: string } }[]).map(
        ({ uri, resource }) => uri ?? resource?.uri,
      );
    };
    expect(await links('crm__links')).toEqual(['notes://all', 'notes://all', 'crm://own', 'crm://own']);
    expect(await links('billing__links')).toEqual([marked, marked, 'billing://own', 'billing://own']);
    const { messages } = await client.getPrompt({ name: 'billing__greet' });
    expect(messages[1]?.content).toMatchObject({ type: 'resource_link', uri: marked });
    await expect(client.readResource({ uri: 'nobody://has/this' })).rejects.toThrow('not found');
  });
});

test('a URI that was marked leads to its server also when that is the only one left, and to no other', async () => {
  await using crm = await modernOffers(offerOf('crm'));
  await using billing = await modernOffers(offerOf('billing'));
  await using plain = await plainServer({ era: 'modern' });
  const marked = 'switchboard://billing/notes://all';
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry(), billing: billing.entry() } });
  const client = await gateway.connect({ era: 'modern' });
  const read = async () => (await client.readResource({ uri: marked })).contents;
  expect(await read()).toEqual([{ uri: marked, text: 'billing read notes://all' }]);
  await gateway.reload({ mcpServers: { billing: billing.entry() } });
  expect(await read()).toMatchObject([{ text: 'billing read notes://all' }]);
  await gateway.reload({ mcpServers: { crm: crm.entry(), billing: plain.entry() } });
  await expect(read()).rejects.toThrow(`Resource not found: ${marked}`);
});

test('a server that completes nothing beside one that does is not asked, and has no completions', async () => {
  const prompts = [{ name: 'greet', arguments: [{ name: 'topic' }] }];
  const serve = (capabilities: object) =>
    plainServer({
      era: 'legacy',
      capabilities: { tools: {}, prompts: {}, ...capabilities },
      answers: {
        'prompts/list': ({ result }) => result({ prompts }),
        ...('completions' in capabilities && {
          'completion/complete': ({ result }) => result({ completion: { values: ['tea'] } }),
        }),
      },
    });
  await using crm = await serve({ completions: {} });
  await using billing = await serve({});
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry(), billing: billing.entry() } });
  for (const era of ['modern', 'legacy'] as const) {
    const client = await gateway.connect({ era });
    const complete = async (name: string) =>
      (await client.complete({ ref: { type: 'ref/prompt', name }, argument: { name: 'topic', value: 't' } }))
        .completion.values;
    expect([await complete('crm__greet'), await complete('billing__greet')]).toEqual([['tea'], []]);
  }
  const methods = billing.requests.map(({ body }) => (body as { method?: string } | undefined)?.method);
  expect(methods).not.toContain('completion/complete');
});

test('a server without them: nothing is advertised, and nothing is known of them [R95]', async () => {
  await using crm = await plainServer({ era: 'modern' });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const { capabilities } = (await gateway.post(...modernRequest('server/discover'))).json.result;
  expect(capabilities).toEqual({ tools: { listChanged: true } });
  for (const method of [
    'prompts/list',
    'prompts/get',
    'resources/list',
    'resources/read',
    'completion/complete',
  ]) {
    const params = { name: 'a', uri: 'a:b', ref: { type: 'ref/prompt', name: 'a' } };
    expect((await gateway.post(...legacyRequest(method, params))).messages[0]?.error?.code, method).toBe(
      -32601,
    );
  }
});

test('the official server, over stdio: prompts, resources and completion', async () => {
  await using gateway = await startGateway({ mcpServers: { all: everythingEntry() } });
  const client = await gateway.connect({ era: 'modern' });
  const { prompts } = await client.listPrompts();
  expect(prompts.length).toBeGreaterThan(1);
  const prompt = await client.getPrompt({
    name: prompts.find(({ name }) => /simple/.test(name))?.name ?? '',
  });
  expect(prompt.messages.length).toBeGreaterThan(0);
  const { resources } = await client.listResources();
  const uri = resources[0]?.uri ?? '';
  expect((await client.readResource({ uri })).contents[0]?.uri).toBe(uri);
  expect((await client.listResourceTemplates()).resourceTemplates.length).toBeGreaterThan(0);
});

test('an operator lets through some, and what is not let through is not there [R104]', async () => {
  await using crm = await modernOffers(offerOf('crm'));
  const filters = {
    prompts: { exclude: ['greet'] },
    resources: { include: ['crm://*'], exclude: ['crm://own'] },
  };
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry(filters) } });
  const client = await gateway.connect({ era: 'modern' });
  expect((await client.listPrompts()).prompts.map(({ name }) => name)).toEqual(['crm__sum_up']);
  expect((await client.listResources()).resources).toEqual([]);
  expect((await client.listResourceTemplates()).resourceTemplates).toHaveLength(1);
  await expect(client.getPrompt({ name: 'crm__greet' })).rejects.toThrow('Unknown prompt');
  await expect(client.readResource({ uri: 'crm://own' })).rejects.toThrow('Resource not found');
  await expect(client.readResource({ uri: 'switchboard://crm/notes://all' })).rejects.toThrow(
    'Resource not found',
  );
  expect((await client.readResource({ uri: 'crm://item/1' })).contents).toHaveLength(1);
});

test('what is not let through is not there by another spelling of its URI either', async () => {
  await using crm = await modernOffers(offerOf('crm'));
  const resources = { include: ['crm://item/*'], exclude: ['crm://item/secret*'] };
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ resources }) } });
  const read = async (uri: string) => {
    const { json } = await gateway.post(...modernRequest('resources/read', { uri }));
    return json.error === undefined ? 'read' : json.error.message;
  };
  for (const uri of [
    'crm://item/../own',
    'crm://item/%2E%2e/own',
    'crm://item/x%2f..%2f..%2fown',
    'crm://item/..\\own',
    'crm://item/..',
    'crm://item/./secret',
    'crm://item/%73ecret',
  ]) {
    expect(await read(uri)).toBe(`Resource not found: ${uri}`);
  }
  for (const uri of ['crm://item/a..b', 'crm://item/...', 'crm://item/100%', 'crm://item/a%20b']) {
    expect([uri, await read(uri)]).toEqual([uri, 'read']);
  }
});

test('a toolset has the prompts that it names, and the resources of the servers in it', async () => {
  await using crm = await modernOffers(offerOf('crm'));
  await using billing = await modernOffers(offerOf('billing'));
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry(), billing: billing.entry() },
    toolsets: { office: { include: ['billing__*'], exclude: ['*greet'] } },
  });
  const ask = async (method: string, params = {}) => {
    const [body, headers] = modernRequest(method, params);
    const auth = {
      authorization: `Bearer ${gateway.token}`,
      'content-type': 'application/json',
      accept: '*/*',
    };
    return (await gateway.send('/mcp/office', { body, headers: { ...auth, ...headers } })).json;
  };
  const { prompts } = (await ask('prompts/list')).result;
  expect(prompts.map(({ name }: { name: string }) => name)).toEqual(['billing__sum_up']);
  const { resources } = (await ask('resources/list')).result;
  expect(resources.map(({ uri }: { uri: string }) => uri)).toEqual(['billing://own', 'notes://all']);
  expect((await ask('resources/read', { uri: 'crm://own' })).result).toMatchObject({
    contents: [{ text: 'billing read crm://own' }],
  });
  // One that names its server is no other server's, also where that one has no part.
  const marked = (key: string) => ask('resources/read', { uri: `switchboard://${key}/notes://all` });
  expect((await marked('billing')).result.contents).toMatchObject([{ text: 'billing read notes://all' }]);
  expect((await marked('crm')).error?.message).toBe('Resource not found: switchboard://crm/notes://all');
});

test.each([
  ['modern', legacyOffers, modernRequest, -32602],
  ['legacy', legacyOffers, legacyRequest, -32002],
  ['modern', modernOffers, modernRequest, -32602],
] as const)(
  'a %s caller hears in its own terms that a resource is not there [R10] [R106]',
  async (_era, serve, ask, code) => {
    await using crm = await serve(offerOf('crm'));
    await using billing = await serve(offerOf('billing'));
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry(), billing: billing.entry() } });
    const codeOf = async (uri: string) =>
      (await gateway.post(...ask('resources/read', { uri }))).messages[0]?.error?.code;
    expect(await codeOf('crm://item/missing')).toBe(code);
    expect(await codeOf('nobody://has/this')).toBe(code);
  },
);

test('one bad prompt or resource costs itself, and a list that fails costs no other [R108]', async () => {
  const offer = offerOf('crm');
  offer.prompts?.push({ name: 7 }, { name: 'odd', arguments: 'none' }, { name: 'greet' });
  offer.resources?.push({ uri: 'no:name' }, { name: 'no uri' }, { uri: 'notes://all', name: 'again' });
  await using crm = await legacyOffers(offer);
  await using billing = await legacyOffers({ ...offerOf('billing'), failing: ['prompts/list'] });
  await using odd = await modernOffers(offerOf('odd'));
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry(), billing: billing.entry(), odd: odd.entry() },
  });
  const client = await gateway.connect({ era: 'legacy' });
  expect((await client.listPrompts()).prompts.map(({ name }) => name)).toEqual([
    'crm__greet',
    'crm__sum_up',
    'odd__greet',
    'odd__sum_up',
  ]);
  expect((await client.listResources()).resources).toHaveLength(6);
  const notes = gateway.gateway.status().notes.filter(({ downstream }) => downstream === 'crm');
  expect(notes.map(({ tool, note }) => `${tool} ${note}`)).toEqual([
    'prompt #3 is left out: its name is not text.',
    'prompt odd is left out: its arguments is not a list of objects.',
    'prompt greet is listed twice; the first one counts.',
    'resource no:name is left out: its name is not text.',
    'resource #4 is left out: its uri is not text.',
    'resource notes://all is listed twice; the first one counts.',
  ]);
  const status = gateway.gateway.status().downstreams.billing;
  expect(status?.state).toBe('ready');
  expect(status?.warnings).toEqual([
    'Its prompt list could not be read: it answered prompts/list with error -32002',
  ]);
});

test('of a list that failed no caller is told that its call may have run', async () => {
  const capabilities = { tools: {}, prompts: {} };
  await using crm = await plainServer({
    era: 'legacy',
    answers: {
      initialize: ({ result }) =>
        result({ protocolVersion: '2025-11-25', capabilities, serverInfo: { name: 'x', version: '1' } }),
      'prompts/list': answersStatus(500),
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  expect(gateway.gateway.status().downstreams.crm?.warnings).toEqual([
    'Its prompt list could not be read: it failed (HTTP 500)',
  ]);
});

test('a read whose server is away is told so in a sentence, and the lists are still there', async () => {
  await using kept = await catalogFolder();
  const catalogFile = kept.file;
  const crm = await modernOffers(offerOf('crm'));
  const servers = { mcpServers: { crm: crm.entry() } };
  {
    await using first = await startGateway(servers, { catalogFile });
    await first.connect({ era: 'modern' });
  }
  await crm[Symbol.asyncDispose]();
  await using gateway = await startGateway(servers, { catalogFile });
  const client = await gateway.connect({ era: 'modern' });
  expect((await client.listPrompts()).prompts).toHaveLength(2);
  expect((await client.listResources()).resources).toHaveLength(2);
  expect((await client.listResourceTemplates()).resourceTemplates).toHaveLength(1);
  await expect(client.readResource({ uri: 'notes://all' })).rejects.toThrow(
    '"crm" is not reachable right now',
  );
  const raw = await gateway.post(...modernRequest('prompts/get', { name: 'crm__greet' }));
  expect(raw.json.error).toMatchObject({
    code: -32603,
    data: { downstream: 'crm', reason: 'unavailable', mayHaveRun: false },
  });
});

test('a name as long as a message may be is not repeated at that length', async () => {
  await using crm = await modernOffers(offerOf('crm'));
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry({ resources: { include: ['crm://*'] } }) },
  });
  const long = `no${'o'.repeat(100_000)}`;
  const requests = [
    legacyRequest('tools/call', { name: long, arguments: {} }),
    legacyRequest('prompts/get', { name: long }),
    legacyRequest('resources/read', { uri: long }),
    legacyRequest('completion/complete', {
      ref: { type: 'ref/prompt', name: long },
      argument: { name: 'a', value: '' },
    }),
    legacyRequest(long),
  ];
  for (const request of requests) {
    const { text, messages } = await gateway.post(...request);
    expect(messages[0]?.error?.message).toMatch(/: nooo+…$/);
    expect(text.length).toBeLessThan(4096);
  }
});
