import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requestsOf } from '../support/downstreams/downstream.ts';
import { type PlainDownstream, plainServer } from '../support/downstreams/plain.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { rawCaller, rawPost } from '../support/raw-caller.ts';

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

let downstream: PlainDownstream;
let gateway: RunningGateway;

beforeAll(async () => {
  downstream = await plainServer({ era: 'modern' });
  gateway = await startGateway({
    mcpServers: { crm: downstream.entry() },
    limits: { maxHeaderBytes: 4096 },
  });
});

afterAll(async () => {
  // Whatever was sent to it, it serves the next one.
  expect((await gateway.post(PING)).status).toBe(200);
  await gateway[Symbol.asyncDispose]();
  await downstream[Symbol.asyncDispose]();
});

describe('a caller that is slow', () => {
  // Of its own: the others may take what time the machine gives them.
  let hasty: RunningGateway;
  beforeAll(async () => {
    hasty = await startGateway({
      mcpServers: { crm: downstream.entry() },
      limits: { headersTimeoutMs: 300, requestTimeoutMs: 600 },
    });
  });
  afterAll(() => hasty[Symbol.asyncDispose]());

  test('with its headers hears 408 and is cut off', async () => {
    await using caller = await rawCaller(hasty.url);
    caller.send('POST /mcp HTTP/1.1\r\nHost: localhost\r\n');
    const answer = await caller.next();
    expect([answer.status, answer.json.error]).toEqual([
      408,
      expect.stringContaining('limits.headersTimeoutMs'),
    ]);
    await caller.ended;
  });

  test('with its body hears 408 and is cut off', async () => {
    await using caller = await rawCaller(hasty.url);
    caller.send(rawPost(hasty.token, '', { 'content-length': '100' }), '{"jsonrpc"');
    const answer = await caller.next();
    expect([answer.status, answer.headers['content-type']]).toEqual([408, 'application/json']);
    await caller.ended;
  });

  test('says nothing at all, and is cut off', async () => {
    await using caller = await rawCaller(hasty.url);
    await caller.ended;
  });
});

test.each([
  ['headers larger than maxHeaderBytes', { 'x-large': 'x'.repeat(5000) }, 431],
  ['two different lengths', { 'content-length': `1\r\ncontent-length: 40` }, 400],
  ['a length and chunks', { 'transfer-encoding': 'chunked' }, 400],
  ['a length that is no number', { 'content-length': '4x' }, 400],
  [
    'an encoding that is not known',
    { 'content-length': undefined, 'transfer-encoding': 'gzip, chunked' },
    400,
  ],
  ['a header with a line break of its own', { 'x-odd': 'a\nb' }, 400],
])('%s are refused in JSON, and the connection ends', async (_what, headers, status) => {
  await using caller = await rawCaller(gateway.url);
  caller.send(rawPost(gateway.token, PING, headers));
  const answer = await caller.next();
  expect([answer.status, answer.json]).toEqual([status, { error: expect.any(String) }]);
  await caller.ended;
});

test('who is refused while it sends on reads why', async () => {
  await using caller = await rawCaller(gateway.url);
  caller.send('POST /mcp HTTP/1.1\r\n', `x-more: ${'x'.repeat(4000)}\r\n`.repeat(1000));
  expect((await caller.next()).status).toBe(431);
  expect(await caller.ended).toBe('closed');
});

test.each([
  ['a wrong token', 401, 'POST', { authorization: 'Bearer wrong' }],
  ['another method', 405, 'PUT', {}],
  ['a body that is too large', 413, 'POST', {}],
  ['a body that is too large, in chunks', 413, 'POST', { 'content-length': undefined }],
])('who sends a large body with %s reads why it is refused', async (_what, status, method, headers) => {
  // With all the time that there is by default.
  await using patient = await startGateway({ mcpServers: { crm: downstream.entry() } });
  await using caller = await rawCaller(patient.url);
  const bytes = 5_000_000;
  const chunked = 'content-length' in headers;
  const of = chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(bytes) };
  const head = rawPost(patient.token, '', { ...of, ...headers }).replace('POST', method);
  caller.send(
    head,
    chunked ? `${bytes.toString(16)}\r\n` : '',
    'x'.repeat(bytes),
    chunked ? '\r\n0\r\n\r\n' : '',
  );
  const answer = await caller.next();
  expect([answer.status, answer.headers.connection]).toEqual([status, 'close']);
  // A connection that is reset may lose what was sent before.
  expect(await caller.ended).toBe('closed');
});

test.each([
  ['the right one first', (token: string) => `Bearer ${token}\r\nauthorization: Bearer other`],
  ['the right one last', (token: string) => `Bearer other\r\nauthorization: Bearer ${token}`],
  ['the right one twice', (token: string) => `Bearer ${token}\r\nAuthorization: Bearer ${token}`],
])('of two Authorization headers none is picked: %s', async (_what, authorization) => {
  await using caller = await rawCaller(gateway.url);
  caller.send(rawPost(gateway.token, PING, { authorization: authorization(gateway.token) }));
  expect((await caller.next()).status).toBe(401);
});

test('a request without Host is refused in JSON, and one that expects something odd is served', async () => {
  await using caller = await rawCaller(gateway.url);
  caller.send(rawPost(gateway.token, PING, { expect: 'something' }));
  expect((await caller.next()).status).toBe(200);
  caller.send(rawPost(gateway.token, PING, { host: undefined }));
  const answer = await caller.next();
  expect([answer.status, answer.json]).toEqual([400, { error: expect.any(String) }]);
});

test('of two Host headers none is picked', async () => {
  await using caller = await rawCaller(gateway.url);
  caller.send(rawPost(gateway.token, PING, { host: 'localhost\r\nhost: evil.example' }));
  expect([400, 403]).toContain((await caller.next()).status);
});

test.each(['gzip', 'br', 'zstd', 'identity, gzip'])(
  'a body that says %s is refused and not decoded',
  async (encoding) => {
    await using caller = await rawCaller(gateway.url);
    caller.send(rawPost(gateway.token, PING, { 'content-encoding': encoding }));
    expect((await caller.next()).status).toBe(415);
    // A small body is read to its end, and the connection goes on.
    caller.send(rawPost(gateway.token, PING));
    expect((await caller.next()).status).toBe(200);
  },
);

test('without the token the answer comes before the body, which is not read', async () => {
  await using caller = await rawCaller(gateway.url);
  caller.send(rawPost('wrong', '', { 'content-length': '4000000' }));
  const answer = await caller.next();
  expect([answer.status, answer.headers.connection]).toEqual([401, 'close']);
  await caller.ended;
});

test('a body in chunks that does not end is cut off at maxRequestBytes', async () => {
  // With all the time that there is by default.
  await using patient = await startGateway({ mcpServers: { crm: downstream.entry() } });
  await using caller = await rawCaller(patient.url);
  caller.send(rawPost(patient.token, '', { 'content-length': undefined, 'transfer-encoding': 'chunked' }));
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
  const sending = setInterval(() => caller.send(chunk), 1);
  try {
    expect((await caller.next()).status).toBe(413);
    await caller.ended;
  } finally {
    clearInterval(sending);
  }
});

test.each(['/healthz', '/mpc'])(
  'a body that does not end, sent to %s without a token, is soon read no more',
  async (path) => {
    // With all the time that there is by default.
    await using patient = await startGateway({ mcpServers: { crm: downstream.entry() } });
    await using caller = await rawCaller(patient.url);
    caller.send(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n`);
    const sending = setInterval(() => caller.send(`10000\r\n${'x'.repeat(0x10000)}\r\n`), 1);
    try {
      const answer = await caller.next();
      expect([answer.status, answer.headers.connection]).toEqual([404, 'close']);
      await caller.ended;
    } finally {
      clearInterval(sending);
    }
  },
);

test('beyond maxConnections nobody is let in, until one of them has gone', async () => {
  await using full = await startGateway({
    mcpServers: { crm: downstream.entry() },
    limits: { maxConnections: 2 },
  });
  await using first = await rawCaller(full.url);
  await using second = await rawCaller(full.url);
  for (const caller of [first, second]) {
    caller.send(rawPost(full.token, PING));
    expect((await caller.next()).status).toBe(200);
  }
  await using third = await rawCaller(full.url);
  await third.ended;
  first.socket.destroy();
  await expect
    .poll(async () => {
      await using next = await rawCaller(full.url);
      next.send(rawPost(full.token, PING));
      return await next.next().then(
        ({ status }) => status,
        () => 'cut',
      );
    })
    .toBe(200);
});

test('a connection without a request is closed after keepAliveTimeoutMs, and by default not so soon', async () => {
  await using hasty = await startGateway({
    mcpServers: { crm: downstream.entry() },
    limits: { keepAliveTimeoutMs: 100 },
  });
  await using usual = await startGateway({ mcpServers: { crm: downstream.entry() } });
  await using patient = await rawCaller(usual.url);
  await using caller = await rawCaller(hasty.url);
  for (const [one, { token }] of [
    [patient, usual],
    [caller, hasty],
  ] as const) {
    one.send(rawPost(token, PING));
    expect((await one.next()).status).toBe(200);
  }
  expect(await Promise.race([caller.ended, patient.ended.then(() => 'the other')])).toBe('closed');
  patient.send(rawPost(usual.token, PING));
  expect((await patient.next()).status).toBe(200);
});

test('what is no request, behind a call that runs, is not answered in place of that', async () => {
  await using slow = await plainServer({ era: 'legacy', answers: { 'tools/call echo': () => {} } });
  await using busy = await startGateway({ mcpServers: { slow: slow.entry() } });
  await using caller = await rawCaller(busy.url);
  const params = { name: 'slow__echo', arguments: {} };
  const call = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
  caller.send(rawPost(busy.token, call));
  await expect.poll(() => requestsOf(slow, 'tools/call')).toHaveLength(1);
  caller.send('this is no request\r\n\r\n');
  await caller.ended;
  expect(caller.text).toBe('');
});

test('requests in one piece are answered each, and in order', async () => {
  await using caller = await rawCaller(gateway.url);
  const slow =
    '{"jsonrpc":"2.0","id":"slow","method":"tools/call","params":{"name":"crm__slow","arguments":{"ms":200}}}';
  const ping = (id: number) => rawPost(gateway.token, `{"jsonrpc":"2.0","id":${id},"method":"ping"}`);
  caller.send(rawPost(gateway.token, slow) + ping(2) + ping(3));
  const ids = [await caller.next(), await caller.next(), await caller.next()].map(({ json }) => json.id);
  expect(ids).toEqual(['slow', 2, 3]);
});

const REFUSED: [what: string, status: number, headers: Record<string, string>, body: string][] = [
  ['a body that is no JSON', 400, {}, '{'],
  ['another content type', 415, { 'content-type': 'text/plain' }, PING],
  ['a wrong token', 401, { authorization: 'Bearer wrong' }, PING],
  ['a foreign origin', 403, { origin: 'https://evil.example' }, PING],
  ['a session that is not known', 404, { 'mcp-session-id': 'nope' }, PING],
];

test.each(REFUSED)(
  'after %s the same connection serves the next request',
  async (_what, status, headers, body) => {
    await using caller = await rawCaller(gateway.url);
    caller.send(rawPost(gateway.token, body, headers));
    expect((await caller.next()).status).toBe(status);
    caller.send(rawPost(gateway.token, PING));
    expect((await caller.next()).json).toEqual({ jsonrpc: '2.0', id: 1, result: {} });
  },
);
