import { describe, expect, test } from 'vitest';
import { deferred } from '../../src/promises.ts';
import { requestsOf } from '../support/downstreams/downstream.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { answersResult, answersStatus, neverAnswers } from '../support/downstreams/wire.ts';
import { startGateway } from '../support/gateway.ts';
import { sendJson } from '../support/http-server.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';

const ECHO = { name: 'crm__echo', arguments: { text: 'hello' } };
const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

describe('what is nested too deep to be written again', () => {
  const body = (id: unknown) =>
    `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"resultType":"complete","content":[],"x":${deep(20_000)}}}`;
  const asJson: Answer = ({ res, message }) =>
    res.writeHead(200, { 'content-type': 'application/json' }).end(body(message.id));
  const asEvents: Answer = ({ res, message }) => {
    const progress = `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${message.params._meta?.progressToken ?? 0},"progress":1,"x":${deep(20_000)}}}`;
    res
      .writeHead(200, { 'content-type': 'text/event-stream' })
      .end(`data: ${progress}\n\ndata: ${body(message.id)}\n\n`);
  };

  test.each([
    ['JSON', asJson],
    ['events', asEvents],
  ])('is a failed call, as %s', async (_what, answer) => {
    await using downstream = await plainServer({ era: 'modern', answers: { 'tools/call echo': answer } });
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
    for (const request of [modernRequest, legacyRequest]) {
      const reply = await gateway.post(...request('tools/call', { ...ECHO, _meta: { progressToken: 1 } }));
      expect(reply.messages.at(-1)?.result.content[0].text).toContain('nested too deep');
    }
  });

  test('is one tool left out, and no other downstream hears of it [R26]', async () => {
    const bad = `{"name":"bad","inputSchema":{"type":"object"},"_meta":{"x":${deep(20_000)}}}`;
    const list: Answer = ({ res, message }) =>
      res
        .writeHead(200, { 'content-type': 'application/json' })
        .end(
          `{"jsonrpc":"2.0","id":${message.id},"result":{"resultType":"complete","tools":[${bad},{"name":"good","inputSchema":{"type":"object"}}]}}`,
        );
    await using odd = await plainServer({ era: 'modern', answers: { 'tools/list': list } });
    await using well = await plainServer({ era: 'modern' });
    await using gateway = await startGateway({ mcpServers: { odd: odd.entry(), crm: well.entry() } });
    const names = (await gateway.post(...modernRequest('tools/list'))).json.result.tools.map(
      (t: { name: string }) => t.name,
    );
    expect(names).toContain('odd__good');
    expect(names).toContain('crm__echo');
    expect(names).not.toContain('odd__bad');
  });
});

test('calls that hang do not keep a legacy downstream from the calls after them', async () => {
  let hangs = true;
  const answer: Answer = (given) => (hangs ? neverAnswers(given) : given.usual());
  await using downstream = await plainServer({ era: 'legacy', answers: { 'tools/call echo': answer } });
  await using gateway = await startGateway({
    mcpServers: { crm: downstream.entry({ callTimeoutMs: 2000 }) },
    limits: { breakerFailures: 0 },
  });
  const calls = await Promise.all(
    Array.from({ length: 80 }, (_, i) =>
      gateway.post(...modernRequest('tools/call', { ...ECHO, arguments: { text: `call ${i}` } })),
    ),
  );
  const texts = calls.map((reply) => reply.messages.at(-1)?.result.content[0].text);
  // 64 run at first. What had to wait for one of them to end was sent late or never, and is told which it was.
  const late = texts.filter((text) => text.includes('did not answer crm__echo within 2000 ms'));
  const never = texts.filter(
    (text) => text.includes('was busy for 2000 ms') && !text.includes('may have run'),
  );
  expect(late.length).toBeGreaterThanOrEqual(64);
  expect(late.length + never.length).toBe(80);
  hangs = false;
  await expect
    .poll(
      async () =>
        (await gateway.post(...modernRequest('tools/call', ECHO))).messages.at(-1)?.result.content[0].text,
    )
    .toBe('hello');
  expect(downstream.cancellations.length).toBeGreaterThan(0);
});

test.each([
  [
    '400, as widely copied examples do',
    400,
    (id: unknown) => ({
      jsonrpc: '2.0',
      id: null,
      error: { code: -32000, message: 'Bad Request: No valid session ID provided' },
      was: id,
    }),
  ],
  [
    '400, with the id of the request',
    400,
    (id: unknown) => ({ jsonrpc: '2.0', id, error: { code: -32000, message: 'Session not found' } }),
  ],
  ['400 in plain text, as older Python SDKs do', 400, () => 'Bad Request: No valid session ID provided'],
  ['400 in JSON that is no message', 400, () => ({ error: 'Bad Request: No valid session ID provided' })],
  ['401, as older Rust SDKs do', 401, () => 'Unauthorized: Session not found'],
])('a session that was lost is renewed when the downstream says %s', async (_how, status, body) => {
  let sessions = new Set<unknown>();
  const guarded: Answer = (given) => {
    if (sessions.has(given.req.headers['mcp-session-id'])) return given.usual();
    const said = body(given.message.id);
    if (typeof said === 'string') given.res.writeHead(status).end(said);
    else sendJson(given.res, status, said);
  };
  const initialize: Answer = (given) => {
    const id = `session-${Math.random()}`;
    sessions.add(id);
    given.res.setHeader('mcp-session-id', id);
    return given.usual();
  };
  await using downstream = await plainServer({
    era: 'legacy',
    answers: { initialize, 'tools/call echo': guarded, 'tools/list': guarded },
  });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  sessions = new Set();
  const reply = await gateway.post(...modernRequest('tools/call', ECHO));
  expect(reply.messages.at(-1)?.result.content[0].text).toBe('hello');
});

test('credentials that are refused in each session are called refused, and cost one session more', async () => {
  const answers = { 'tools/call echo': answersStatus(401) };
  await using downstream = await plainServer({ era: 'legacy', sessions: true, answers });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  for (let i = 0; i < 3; i++) {
    const reply = await gateway.post(...modernRequest('tools/call', ECHO));
    expect(reply.json.result.content[0].text).toMatch(/^"crm" refused this gateway's credentials/);
  }
  expect(requestsOf(downstream, 'initialize')).toHaveLength(2);
});

test('credentials that hold no longer, not even for a new session, are called refused', async () => {
  let status = 200;
  const guarded: Answer = (given) => (status === 200 ? given.usual() : answersStatus(status)(given));
  const answers = { 'tools/call echo': guarded, initialize: guarded, 'server/discover': guarded };
  await using downstream = await plainServer({ era: 'legacy', sessions: true, answers });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  status = 401;
  const reply = await gateway.post(...modernRequest('tools/call', ECHO));
  expect(reply.json.result.content[0].text).toMatch(/^"crm" refused this gateway's credentials/);
  const { crm } = gateway.gateway.status().downstreams;
  expect(crm).toMatchObject({ state: 'down', why: 'it refused the credentials: HTTP 401' });
});

test('credentials that are refused in a session that a call had begun for it are called refused', async () => {
  const answers = { 'tools/call echo': answersStatus(401) };
  await using downstream = await plainServer({ era: 'legacy', sessions: true, answers });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  const _meta = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
  const reply = await gateway.post(...modernRequest('tools/call', { ...ECHO, _meta }));
  expect(reply.json.result.content[0].text).toMatch(/^"crm" refused this gateway's credentials/);
  expect(requestsOf(downstream, 'initialize')).toHaveLength(2);
});

test('credentials that are refused for the first list are no lost session', async () => {
  const answers = { 'tools/list': answersStatus(401) };
  await using downstream = await plainServer({ era: 'legacy', sessions: true, answers });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  expect(gateway.gateway.status().downstreams.crm?.why).toBe(
    "its tools cannot be listed: it refused this gateway's credentials (HTTP 401)",
  );
});

test.each([
  // To modern callers they would say something of their own requests.
  [-32022, -32603],
  [-32021, -32603],
  [-32020, -32603],
  [-32099, -32603],
  [-32100, -32100],
  [-32000, -32000],
])(
  'an error %d of a tool that has run is its answer, told to a modern caller as %d, and the call is not repeated [R8]',
  async (code, told) => {
    const [message, data] = ['card charged, printer failed', { receipt: 7 }];
    const answer: Answer = (given) => given.error(code, message, { data });
    await using downstream = await plainServer({
      era: 'legacy',
      sessions: true,
      answers: { 'tools/call echo': answer },
    });
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
    const reply = await gateway.post(...modernRequest('tools/call', ECHO));
    expect([reply.status, reply.json.error]).toEqual([200, { code: told, message, data }]);
    const legacy = await gateway.post(...legacyRequest('tools/call', ECHO));
    expect(legacy.messages[0]?.error).toEqual({ code, message, data });
    const sent = requestsOf(downstream, 'tools/call');
    expect(sent).toHaveLength(2);
  },
);

test('structured output that legacy clients would reject the answer for is kept from them', async () => {
  const result = { resultType: 'complete', content: [{ type: 'text', text: '[1]' }], structuredContent: [1] };
  await using downstream = await plainServer({
    era: 'modern',
    answers: { 'tools/call echo': answersResult(result) },
  });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  expect((await gateway.post(...modernRequest('tools/call', ECHO))).json.result.structuredContent).toEqual([
    1,
  ]);
  for (const era of ['legacy', 'v1'] as const) {
    const client = await (era === 'v1' ? gateway.connect({ era }) : gateway.connect({ era }));
    expect((await client.callTool(ECHO)).content).toEqual([{ type: 'text', text: '[1]' }]);
  }
});

test.each([
  ['as text where its server says it nowhere else', [1, 2], [], ['[1,2]']],
  ['behind a text that says something else', 7, ['Seven, I think'], ['Seven, I think', '7']],
  ['not where it is null beside a text', null, ['Done'], ['Done']],
])(
  'structured output that is no object reaches a legacy caller: %s',
  async (_how, structuredContent, texts, told) => {
    const content = texts.map((text) => ({ type: 'text', text }));
    await using downstream = await plainServer({
      era: 'modern',
      answers: { 'tools/call echo': answersResult({ resultType: 'complete', content, structuredContent }) },
    });
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
    const client = await gateway.connect({ era: 'legacy' });
    const { content: heard } = await client.callTool(ECHO);
    expect(heard).toEqual(told.map((text) => ({ type: 'text', text })));
  },
);

test('a modern caller that leaves before the start is over has not called', async () => {
  const left = deferred<void>();
  await using slow = await plainServer({
    era: 'modern',
    answers: {
      'tools/list': ({ usual }) => left.promise.then(() => usual()),
    },
  });
  await using downstream = await plainServer({ era: 'modern' });
  await using gateway = await startGateway(
    { mcpServers: { crm: downstream.entry(), slow: slow.entry() } },
    { settle: false },
  );
  const leave = new AbortController();
  const [body, headers] = modernRequest('tools/call', ECHO);
  const usual = { 'content-type': 'application/json', authorization: `Bearer ${gateway.token}` };
  const call = gateway.send('/mcp', { body, headers: { ...usual, ...headers }, signal: leave.signal });
  await expect.poll(() => gateway.gateway.waiting().requests).toBe(1);
  leave.abort();
  await expect(call).rejects.toThrow();
  // What comes after it is answered after its connection has ended.
  await gateway.post(...legacyRequest('ping'));
  left.resolve();
  await gateway.gateway.attempted;
  expect((await gateway.post(...modernRequest('tools/list'))).status).toBe(200);
  expect(downstream.calls).toEqual([]);
});

test('a result over the limit from a stdio downstream fails its call with the limit, and no other', async () => {
  await using downstream = stdioServer('v1');
  await using gateway = await startGateway({
    mcpServers: { crm: downstream.entry() },
    limits: { maxResultBytes: 64 * 1024 },
  });
  const other = gateway.post(...modernRequest('tools/call', { name: 'crm__slow', arguments: { ms: 500 } }));
  const large = await gateway.post(
    ...modernRequest('tools/call', { name: 'crm__echo', arguments: { text: 'x'.repeat(100_000) } }),
  );
  expect(large.json.result.content[0].text).toContain(
    'more than 64 KiB, the limit set by limits.maxResultBytes',
  );
  expect((await other).messages.at(-1)?.result.content[0].text).toBe('waited 500 ms');
});

test('a gateway whose downstream does not list its tools can be closed', async () => {
  await using downstream = await plainServer({ era: 'modern', answers: { 'tools/list': neverAnswers } });
  const gateway = await startGateway({ mcpServers: { crm: downstream.entry() } }, { settle: false });
  await expect
    .poll(() =>
      downstream.requests.some(({ body }) => (body as { method?: string })?.method === 'tools/list'),
    )
    .toBe(true);
  const startedAt = performance.now();
  await gateway[Symbol.asyncDispose]();
  // The list would take its 10 s.
  expect(performance.now() - startedAt).toBeLessThan(8000);
});

/** Characters are counted where bytes are meant, by who writes chunks by hand. */
const answersBrokenChunks: Answer = ({ res, message }) => {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: message.id,
    result: { private: 'é hunter2 '.repeat(100) },
  });
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked';
  res.socket?.write(`${head}\r\n\r\n5\r\n${body}\r\n0\r\n\r\n`);
};

test('an answer that is not even HTTP is called so, and is not in the log', async () => {
  await using downstream = await plainServer({
    era: 'modern',
    answers: { 'tools/call echo': answersBrokenChunks },
  });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  const reply = await gateway.post(...modernRequest('tools/call', ECHO));
  expect(reply.json.result.content[0].text).toBe(
    '"crm" answered with something that is not MCP (malformed HTTP). The call may have run: check before repeating it.',
  );
  expect(gateway.logs.join('')).toContain('HTTPParserError');
  expect(gateway.logs.join('')).not.toContain('hunter2');
});

test('what a downstream answers to the handshake is not in the log, at its fullest, but for its first words', async () => {
  const says = `${'Jane Doe was here. '.repeat(50)} hunter2`;
  const answers: Record<string, Answer> = {
    chunks: answersBrokenChunks,
    page: ({ res }) =>
      res.writeHead(200, { 'content-type': 'application/json' }).end(`"hunter2" hunter2 ${says}`),
    failure: ({ res }) => res.writeHead(500, { 'content-type': 'text/plain' }).end(says),
    refusal: (given) => given.error(-32000, says),
  };
  for (const answer of Object.values(answers)) {
    await using downstream = await plainServer({
      era: 'modern',
      answers: { 'server/discover': answer, initialize: answer },
    });
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
    expect(gateway.logs.join('')).toContain('connect_failed');
    expect(gateway.logs.join('')).not.toContain('hunter2');
  }
});

test('what a failed answer looked like is not in the log', async () => {
  const answer: Answer = ({ res }) =>
    res.writeHead(200, { 'content-type': 'application/json' }).end('pw=hunter2');
  await using downstream = await plainServer({ era: 'modern', answers: { 'tools/call echo': answer } });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  await gateway.post(...modernRequest('tools/call', ECHO));
  expect(gateway.logs.join('')).toContain('invalid JSON');
  expect(gateway.logs.join('')).not.toContain('hunter2');
});
