import { describe, expect, test } from 'vitest';
import { modernServer } from '../support/downstreams/modern.ts';
import { startGateway } from '../support/gateway.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';

async function started() {
  const downstream = await modernServer();
  const gateway = await startGateway({
    mcpServers: { crm: downstream.entry() },
    limits: { maxRequestBytes: 64 * 1024 },
  });
  return {
    ...gateway,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await downstream[Symbol.asyncDispose]();
    },
  };
}

const ECHO = { name: 'crm__echo', arguments: { text: 'hello' } };

describe('a legacy caller', () => {
  test.each(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'])(
    'that asks for %s gets it [R156]',
    async (version) => {
      await using gateway = await started();
      const reply = await gateway.post(
        ...legacyRequest('initialize', { protocolVersion: version, capabilities: {} }),
      );
      expect(reply.messages[0]?.result).toMatchObject({
        protocolVersion: version,
        capabilities: { tools: {} },
      });
    },
  );

  test.each([['1999-01-01'], ['2026-07-28'], [7], [undefined]])(
    'that asks for %s gets 2025-11-25 [R156]',
    async (version) => {
      await using gateway = await started();
      const reply = await gateway.post(...legacyRequest('initialize', { protocolVersion: version }));
      expect(reply.messages[0]?.result.protocolVersion).toBe('2025-11-25');
    },
  );

  test('is served without initialize, without a session, without a version [R43]', async () => {
    await using gateway = await started();
    for (const headers of [{}, { 'mcp-protocol-version': '2024-11-05' }]) {
      expect(
        (await gateway.post(legacyRequest('tools/list')[0], headers)).messages[0]?.result.tools,
      ).toHaveLength(5);
      const called = await gateway.post(legacyRequest('tools/call', ECHO)[0], headers);
      expect(called.messages[0]?.result.content[0].text).toBe('hello');
    }
  });

  test('gets SSE where it accepts that, JSON where it does not, and the same in both [R34] [R37]', async () => {
    await using gateway = await started();
    for (const request of [
      legacyRequest('tools/list'),
      legacyRequest('tools/call', ECHO),
      legacyRequest('ping'),
    ]) {
      const [body, headers] = request;
      const sse = await gateway.post(body, headers);
      const json = await gateway.post(body, { ...headers, accept: 'application/json' });
      const any = await gateway.post(body, { ...headers, accept: '*/*' });
      const none = await gateway.post(body, { ...headers, accept: undefined });
      expect([sse, json, any, none].map(({ framing }) => framing)).toEqual(['sse', 'json', 'json', 'json']);
      expect(sse.messages).toHaveLength(1);
      expect(sse.messages).toEqual(json.messages);
      expect(sse.headers).toMatchObject({ 'x-accel-buffering': 'no' });
    }
  });

  test('hears of an unknown method and an unknown tool in the body, with 200 [R103]', async () => {
    await using gateway = await started();
    const method = await gateway.post(...legacyRequest('prompts/list'));
    expect([method.status, method.messages[0]?.error?.code]).toEqual([200, -32601]);
    const tool = await gateway.post(...legacyRequest('tools/call', { name: 'nope' }, { id: 'x' }));
    expect([tool.status, tool.messages[0]]).toEqual([
      200,
      { jsonrpc: '2.0', id: 'x', error: { code: -32602, message: 'Unknown tool: nope' } },
    ]);
    const discover = await gateway.post(legacyRequest('server/discover')[0]);
    expect([discover.status, discover.messages[0]?.error?.code]).toEqual([400, -32602]);
  });

  test('may name a version that never was, and hears 400, whatever it sends [R155]', async () => {
    await using gateway = await started();
    const reply = await gateway.post(...legacyRequest('tools/list', {}, { version: '1999-01-01' }));
    expect([reply.status, reply.json.error.code]).toEqual([400, -32022]);
    const capabilities = { elicitation: {} };
    const begun = await gateway.post(...legacyRequest('initialize', { capabilities }));
    const session = {
      authorization: `Bearer ${gateway.token}`,
      'mcp-session-id': String(begun.headers['mcp-session-id']),
    };
    const odd = { ...session, 'mcp-protocol-version': '1999-01-01' };
    const answer = await gateway.post({ jsonrpc: '2.0', id: 1, result: {} }, odd);
    expect([answer.status, answer.json.error.code]).toEqual([400, -32022]);
    for (const method of ['GET', 'DELETE'] as const) {
      const refused = await gateway.send('/mcp', { method, headers: odd });
      expect([refused.status, refused.json.error]).toEqual([400, expect.stringContaining('2025-11-25')]);
    }
    // It has not ended with that.
    expect((await gateway.send('/mcp', { method: 'DELETE', headers: session })).status).toBe(204);
  });

  test('gets a session id to tell its requests by, and nothing is kept under it [R149]', async () => {
    await using gateway = await started();
    const sessions = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const reply = await gateway.post(...legacyRequest('initialize', { protocolVersion: '2025-11-25' }));
      sessions.add(String(reply.headers['mcp-session-id']));
    }
    expect(sessions.size).toBe(20);
    for (const session of sessions) expect(session).toMatch(/^[\x21-\x7e]{16,}$/);
  });
});

describe('a modern caller', () => {
  test('learns who we are, what we speak and how long that is true [R20] [R66] [R114]', async () => {
    await using gateway = await started();
    const reply = await gateway.post(...modernRequest('server/discover'));
    expect(reply.framing).toBe('json');
    expect(reply.json.result).toMatchObject({
      resultType: 'complete',
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: {} },
      ttlMs: expect.any(Number),
      cacheScope: 'private',
      _meta: {
        'io.modelcontextprotocol/serverInfo': { name: 'mcp-switchboard', version: expect.any(String) },
      },
    });
    expect(reply.headers).not.toHaveProperty('mcp-session-id');
  });

  test('gets JSON, and SSE where that is all it accepts [R34]', async () => {
    await using gateway = await started();
    const [body, headers] = modernRequest('tools/call', ECHO);
    expect((await gateway.post(body, headers)).framing).toBe('json');
    expect((await gateway.post(body, { ...headers, accept: 'text/event-stream' })).framing).toBe('sse');
    expect((await gateway.post(body, { ...headers, accept: undefined })).framing).toBe('json');
  });

  test.each(['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'prompts/list', 'no/such'])(
    'that calls %s hears 404 and -32601 [R42]',
    async (method) => {
      await using gateway = await started();
      const reply = await gateway.post(...modernRequest(method, {}, 'id-7'));
      expect([reply.status, reply.json.id, reply.json.error.code]).toEqual([404, 'id-7', -32601]);
    },
  );

  test('hears of an unknown tool in the body, with 200 [R103]', async () => {
    await using gateway = await started();
    const reply = await gateway.post(...modernRequest('tools/call', { name: 'nope' }));
    expect([reply.status, reply.json.error.code]).toEqual([200, -32602]);
  });

  test('whose headers and body disagree hears 400 and -32020 [R52] [R57]', async () => {
    await using gateway = await started();
    const [body, headers] = modernRequest('tools/call', ECHO, 5);
    const reply = await gateway.post(body, { ...headers, 'mcp-name': 'crm__other' });
    expect([reply.status, reply.json.id, reply.json.error.code]).toEqual([400, 5, -32020]);
    // A byte that no value is written with, though it says the same.
    const [named, { 'mcp-name': _encoded, ...others }] = modernRequest('tools/call', { name: 'caf\xe9' }, 6);
    const odd = await gateway.post(named, { ...others, 'mcp-name': 'caf\xe9' });
    expect([odd.status, odd.json.id, odd.json.error.code]).toEqual([400, 6, -32020]);
  });
});

describe('the endpoint', () => {
  test.each(['GET', 'DELETE', 'PUT', 'OPTIONS'] as const)(
    'answers %s without a session with 405 at once [R148]',
    async (method) => {
      await using gateway = await started();
      const headers = { authorization: `Bearer ${gateway.token}`, accept: 'text/event-stream' };
      const reply = await gateway.send('/mcp', { method, headers });
      expect([reply.status, reply.headers.allow, reply.framing]).toEqual([405, 'POST', 'json']);
    },
  );

  test('accepts notifications with 202 and no body [R12] [R33]', async () => {
    await using gateway = await started();
    const legacy = await gateway.post({ jsonrpc: '2.0', method: 'notifications/initialized' });
    const modern = await gateway.post(
      { jsonrpc: '2.0', method: 'notifications/x' },
      { 'mcp-protocol-version': '2026-07-28' },
    );
    const answer = await gateway.post({ jsonrpc: '2.0', id: 1, result: {} });
    for (const reply of [legacy, modern, answer]) expect([reply.status, reply.text]).toEqual([202, '']);
  });

  test.each([
    ['no JSON', '{', {}, 400],
    ['bytes that are not UTF-8 [R1]', Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d]), {}, 400],
    ['a batch', '[]', {}, 400],
    ['JSON nested thirty thousand deep', '['.repeat(30_000), {}, 400],
    ['a null id', '{"jsonrpc":"2.0","id":null,"method":"ping"}', {}, 400],
    [
      'a response, from a modern caller',
      '{"jsonrpc":"2.0","id":1,"result":{}}',
      { 'mcp-protocol-version': '2026-07-28' },
      400,
    ],
    ['too much', 'x'.repeat(64 * 1024 + 1), {}, 413],
    ['text', 'x', { 'content-type': 'text/plain' }, 415],
    ['no type', '{}', { 'content-type': undefined }, 415],
    ['something compressed', '{}', { 'content-encoding': 'gzip' }, 415],
  ])('refuses %s, in JSON, and lives on [R32]', async (_what, body, headers, status) => {
    await using gateway = await started();
    const reply = await gateway.post(body, headers);
    expect([reply.status, reply.framing]).toEqual([status, 'json']);
    expect((await gateway.post(...legacyRequest('ping'))).status).toBe(200);
  });

  test('gives every id back as it came [R2]', async () => {
    await using gateway = await started();
    for (const id of [0, -1, 2 ** 53 - 1, '', '1', 'ü"\\\n']) {
      const [body, headers] = modernRequest('tools/call', ECHO, id);
      expect((await gateway.post(body, headers)).json.id).toBe(id);
    }
  });

  test('keeps a hundred callers apart that all use id 1 [R4]', async () => {
    await using gateway = await started();
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const request = index % 2 === 0 ? modernRequest : legacyRequest;
        const [body, headers] = request('tools/call', {
          name: 'crm__echo',
          arguments: { text: `nonce-${index}` },
        });
        const reply = await gateway.post(body, headers);
        expect(reply.messages[0]?.result.content[0].text).toBe(`nonce-${index}`);
      }),
    );
  });
});
