import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { deferred } from '../../src/promises.ts';
import { modernOffers } from '../support/downstreams/offers.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';
import { refusingPort } from '../support/refusing-port.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface Line {
  readonly [field: string]: unknown;
}

const auditOf = ({ logs }: Pick<RunningGateway, 'logs'>): Line[] =>
  logs.map((line) => JSON.parse(line)).filter(({ event }) => event === 'call');

const digest = (value: unknown) =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);

describe('each call is one line, however it ends:', () => {
  const ENDS = [
    ['answered', { name: 'crm__echo', arguments: { text: 'hé' } }, { outcome: 'ok' }],
    ['failed by its tool', { name: 'crm__fail', arguments: {} }, { outcome: 'tool_error' }],
    [
      'refused by its server',
      { name: 'crm__refuses', arguments: {} },
      { outcome: 'rpc_error', code: -32050 },
    ],
    ['cut off', { name: 'crm__cuts', arguments: {} }, { outcome: 'failed', reason: 'outcome_unknown' }],
    ['too late', { name: 'crm__slow', arguments: { ms: 60_000 } }, { outcome: 'failed', reason: 'deadline' }],
    [
      'to a server that is down',
      { name: 'gone__echo', arguments: {} },
      { outcome: 'failed', reason: 'unavailable' },
    ],
    ['of no tool', { name: 'crm__none', arguments: { a: 1 } }, { outcome: 'refused', code: -32602 }],
    ['without a name', { arguments: {} }, { outcome: 'refused', code: -32602 }],
  ] as const;

  async function start() {
    const tools = ['echo', 'fail', 'slow', 'refuses', 'cuts'].map((name) => ({
      name,
      inputSchema: { type: 'object' },
    }));
    const crm = await plainServer({
      era: 'modern',
      tools,
      answers: {
        'tools/call refuses': (given) => given.error(-32050, 'no'),
        'tools/call cuts': (given) => given.res.destroy(),
      },
    });
    const gone = await plainServer({ era: 'modern', tools });
    const overrides = { slow: { callTimeoutMs: 500 } };
    const gateway = await startGateway(
      { mcpServers: { crm: crm.entry({ tools: { overrides } }), gone: gone.entry() } },
      { logLevel: 'info' },
    );
    const port = Number(new URL(gone.url).port);
    await gone[Symbol.asyncDispose]();
    const refusing = await refusingPort(port);
    return {
      gateway,
      async [Symbol.asyncDispose]() {
        await gateway[Symbol.asyncDispose]();
        await crm[Symbol.asyncDispose]();
        await refusing[Symbol.asyncDispose]();
      },
    };
  }

  test.each([
    ['modern', modernRequest],
    ['legacy', (method: string, params: object, id: string) => legacyRequest(method, params, { id })],
  ] as const)('of %s callers', async (_era, request) => {
    await using scene = await start();
    const { gateway } = scene;
    for (const [index, [, params]] of ENDS.entries()) {
      const [body, headers] = request('tools/call', params, `r-${index}`);
      await gateway.post(body, { ...headers, 'user-agent': 'some-caller/1.0' });
    }
    const lines = auditOf(gateway);
    expect(lines).toHaveLength(ENDS.length);
    for (const [index, [, params, end]] of ENDS.entries()) {
      const { name, arguments: args } = params as { name?: string; arguments: object };
      expect(lines[index]).toMatchObject({
        level: 'info',
        time: expect.stringMatching(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ$/),
        caller: 'token',
        agent: 'some-caller/1.0',
        id: `r-${index}`,
        method: 'tools/call',
        args: digest(args),
        argsBytes: Buffer.byteLength(JSON.stringify(args)),
        ms: expect.any(Number),
        resultBytes: expect.any(Number),
        ...end,
      });
      expect(lines[index]?.tool).toBe(name);
      expect(lines[index]?.downstream).toBe(end.outcome === 'refused' ? undefined : name?.split('__')[0]);
      expect(lines[index]).not.toHaveProperty('arguments');
    }
    expect(lines[0]?.resultBytes).toBeGreaterThan(50);
  });

  test.each([
    ['modern', modernRequest],
    ['legacy', legacyRequest],
  ] as const)('with the bytes of its answer, whichever characters are in it, %s', async (_era, request) => {
    await using crm = await plainServer({ era: 'modern' });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } }, { logLevel: 'info' });
    for (const text of ['plain', 'caf\u00e9', '\u4f60\u597d', '\u{1f600}']) {
      const reply = await gateway.post(...request('tools/call', { name: 'crm__echo', arguments: { text } }));
      expect(reply.messages[0]?.result.content[0].text).toBe(text);
      const json = reply.text.replace(/^event: message\ndata: |\n\n$/g, '');
      expect(auditOf(gateway).at(-1)?.resultBytes).toBe(Buffer.byteLength(json));
    }
  });

  test('refused before it came to be one', async () => {
    await using crm = await plainServer({ era: 'modern', json: true });
    await using gateway = await startGateway(
      { mcpServers: { crm: crm.entry() }, limits: { maxRequestsPerMinute: 1 } },
      { logLevel: 'info' },
    );
    const params = { name: 'crm__echo', arguments: { text: 'x' } };
    const [body, headers] = modernRequest('tools/call', params);
    const call = (id: string, others: object) => gateway.post({ ...body, id }, { ...headers, ...others });
    await call('one', {});
    expect((await call('too many', { 'user-agent': 'caller/1' })).status).toBe(429);
    expect((await call('unknown version', { 'mcp-protocol-version': '1999-01-01' })).status).toBe(400);
    const [earlier] = legacyRequest('tools/call', params, { id: 'unknown session' });
    expect((await gateway.post(earlier, { 'mcp-session-id': 'x' })).status).toBe(404);
    // Whoever has no token does not fill the record, and a list is no call.
    expect((await call('nobody', { authorization: 'Bearer other' })).status).toBe(401);
    expect((await gateway.post(...modernRequest('tools/list'))).status).toBe(429);
    const refused = { outcome: 'refused', tool: 'crm__echo', args: digest(params.arguments) };
    expect(auditOf(gateway)).toMatchObject([
      { id: 'one', outcome: 'ok' },
      { id: 'too many', ...refused, code: 429, agent: 'caller/1', resultBytes: expect.any(Number) },
      { id: 'unknown version', ...refused, code: -32020 },
      { id: 'unknown session', ...refused, code: 404 },
    ]);
  });

  test('of a caller on stdio as well', async () => {
    await using crm = await plainServer({ era: 'modern', json: true });
    const limits = { maxRequestsPerMinute: 1 };
    await using gateway = await startGateway(
      { mcpServers: { crm: crm.entry() }, limits },
      { logLevel: 'info' },
    );
    const [input, output] = [new PassThrough(), new PassThrough()];
    const served = gateway.gateway.serveStdio(input, output);
    for (const id of [1, 2]) {
      const [body] = modernRequest('tools/call', { name: 'crm__echo', arguments: { text: 'x' } }, id);
      input.write(`${JSON.stringify(body)}\n`);
    }
    input.end();
    await served;
    expect(auditOf(gateway)).toMatchObject([
      { id: 2, caller: 'stdio', tool: 'crm__echo', outcome: 'refused', code: 429 },
      { id: 1, caller: 'stdio', tool: 'crm__echo', outcome: 'ok' },
    ]);
  });

  test('cancelled, by either era', async () => {
    await using crm = await plainServer({ era: 'modern' });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } }, { logLevel: 'info' });
    const params = { name: 'crm__slow', arguments: { ms: 60_000 } };
    for (const era of ['modern', 'legacy'] as const) {
      const client = await gateway.connect({ era });
      const abort = new AbortController();
      const before = crm.calls.length;
      const call = client.callTool(params, { signal: abort.signal });
      await expect.poll(() => crm.calls.length).toBe(before + 1);
      abort.abort();
      await expect(call).rejects.toThrow();
    }
    await expect.poll(() => auditOf(gateway).length).toBe(2);
    await gateway.gateway.close();
    expect(auditOf(gateway).map(({ outcome }) => outcome)).toEqual(['cancelled', 'cancelled']);
  });

  test('joined to another that is the same, and run once', async () => {
    const allAreThere = deferred<void>();
    await using crm = await plainServer({
      ...{ era: 'legacy', json: true },
      answers: { 'tools/call echo': ({ usual }) => allAreThere.promise.then(() => usual()) },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } }, { logLevel: 'info' });
    const call = (id: string) =>
      gateway.post(...modernRequest('tools/call', { name: 'crm__echo', arguments: { text: 'x' } }, id));
    const answers = Promise.all(['first', 'second', 'third'].map(call));
    await expect.poll(() => gateway.gateway.waiting().calls).toBe(3);
    allAreThere.resolve();
    await answers;
    expect(crm.calls).toHaveLength(1);
    expect(
      auditOf(gateway)
        .map(({ id, outcome }) => `${id} ${outcome}`)
        .sort(),
    ).toEqual(['first ok', 'second ok', 'third ok']);
  });

  test('two hundred at once, from callers that all count from 1', async () => {
    await using crm = await plainServer({ era: 'legacy', json: true });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } }, { logLevel: 'info' });
    const texts = Array.from({ length: 200 }, (_, index) => `text ${index}`);
    await Promise.all(
      texts.map((text) =>
        gateway.post(...modernRequest('tools/call', { name: 'crm__echo', arguments: { text } })),
      ),
    );
    const lines = auditOf(gateway);
    expect(lines.map(({ args }) => args).sort()).toEqual(texts.map((text) => digest({ text })).sort());
    expect(new Set(lines.map(({ outcome }) => outcome))).toEqual(new Set(['ok']));
  });
});

test('with duplicate keys in the body, what is written down is what was called', async () => {
  await using crm = await plainServer({ era: 'legacy', json: true });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } }, { logLevel: 'info' });
  const [, headers] = legacyRequest('tools/call', {});
  await gateway.post(
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"crm__fail","name":"crm__echo","arguments":{"text":"a"},"arguments":{"text":"b"}}}',
    headers,
  );
  expect(crm.calls.map(({ tool, arguments: args }) => [tool, args])).toEqual([['echo', { text: 'b' }]]);
  expect(auditOf(gateway)).toMatchObject([{ tool: 'crm__echo', args: digest({ text: 'b' }) }]);
});

test('arguments are written down where they are asked for, without secrets; other methods have a line as well', async () => {
  await using crm = await plainServer({ era: 'modern', json: true });
  await using gateway = await startGateway(
    { mcpServers: { crm: crm.entry({ headers: { 'X-Key': 'canary-"secret"' } }) }, audit: { values: true } },
    { logLevel: 'info' },
  );
  const text = `say canary-"secret" or ${Buffer.from('canary-"secret"').toString('base64')}\n\x1b[2J`;
  await gateway.post(...modernRequest('tools/call', { name: 'crm__echo', arguments: { text } }));
  await gateway.post(
    ...modernRequest('tools/call', { name: 'crm__echo', arguments: { text: 'x'.repeat(20_000) } }),
  );
  await gateway.post(...modernRequest('completion/complete', { ref: { type: 'ref/prompt', name: 'p' } }));
  const lines = auditOf(gateway);
  expect(lines).toMatchObject([
    { arguments: { text: 'say [secret] or [secret]\n\\u001b[2J' } },
    { argsBytes: 20_011 },
    { method: 'completion/complete', outcome: 'refused' },
  ]);
  expect(lines[1]).not.toHaveProperty('arguments');
  expect(gateway.logs.join('')).not.toContain('canary');
});

test('what becomes a secret by a reload or a new token is not written down again, though it was before', async () => {
  await using crm = await plainServer({ era: 'modern', json: true });
  const entry = crm.entry();
  await using gateway = await startGateway({ mcpServers: { crm: entry } }, { logLevel: 'info' });
  const agents = ['agent/key-of-the-crm', 'agent/next-token'];
  const call = (agent: string) => {
    const [body, headers] = modernRequest('resources/read', { uri: `crm://${agent}` });
    return gateway.post(body, { ...headers, 'user-agent': agent });
  };
  const written = () => auditOf(gateway).map(({ agent, name }) => [agent, name]);
  for (const agent of agents) await call(agent);
  expect(written()).toEqual(agents.map((agent) => [agent, `crm://${agent}`]));
  await gateway.reload({ mcpServers: { crm: { ...entry, headers: { 'X-Key': 'key-of-the-crm' } } } });
  gateway.gateway.member.changeToken('next-token', 60_000);
  for (const agent of agents) await call(agent);
  expect(written().slice(2)).toEqual(agents.map(() => ['agent/[secret]', 'crm://agent/[secret]']));
});

test('a caller that writes odd things about itself gets one line, and no other can be forged', async () => {
  await using crm = await plainServer({ era: 'modern', json: true });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } }, { logLevel: 'info' });
  const odd = 'a"},\n{"event":"call"\u202e\x1b\x85';
  const [body, headers] = modernRequest('tools/call', { name: odd, arguments: {} }, odd);
  const { 'mcp-name': _unsendable, ...sendable } = headers;
  await gateway.post(body, { ...sendable, 'user-agent': 'x"\\"}\t\xa0\x9b' });
  const legacy = legacyRequest('tools/call', { name: odd, arguments: {} }, { id: odd });
  await gateway.post(legacy[0], { ...legacy[1], 'user-agent': 'x"\\"}\t\xa0\x9b' });
  const lines = gateway.logs.filter((line) => line.includes('"event":"call"'));
  expect(lines.map((line) => JSON.parse(line).outcome)).toEqual(['refused', 'refused']);
  expect(lines.join('')).not.toMatch(/[\p{Cc}\u202e]/u);
});

test('a URI as long as a message may be is cut in its line, whatever became of it', async () => {
  const template = { uriTemplate: 'crm://{id}', name: 'customer' };
  await using crm = await modernOffers({ who: 'crm', templates: [template] });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } }, { logLevel: 'info' });
  const uri = `crm://${'9'.repeat(100_000)}`;
  await gateway.post(...modernRequest('resources/read', { uri }));
  const ref = { type: 'ref/resource', uri };
  await gateway.post(...modernRequest('completion/complete', { ref, argument: { name: 'id', value: '9' } }));
  await gateway.gateway.close();
  const lines = gateway.logs.filter((line) => line.includes('crm://'));
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) expect(line.length).toBeLessThan(1000);
});

test('a call that came before the first lists is counted with the time that its caller waited, and as cancelled where it was', async () => {
  const lists = deferred<void>();
  await using crm = await plainServer({
    era: 'modern',
    answers: { 'server/discover': ({ usual }) => lists.promise.then(() => usual()) },
  });
  await using gateway = await startGateway(
    { mcpServers: { crm: crm.entry() } },
    { logLevel: 'info', settle: false },
  );
  const echo = (text: string) => modernRequest('tools/call', { name: 'crm__echo', arguments: { text } });
  const leaving = new AbortController();
  const [body, own] = echo('left');
  const accept = 'application/json, text/event-stream';
  const bearer = { authorization: `Bearer ${gateway.token}` };
  const headers = { ...own, ...bearer, accept, 'content-type': 'application/json' };
  const left = gateway.send('/mcp', { body, headers, signal: leaving.signal });
  await expect.poll(() => gateway.gateway.waiting().requests).toBe(1);
  leaving.abort();
  await expect(left).rejects.toThrow();
  const heard = gateway.post(...echo('heard'));
  await sleep(500);
  lists.resolve();
  expect((await heard).json.result.content[0].text).toBe('heard');
  await expect.poll(() => auditOf(gateway).length).toBe(2);
  const [cancelled, ok] = auditOf(gateway).toSorted((a, b) =>
    String(a.outcome).localeCompare(String(b.outcome)),
  );
  expect([cancelled?.outcome, ok?.outcome]).toEqual(['cancelled', 'ok']);
  for (const line of [cancelled, ok]) expect(line?.ms).toBeGreaterThanOrEqual(450);
  const { text } = await gateway.send('/metrics', { headers: bearer, method: 'GET' });
  expect(text).toContain('mcp_switchboard_calls_total{downstream="",outcome="refused"} 0');
  expect(text).toContain('mcp_switchboard_calls_total{downstream="",outcome="cancelled"} 1');
});

describe('with a file of their own', () => {
  test('lines are added to it, all of them, and none go to the log', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'audit.jsonl');
    await using crm = await plainServer({ era: 'modern', json: true });
    for (const runs of [1, 2]) {
      // The file counts whatever the level of the log.
      const gateway = await startGateway(
        { mcpServers: { crm: crm.entry() }, audit: { file } },
        { logLevel: 'error' },
      );
      const calls = Array.from({ length: 100 }, (_, index) =>
        gateway.post(
          ...modernRequest('tools/call', { name: 'crm__echo', arguments: { text: `${runs} ${index}` } }),
        ),
      );
      await Promise.all(calls);
      await gateway[Symbol.asyncDispose]();
      expect(gateway.logs).toEqual([]);
      const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
      expect(lines).toHaveLength(100 * runs);
      expect(new Set(lines.map((line) => JSON.parse(line).args)).size).toBe(100 * runs);
    }
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test('one that is renamed is followed by another, and no line is lost', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'audit.jsonl');
    await using crm = await plainServer({ era: 'modern', json: true });
    const gateway = await startGateway({ mcpServers: { crm: crm.entry() }, audit: { file } });
    let calls = 0;
    const call = () => gateway.post(...modernRequest('tools/call', { name: 'crm__echo' }, ++calls));
    for (const kept of ['1', '2']) {
      await call();
      await rename(file, `${file}.${kept}`);
      // It does not have to be told.
      await expect
        .poll(async () => {
          await call();
          return (await stat(file).catch(() => undefined))?.isFile();
        })
        .toBe(true);
    }
    await gateway[Symbol.asyncDispose]();
    const texts = ['.1', '.2', ''].map((kept) => readFile(file + kept, 'utf8'));
    const lines = (await Promise.all(texts)).join('').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).id)).toEqual(lines.map((_, index) => index + 1));
    expect(lines).toHaveLength(calls);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test.skipIf(process.platform === 'win32')(
    'one that nobody takes lines from is told of once, and costs no call its answer',
    async () => {
      await using folder = await temporaryFolder();
      const file = join(folder.path, 'audit.fifo');
      execFileSync('mkfifo', [file]);
      // It has a reader, who reads nothing.
      const reader = await open(file, constants.O_RDWR);
      try {
        await using crm = await plainServer({ era: 'modern', json: true });
        const gateway = await startGateway({
          mcpServers: { crm: crm.entry() },
          audit: { file, values: true },
        });
        // Each has a line of some 16 KiB, and 4 MiB may wait.
        for (let round = 0; round < 20; round++) {
          const answers = await Promise.all(
            Array.from({ length: 20 }, (_, n) => {
              const text = `${round} ${n} ${'x'.repeat(15_000)}`;
              return gateway.post(...modernRequest('tools/call', { name: 'crm__echo', arguments: { text } }));
            }),
          );
          expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
        }
        await reader.close();
        await gateway[Symbol.asyncDispose]();
        const told = gateway.logs.filter((line) => line.includes('audit_lost'));
        expect(told).toHaveLength(1);
        expect(told[0]).toContain('more than 4194304 bytes wait');
      } finally {
        await reader.close().catch(() => {});
      }
    },
  );

  test('one that cannot be written is told at the start', async () => {
    await expect(
      startGateway({
        mcpServers: { crm: { url: 'http://127.0.0.1:1/mcp' } },
        audit: { file: '/nowhere/at/all' },
      }),
    ).rejects.toThrow('audit.file: cannot be written (ENOENT); name a file that this user may write');
  });
});

test('below the level of the log there is none', async () => {
  await using crm = await plainServer({ era: 'modern', json: true });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } }, { logLevel: 'warn' });
  await gateway.post(...modernRequest('tools/call', { name: 'crm__echo', arguments: { text: 'a' } }));
  expect(gateway.logs).toEqual([]);
});
