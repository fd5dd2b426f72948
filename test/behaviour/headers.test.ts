import { describe, expect, test } from 'vitest';
import { chatgpt } from '../support/callers/openai.ts';
import { legacyServer } from '../support/downstreams/legacy.ts';
import { modernServer } from '../support/downstreams/modern.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { startGateway } from '../support/gateway.ts';
import { listenOnLoopback } from '../support/http-server.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';

describe('the headers of an entry reach its server on every request, when they are written', () => {
  test.each([
    [
      'as an object',
      { headers: { 'X-API-KEY': 'k-1', 'X-Tenant-ID': 'acme' } },
      { 'X-API-KEY': 'k-1', 'X-Tenant-ID': 'acme' },
    ],
    [
      'as a list',
      {
        headers: [
          { name: 'X-Client-ID', value: 'c-1' },
          { name: 'X-Client-Secret', value: 's-1' },
        ],
      },
      { 'X-Client-ID': 'c-1', 'X-Client-Secret': 's-1' },
    ],
    [
      'as authorization and custom_headers',
      {
        authorization: 'ApiKey a-1',
        custom_headers: { 'X-API-Version': '2024-11-05', 'X-Environment': 'staging' },
      },
      { Authorization: 'ApiKey a-1', 'X-API-Version': '2024-11-05', 'X-Environment': 'staging' },
    ],
    ['as a bare token', { authorization: 't-1' }, { Authorization: 'Bearer t-1' }],
    ['as Basic', { authorization: 'Basic dTpw' }, { Authorization: 'Basic dTpw' }],
    ['with a variable', { headers: { 'X-API-KEY': '${KEY}' } }, { 'X-API-KEY': 'from-env' }],
  ])('%s', async (_how, written, requires) => {
    for (const start of [
      () => modernServer({ requires }),
      () => legacyServer({ requires, sessions: true, json: false }),
    ]) {
      await using downstream = await start();
      await using gateway = await startGateway(
        { mcpServers: { crm: { url: downstream.url, ...written } } },
        { env: { KEY: 'from-env' } },
      );
      const reply = await gateway.post(
        ...modernRequest('tools/call', { name: 'crm__echo', arguments: { text: 'in' } }),
      );
      expect(reply.json.result.content).toEqual([{ type: 'text', text: 'in' }]);
      expect(downstream.requests.length).toBeGreaterThan(2);
      for (const request of downstream.requests) {
        for (const [name, value] of Object.entries(requires)) {
          expect(request.headers[name.toLowerCase()], `${request.method} ${name}`).toBe(value);
        }
      }
    }
  });
});

test('with ten downstreams, each receives its own secret and no other, and nothing of the caller [R56] [R127] [R137] [R140]', async () => {
  const secret = (index: number) => `canary-secret-${index}`;
  const downstreams = await Promise.all(
    Array.from({ length: 10 }, (_, index) => {
      const requires = { [index % 2 === 0 ? 'X-API-KEY' : `X-Secret-${index}`]: secret(index) };
      return index % 3 === 0
        ? legacyServer({ requires, sessions: true, json: index % 2 === 0 })
        : modernServer({ requires });
    }),
  );
  const token = 'canary-token-of-the-caller';
  const mcpServers = Object.fromEntries(
    downstreams.map((downstream, index) => [`s${index}`, downstream.entry()]),
  );
  {
    await using gateway = await startGateway({ mcpServers }, { token });
    const callerHeaders = {
      cookie: 'canary-cookie=1',
      'x-openai-session': 'canary-session',
      'x-tenant-id': 'canary-tenant',
      'x-forwarded-for': '192.0.2.1',
      'mcp-param-region': 'canary-param',
      traceparent: '00-canary',
      'user-agent': 'canary-agent',
    };
    const params = (index: number) => ({
      name: `s${index}__echo`,
      arguments: { text: `argument-${index}` },
      _meta: {
        'openai/userLocation': 'canary-location',
        'openai/session': 'canary-meta',
        progressToken: 'canary-progress',
      },
    });
    for (let index = 0; index < 10; index++) {
      for (const request of [modernRequest, legacyRequest]) {
        const [body, headers] = request('tools/call', params(index));
        const reply = await gateway.post(body, { ...headers, ...callerHeaders });
        expect(reply.messages.at(-1)?.result.content[0].text).toBe(`argument-${index}`);
      }
    }
    await chatgpt(gateway.url, token);
  }
  const received = downstreams.map((downstream) => JSON.stringify(downstream.requests));
  const matrix = received.map((text) =>
    Array.from({ length: 10 }, (_, index) => text.includes(secret(index))),
  );
  expect(matrix).toEqual(
    Array.from({ length: 10 }, (_, row) => Array.from({ length: 10 }, (__, column) => row === column)),
  );
  for (const text of received) {
    expect(text.replaceAll(/canary-secret-\d/g, '').toLowerCase()).not.toContain('canary');
    expect(text).not.toContain('192.0.2.1');
  }
  for (const [index, text] of received.entries()) {
    expect(text.match(/argument-\d/g)?.every((argument) => argument === `argument-${index}`)).toBe(true);
  }
  await Promise.all(downstreams.map((downstream) => downstream[Symbol.asyncDispose]()));
});

test('the trace of a caller is continued downstream, where it has the form of one [R22]', async () => {
  await using downstream = await plainServer({ era: 'modern', json: true });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01';
  const call = (_meta: object) =>
    gateway.post(...modernRequest('tools/call', { name: 'crm__echo', arguments: { text: '' }, _meta }));
  await call({ traceparent, tracestate: 'a=b' });
  await call({ traceparent: 'x\r\ny', tracestate: 7 });
  expect(downstream.calls[0]?.meta).toMatchObject({ traceparent, tracestate: 'a=b' });
  expect(downstream.calls[1]?.meta).not.toHaveProperty('traceparent');
  expect(downstream.calls[1]?.meta).not.toHaveProperty('tracestate');
});

test('a modern downstream is told its own name of the tool, in the header as in the body [R50] [R51]', async () => {
  await using downstream = await plainServer({
    era: 'modern',
    tools: [{ name: 'grüße', inputSchema: { type: 'object' } }],
    answers: { 'tools/call grüße': (given) => given.result({ resultType: 'complete', content: [] }) },
  });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  const list = await gateway.post(...modernRequest('tools/list'));
  const [{ name }] = list.json.result.tools;
  expect(name).toMatch(/^crm__gr__e_[0-9a-f]{8}$/);
  await gateway.post(...modernRequest('tools/call', { name, arguments: {} }));
  const { headers, body } = downstream.requests.at(-1) ?? {};
  expect(headers).toMatchObject({
    'mcp-method': 'tools/call',
    'mcp-name': '=?base64?Z3LDvMOfZQ==?=',
    'mcp-protocol-version': '2026-07-28',
  });
  expect(body).toMatchObject({ params: { name: 'grüße' } });
});

test('headers do not follow a redirect to another origin, at connect either [R138]', async () => {
  await using elsewhere = await modernServer();
  await using downstream = await plainServer({ era: 'modern', redirectsTo: elsewhere.url });
  await using gateway = await startGateway({
    mcpServers: { crm: { url: downstream.url, headers: { 'X-API-KEY': 'canary-secret' } } },
  });
  expect(gateway.gateway.status().downstreams.crm?.state).toBe('down');
  expect(elsewhere.requests).toEqual([]);
});

test('every request names the program that sends it, or what its entry says instead', async () => {
  for (const [headers, agent] of [
    [{}, /^mcp-switchboard\/\d+\.\d+\.\d+/],
    [{ 'User-Agent': 'mine/1' }, /^mine\/1$/],
  ] as const) {
    await using downstream = await legacyServer({ sessions: true, json: false });
    {
      await using gateway = await startGateway({ mcpServers: { crm: downstream.entry({ headers }) } });
      await gateway.post(...modernRequest('tools/call', { name: 'crm__echo', arguments: { text: '' } }));
    }
    expect(downstream.requests.length).toBeGreaterThan(4);
    for (const request of downstream.requests) expect(request.headers['user-agent']).toMatch(agent);
  }
});

test('cookies that a server sets while it is connected to come back with every request of that connection', async () => {
  await using crm = await plainServer({
    era: 'legacy',
    sessions: true,
    gets: (_req, res) => void res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders(),
    answers: {
      initialize({ res, usual }) {
        res.setHeader('set-cookie', ['LB=process 1/a+b=; Path=/; HttpOnly', 'odd', 'bad=\u00e9']);
        return usual();
      },
    },
  });
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry({ headers: { Cookie: 'mine=1' } }) },
  });
  const call = { name: 'crm__echo', arguments: { text: 'hello' } };
  await gateway.post(...modernRequest('tools/call', call));
  await expect.poll(() => crm.requests.some(({ method }) => method === 'GET')).toBe(true);
  const sent = crm.requests.map(({ headers }) => headers.cookie);
  const before = sent.lastIndexOf('mine=1') + 1;
  expect(before).toBeGreaterThan(0);
  expect(sent.slice(before).length).toBeGreaterThan(3);
  expect(new Set(sent.slice(before))).toEqual(new Set(['mine=1; LB=process 1/a+b=']));
});

test('of a long cookie that a server sets anew the last one comes back', async () => {
  const stateOf = (what: string) => `state=${what}${'x'.repeat(3000)}`;
  await using crm = await plainServer({
    era: 'legacy',
    answers: {
      initialize({ res, usual }) {
        res.setHeader('set-cookie', stateOf('first'));
        return usual();
      },
    },
    beforeAccepting: (_message, res) => res.setHeader('set-cookie', stateOf('second')),
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  await gateway.post(...modernRequest('tools/call', { name: 'crm__echo', arguments: { text: 'hello' } }));
  expect(crm.requests.at(-1)?.headers.cookie).toBe(stateOf('second'));
});

test('a server in two processes is used through a load balancer that knows by a cookie which has the session', async () => {
  await using one = await plainServer({ era: 'legacy', sessions: true });
  await using other = await plainServer({ era: 'legacy', sessions: true });
  const processes = [one, other];
  let turn = 0;
  await using balancer = await listenOnLoopback(async ({ method, url, headers, body }, _req, res) => {
    const which = Number(/\bLB=(\d)/.exec(headers.cookie ?? '')?.[1] ?? turn++ % 2);
    const { host: _ours, connection, 'content-length': _length, ...passed } = headers;
    const answer = await fetch(new URL(url, processes[which]?.url), {
      method,
      headers: passed as Record<string, string>,
      ...(method === 'POST' && { body: JSON.stringify(body) }),
    });
    res.writeHead(answer.status, {
      ...Object.fromEntries(answer.headers),
      'set-cookie': `LB=${which}; Path=/`,
    });
    res.end(await answer.text());
  });
  await using gateway = await startGateway({
    mcpServers: { crm: one.entry({ url: `${balancer.origin}/mcp` }) },
  });
  for (const text of ['a', 'b', 'c']) {
    const call = modernRequest('tools/call', { name: 'crm__echo', arguments: { text } });
    expect((await gateway.post(...call)).messages.at(-1)?.result.content[0].text).toBe(text);
  }
  // The session was never lost: one of them has all.
  expect(one.sessions.size + other.sessions.size).toBe(1);
});
