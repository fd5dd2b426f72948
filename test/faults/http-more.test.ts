import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { plainServer } from '../support/downstreams/plain.ts';
import {
  bytes,
  chunk,
  chunked,
  event,
  fin,
  good,
  json,
  many,
  progress,
  stream,
  whole,
} from '../support/evil/steps.ts';
import { evilServer, type Step } from '../support/evil/wire.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { modernRequest } from '../support/messages.ts';
import { besideNeighbour } from './neighbour.ts';

const WORK = { name: 'evil__work', arguments: {} };
/** Nothing is left alone for its failures, which are the point. */
const limits = { breakerFailures: 0 };
const NOTHING_WAITS = { requests: 0, calls: 0, parked: 0, listeners: 0, downstream: 0 };

let calls = 0;
/** Each with arguments of its own: the same call at the same time would be joined. */
const call = (gateway: RunningGateway, params: object = WORK) =>
  gateway.post(...modernRequest('tools/call', { ...params, arguments: { n: ++calls } }));
const textOf = (reply: Awaited<ReturnType<typeof call>>) => reply.messages.at(-1)?.result.content[0].text;

test('F32 a connection that is closed as soon as it rests costs no call its answer', async (context) => {
  const closing: Step[] = [whole(good), fin];
  await using evil = await evilServer({ era: 'modern', on: { 'tools/call': closing } });
  await using well = await plainServer({ era: 'modern', json: true });
  await using gateway = await startGateway({ mcpServers: { evil: evil.entry(), well: well.entry() } });
  await besideNeighbour(gateway, context, async () => {
    for (let i = 0; i < 100; i++) expect(textOf(await call(gateway))).toBe('well');
  });
  expect(evil.connections.total).toBeGreaterThan(100);
});

test('F41 two tools of one name are two names, and a note', async () => {
  const tool = (description: string) => ({ name: 'work', description, inputSchema: { type: 'object' } });
  await using twice = await plainServer({ era: 'modern', tools: [tool('the first'), tool('the second')] });
  await using gateway = await startGateway({ mcpServers: { evil: twice.entry() } });
  const { tools } = (await gateway.post(...modernRequest('tools/list'))).json.result;
  expect(new Set(tools.map(({ name }: { name: string }) => name)).size).toBe(tools.length);
  expect(tools.find(({ name }: { name: string }) => name === 'evil__work').description).toBe('the first');
  expect(gateway.gateway.status().notes).toHaveLength(1);
});

test('F44 an output schema that is made to be slow is judged by nobody', async (context) => {
  const outputSchema = { type: 'object', properties: { x: { type: 'string', pattern: '^(a+)+$' } } };
  const result = { resultType: 'complete', content: [], structuredContent: { x: `${'a'.repeat(40)}!` } };
  await using slow = await plainServer({
    era: 'modern',
    tools: [{ name: 'work', inputSchema: { type: 'object' }, outputSchema }],
    answers: { 'tools/call work': (given) => given.result(result) },
  });
  await using well = await plainServer({ era: 'modern', json: true });
  await using gateway = await startGateway({ mcpServers: { evil: slow.entry(), well: well.entry() } });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await besideNeighbour(gateway, context, async () => {
    expect((await call(gateway)).json.result.structuredContent).toEqual(result.structuredContent);
  });
  delay.disable();
  // The SDKs took 17 s; what a busy machine takes is far from that.
  expect(delay.max / 1e6).toBeLessThan(10_000);
});

test('F46 a call in flight ends as it began although its tool is gone meanwhile; a new one hears that there is none', async () => {
  let goOn = () => {};
  let tools: object[] = [{ name: 'work', inputSchema: { type: 'object' } }];
  await using changing = await plainServer({
    era: 'modern',
    page: () => ({ tools, ttlMs: 1000 }) as never,
    answers: {
      'tools/list': (given) =>
        given.result({ resultType: 'complete', tools, ttlMs: 1000, cacheScope: 'private' }),
      'tools/call work': async (given) => {
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
        given.result({ resultType: 'complete', content: [{ type: 'text', text: 'as it began' }] });
      },
    },
  });
  await using gateway = await startGateway({ mcpServers: { evil: changing.entry() } });
  const inFlight = call(gateway);
  await expect
    .poll(() => changing.requests.some(({ body }) => (body as { method?: string }).method === 'tools/call'))
    .toBe(true);
  tools = [];
  await expect.poll(() => gateway.gateway.status().tools).toBe(0);
  expect((await call(gateway)).json.error).toMatchObject({ code: -32602 });
  goOn();
  expect(textOf(await inFlight)).toBe('as it began');
});

test('F51 of a flood of progress a caller hears a part, in order, and the answer', async (context) => {
  let n = 0;
  const flood: Step[] = [
    chunked(stream),
    many(10_000, (wire) => (progress(++n) as (given: typeof wire) => string)(wire)),
    chunk(event(good)),
    bytes('0\r\n\r\n'),
  ];
  await using evil = await evilServer({ era: 'modern', on: { 'tools/call': flood } });
  await using well = await plainServer({ era: 'modern', json: true });
  await using gateway = await startGateway({ mcpServers: { evil: evil.entry(), well: well.entry() } });
  const startedAt = performance.now();
  const reply = await besideNeighbour(gateway, context, () =>
    call(gateway, { ...WORK, _meta: { progressToken: 1 } }),
  );
  const seconds = Math.ceil((performance.now() - startedAt) / 1000) + 1;
  const heard = reply.messages.slice(0, -1).map(({ params }) => params.progress as number);
  expect(textOf(reply)).toBe('well');
  expect(heard.length).toBeGreaterThan(0);
  expect(heard.length).toBeLessThanOrEqual(20 * seconds);
  expect(heard).toEqual(heard.toSorted((a, b) => a - b));
});

test.each(['modern', 'legacy'] as const)(
  'F52 an answer that comes after the deadline, from a %s downstream, is nobody’s',
  async (era) => {
    let goOn = () => {};
    const promise = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let left = () => {};
    const wasSent = new Promise<void>((resolve) => {
      left = resolve;
    });
    const tooLate: Step[] = [
      chunked(stream),
      () => promise,
      chunk(event(good)),
      bytes('0\r\n\r\n'),
      () => left(),
    ];
    await using evil = await evilServer({ era, on: { 'tools/call': tooLate } });
    await using gateway = await startGateway({
      mcpServers: { evil: evil.entry({ callTimeoutMs: 1000 }) },
      limits,
    });
    const late = await Promise.all(Array.from({ length: 20 }, () => call(gateway)));
    for (const reply of late) expect(textOf(reply)).toContain('did not answer evil__work within 1000 ms');
    goOn();
    await wasSent;
    evil.script({});
    expect(textOf(await call(gateway))).toBe('well');
    await expect.poll(() => gateway.gateway.waiting()).toEqual(NOTHING_WAITS);
  },
);

test('F53 what a legacy downstream asks is answered under its own id, whatever that is', async () => {
  const ask = (id: unknown, method: string) => event(JSON.stringify({ jsonrpc: '2.0', id, method }));
  const asking: Step[] = [
    chunked(stream),
    chunk(ask(0, 'ping')),
    chunk(ask('', 'ping')),
    chunk(ask(1, 'no/such/method')),
    chunk(ask(null, 'ping')),
    chunk(ask(1.5, 'ping')),
    ...Array.from({ length: 200 }, (_, n) => chunk(ask(`flood ${n}`, 'ping'))),
    async () => expect.poll(() => answers().length).toBeGreaterThanOrEqual(203),
    chunk(event(good)),
    bytes('0\r\n\r\n'),
  ];
  await using evil = await evilServer({ era: 'legacy', on: { 'tools/call': asking } });
  const answers = () =>
    evil.heard.filter(({ message }) => message.method === undefined && message.id !== undefined);
  await using gateway = await startGateway({ mcpServers: { evil: evil.entry() } });
  expect(textOf(await call(gateway))).toBe('well');
  const of = (id: unknown) => answers().find(({ message }) => message.id === id)?.message;
  expect(of(0)?.result).toEqual({});
  expect(of('')?.result).toEqual({});
  expect(of(1)?.error?.code).toBe(-32601);
  expect(answers()).toHaveLength(203);
});

test('F91 calls that were cancelled or came too late leave nothing behind', async () => {
  await using evil = await evilServer({ era: 'modern', on: { 'tools/call': [({ gone }) => gone] } });
  await using gateway = await startGateway({
    mcpServers: { evil: evil.entry({ callTimeoutMs: 300 }) },
    limits,
  });
  for (let round = 0; round < 5; round++) {
    const late = Array.from({ length: 50 }, () => call(gateway));
    const cancelled = Array.from({ length: 10 }, async () => {
      const leave = new AbortController();
      const [body, headers] = modernRequest('tools/call', { ...WORK, arguments: { n: ++calls } });
      const bearer = { authorization: `Bearer ${gateway.token}`, ...json };
      const sent = gateway.send('/mcp', { body, headers: { ...bearer, ...headers }, signal: leave.signal });
      setTimeout(() => leave.abort(), 50);
      await expect(sent).rejects.toThrow();
    });
    await Promise.all([...late, ...cancelled]);
    await expect.poll(() => gateway.gateway.waiting()).toEqual(NOTHING_WAITS);
  }
  await expect.poll(() => evil.connections.open).toBeLessThanOrEqual(64);
});
