import { expect, test } from 'vitest';
import { darkProxy } from '../support/dark-proxy.ts';
import { modernChanging } from '../support/downstreams/changing.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { textResult } from '../support/downstreams/wire.ts';
import { startGateway } from '../support/gateway.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';

test('of more calls than maxParked that wait for answers, the server hears why its question is not put, and the others go on', async () => {
  let asked = 0;
  await using crm = await plainServer({
    era: 'legacy',
    tools: [{ name: 'ask', inputSchema: { type: 'object' } }],
    answers: {
      'tools/call ask': async (given) => {
        const stream = given.stream();
        const id = `question-of-call-${++asked}`;
        const params = { message: 'Which one?', requestedSchema: { type: 'object', properties: {} } };
        stream.send({ id, method: 'elicitation/create', params });
        const { result, error } = await given.responseTo(id);
        stream.result({ content: [{ type: 'text', text: JSON.stringify(result ?? error) }] });
      },
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() }, limits: { maxParked: 2 } });
  const _meta = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
  const call = async (n: number, round: object = {}) => {
    const params = { name: 'crm__ask', arguments: { n }, ...round, _meta };
    return (await gateway.post(...modernRequest('tools/call', params))).messages.at(-1)?.result;
  };
  const [first, second] = [await call(1), await call(2)];
  expect([first.resultType, second.resultType]).toEqual(['input_required', 'input_required']);
  expect(gateway.gateway.waiting().parked).toBe(2);
  const beyond = await call(3);
  const text =
    '2 calls wait for their callers to answer, as many as limits.maxParked in servers.json of this gateway allows.';
  expect(JSON.parse(beyond.content[0].text)).toEqual({ code: -32603, message: text });

  const answer = { action: 'accept', content: { choice: 'blue' } };
  const answers = ({ inputRequests, requestState }: { inputRequests: object; requestState: string }) => ({
    inputResponses: Object.fromEntries(Object.keys(inputRequests).map((key) => [key, answer])),
    requestState,
  });
  const toldTo = async (n: number, round: typeof first) =>
    JSON.parse((await call(n, answers(round))).content[0].text);
  expect(await toldTo(1, first)).toEqual(answer);
  // There is room again.
  const another = await call(4);
  expect(another.resultType).toBe('input_required');
  expect([await toldTo(2, second), await toldTo(4, another)]).toEqual([answer, answer]);
  expect(gateway.gateway.waiting().parked).toBe(0);
});

test('a call that ends while its caller is asked keeps its answer for that one, but no place from others', async () => {
  const ends: (() => void)[] = [];
  const params = { message: 'Which one?', requestedSchema: { type: 'object', properties: {} } };
  await using crm = await plainServer({
    era: 'legacy',
    answers: {
      'tools/call echo': async ({ message, ...given }) => {
        const stream = given.stream();
        stream.send({ id: `question of ${message.id}`, method: 'elicitation/create', params });
        await new Promise<void>((resolve) => ends.push(resolve));
        stream.result(textResult('It took too long.', message));
      },
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() }, limits: { maxParked: 1 } });
  const _meta = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
  const call = async (text: string, requestState?: string) => {
    const given = { name: 'crm__echo', arguments: { text }, ...(requestState && { requestState }), _meta };
    return (await gateway.post(...modernRequest('tools/call', given))).messages.at(-1)?.result;
  };
  const end = async () => {
    ends.shift()?.();
    await expect.poll(() => gateway.gateway.waiting().parked).toBe(0);
  };
  const first = await call('first');
  await end();
  expect((await call('first', first.requestState)).content[0].text).toBe('It took too long.');
  const second = await call('second');
  await end();
  expect((await call('third')).resultType).toBe('input_required');
  expect((await call('second', second.requestState)).content[0].text).toContain('no longer waits');
  await end();
});

test('more streams of HTTP+SSE than maxListeners are a 429, and the one that is open goes on', async () => {
  await using crm = await plainServer({ era: 'modern' });
  await using gateway = await startGateway({
    legacySse: true,
    mcpServers: { crm: crm.entry() },
    limits: { maxListeners: 1 },
  });
  const headers = { authorization: `Bearer ${gateway.token}` };
  const sse = new URL('/sse', gateway.url);
  const first = await fetch(sse, { headers });
  const reader = (first.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
  const [, path = ''] = String((await reader.read()).value).match(/data: (.*)\n/) ?? [];
  const second = await gateway.send('/sse', { method: 'GET', headers });
  expect([second.status, second.headers['retry-after'], second.json]).toEqual([
    429,
    '5',
    { error: '1 streams of changes are open, as many as limits.maxListeners in servers.json allows.' },
  ]);
  const body = { jsonrpc: '2.0', id: 'mine', method: 'ping' };
  const sent = { ...headers, 'content-type': 'application/json' };
  expect((await gateway.send(path, { body, headers: sent })).status).toBe(202);
  expect((await reader.read()).value).toContain('"id":"mine"');
  await reader.cancel();
});

test('a call may ask its caller sixteen times; the seventeenth question is refused with that number, and the call goes on', async () => {
  await using crm = await plainServer({
    era: 'legacy',
    tools: [{ name: 'ask', inputSchema: { type: 'object' } }],
    answers: {
      'tools/call ask': async (given) => {
        const stream = given.stream();
        for (let asked = 1; ; asked++) {
          const params = { message: `${asked}?`, requestedSchema: { type: 'object', properties: {} } };
          stream.send({ id: `q-${asked}`, method: 'elicitation/create', params });
          const { error } = await given.responseTo(`q-${asked}`);
          if (error === undefined) continue;
          const text = JSON.stringify({ asked, error });
          return stream.result({ content: [{ type: 'text', text }] });
        }
      },
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const _meta = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
  let round: object = {};
  let rounds = 0;
  for (;;) {
    const params = { name: 'crm__ask', arguments: {}, ...round, _meta };
    const result = (await gateway.post(...modernRequest('tools/call', params))).messages.at(-1)?.result;
    if (result.resultType !== 'input_required') {
      const told = JSON.parse(result.content[0].text);
      const message = 'One call may ask 16 times for answers, and this one has.';
      expect([rounds, told]).toEqual([16, { asked: 17, error: { code: -32603, message } }]);
      break;
    }
    rounds++;
    const [key = ''] = Object.keys(result.inputRequests);
    round = { inputResponses: { [key]: { action: 'decline' } }, requestState: result.requestState };
  }
});

test('a session watches 256 resources; of the next one it hears why not, until it gives one up', async () => {
  const uris = Array.from({ length: 257 }, (_, index) => `test://item/${index}`);
  const capabilities = { tools: {}, resources: { subscribe: true } };
  await using crm = await plainServer({
    era: 'legacy',
    answers: {
      initialize: (given) =>
        given.result({
          ...{ protocolVersion: '2025-11-25', capabilities, serverInfo: { name: 'many', version: '1' } },
        }),
      'resources/list': (given) => given.result({ resources: uris.map((uri) => ({ uri, name: uri })) }),
      'resources/templates/list': (given) => given.result({ resourceTemplates: [] }),
      'resources/subscribe': (given) => given.result({}),
      'resources/unsubscribe': (given) => given.result({}),
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const begun = await gateway.post(...legacyRequest('initialize', { capabilities: {} }));
  const session = { 'mcp-session-id': String(begun.headers['mcp-session-id']) };
  const ask = async (method: string, uri: string) => {
    const [body, headers] = legacyRequest(method, { uri });
    return (await gateway.post(body, { ...headers, ...session })).messages[0];
  };
  for (const uri of uris.slice(0, 256)) expect((await ask('resources/subscribe', uri))?.result).toEqual({});
  const refused = { code: -32603, message: 'More than 256 resources are watched already.' };
  expect((await ask('resources/subscribe', 'test://item/256'))?.error).toEqual(refused);
  // One that is watched already is no further one, and one that is given up makes room.
  expect((await ask('resources/subscribe', 'test://item/0'))?.result).toEqual({});
  expect((await ask('resources/unsubscribe', 'test://item/0'))?.result).toEqual({});
  expect((await ask('resources/subscribe', 'test://item/256'))?.result).toEqual({});
});

test('a URI of more than 4096 characters is not watched, and who asks for it hears so', async () => {
  const long = `test://${'x'.repeat(4090)}`;
  await using crm = await modernChanging();
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const begun = await gateway.post(...legacyRequest('initialize', { capabilities: {} }));
  const session = { 'mcp-session-id': String(begun.headers['mcp-session-id']) };
  const watch = async (uri: string) =>
    (await gateway.post(legacyRequest('resources/subscribe', { uri })[0], session)).messages[0];
  const refused = { code: -32602, message: 'A URI that is watched has at most 4096 characters.' };
  expect((await watch(long))?.error).toEqual(refused);
  expect((await watch(long.slice(0, 4096)))?.result).toEqual({});
  const notifications = { resourceSubscriptions: [long, 'test://counter'] };
  const stream = await gateway.open(...modernRequest('subscriptions/listen', { notifications }));
  expect((await stream.next())?.params.notifications).toEqual({ resourceSubscriptions: ['test://counter'] });
  stream.cut();
});

test('a host that takes no connection any more and does not say so is found out, however short calls wait', async () => {
  await using crm = await plainServer({ era: 'modern', json: true });
  await using proxy = await darkProxy(Number(new URL(crm.url).port));
  const url = crm.url.replace(/:\d+/, `:${proxy.port}`);
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry({ url, callTimeoutMs: 200, connectTimeoutMs: 400 }) },
    limits: { breakerFailures: 0 },
  });
  let calls = 0;
  const call = async () => {
    const given = { name: 'crm__echo', arguments: { text: `${++calls}` } };
    return (await gateway.post(...modernRequest('tools/call', given))).messages.at(-1)?.result.content[0]
      .text;
  };
  await expect.poll(call).toMatch(/^\d+$/);
  proxy.goDark();
  const why = 'is not reachable right now (connecting timed out). Trying again may help.';
  const heard: string[] = [];
  const next = async () => heard[heard.push(await call()) - 1];
  await expect.poll(next).toBe(`"crm" ${why}`);
  expect(heard.filter((text) => text.includes('was busy'))).toEqual([]);
  expect(gateway.gateway.status().downstreams.crm).toMatchObject({ state: 'down' });
  proxy.comeBack();
  await expect.poll(call).toMatch(/^\d+$/);
});
