import { describe, expect, test } from 'vitest';
import { deferred } from '../../src/promises.ts';
import { requestsOf } from '../support/downstreams/downstream.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { answersStatus, cutsConnection, endsStreamWithoutAnswer } from '../support/downstreams/wire.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { modernRequest } from '../support/messages.ts';

const ECHO = { name: 'crm__echo', arguments: { text: 'hello' } };

/** Fails the first times, then answers as usual. Counts every time that it was asked. */
function failing(times: number, failure: Answer): { answer: Answer; readonly asked: number } {
  let asked = 0;
  return {
    answer: (given) => (++asked <= times ? failure(given) : given.usual()),
    get asked() {
      return asked;
    },
  };
}

const FAILURES: readonly (readonly [what: string, failure: Answer])[] = [
  ['answers 500', answersStatus(500)],
  ['answers 502', answersStatus(502)],
  ['answers 503', answersStatus(503)],
  ['answers 504', answersStatus(504)],
  ['cuts before any byte', cutsConnection('before headers')],
  ['cuts after the headers', cutsConnection('after headers')],
];

async function call(gateway: RunningGateway, params: object = ECHO) {
  const reply = await gateway.post(...modernRequest('tools/call', { ...params }));
  return reply.messages.at(-1)?.result;
}

describe.each(['modern', 'legacy'] as const)('with a %s downstream that', (era) => {
  test.each(FAILURES)('%s, a call is sent once, and not more', async (_what, failure) => {
    const echo = failing(1, failure);
    await using downstream = await plainServer({ era, answers: { 'tools/call echo': echo.answer } });
    // The server itself says that this tool only reads. It may say what it likes.
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
    const result = await call(gateway);
    expect(result.isError).toBe(true);
    expect(result._meta['mcp-switchboard/failure']).toMatchObject({ mayHaveRun: true, retryable: false });
    expect(result.content[0].text).toContain('The call may have run: check before repeating it.');
    expect(echo.asked).toBe(1);
  });

  test.each(FAILURES)('%s twice, a call that its operator marked gets its answer', async (_what, failure) => {
    const echo = failing(2, failure);
    await using downstream = await plainServer({ era, answers: { 'tools/call echo': echo.answer } });
    await using gateway = await startGateway({
      mcpServers: { crm: downstream.entry({ tools: { overrides: { echo: { retry: true } } } }) },
    });
    expect((await call(gateway)).content[0].text).toBe('hello');
    expect(echo.asked).toBe(3);
  });

  test('fails and then refuses, a marked call hears that it may have run the first time', async () => {
    let asked = 0;
    const answer: Answer = (given) => answersStatus(++asked === 1 ? 503 : 401)(given);
    await using downstream = await plainServer({ era, answers: { 'tools/call echo': answer } });
    await using gateway = await startGateway({
      mcpServers: { crm: downstream.entry({ tools: { overrides: { echo: { retry: true } } } }) },
    });
    const result = await call(gateway);
    expect(result._meta['mcp-switchboard/failure']).toMatchObject({ reason: 'refused', mayHaveRun: true });
    expect(asked).toBe(2);
  });

  test('fails for good, a marked call hears so after three times', async () => {
    const echo = failing(99, answersStatus(502));
    await using downstream = await plainServer({ era, answers: { 'tools/call echo': echo.answer } });
    await using gateway = await startGateway({
      mcpServers: { crm: downstream.entry({ tools: { overrides: { echo: { retry: true } } } }) },
    });
    const result = await call(gateway);
    expect(result._meta['mcp-switchboard/failure']).toEqual({
      downstream: 'crm',
      reason: 'outcome_unknown',
      mayHaveRun: true,
      retryable: false,
    });
    expect(echo.asked).toBe(3);
  });

  test.each(FAILURES)('%s twice while it is asked for its tools, they are listed', async (_what, failure) => {
    const list = failing(2, failure);
    await using downstream = await plainServer({ era, answers: { 'tools/list': list.answer } });
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
    expect((await call(gateway)).content[0].text).toBe('hello');
    expect(gateway.logs.filter((line) => line.includes('downstream_down'))).toEqual([]);
  });

  test('gives a result that is an error, or nonsense, is not asked again, marked or not', async () => {
    const bad = failing(1, endsStreamWithoutAnswer());
    let failed = 0;
    const fail: Answer = (given) => {
      failed++;
      return given.usual();
    };
    await using downstream = await plainServer({
      era,
      answers: { 'tools/call echo': bad.answer, 'tools/call fail': fail },
    });
    const marked = { retry: true };
    await using gateway = await startGateway({
      mcpServers: { crm: downstream.entry({ tools: { overrides: { echo: marked, fail: marked } } }) },
    });
    expect((await call(gateway)).content[0].text).toContain('sent no answer');
    expect((await call(gateway, { name: 'crm__fail' })).content[0].text).toBe('This tool always fails.');
    expect([bad.asked, failed]).toEqual([1, 1]);
  });
});

test.each([
  [{ trustHints: true }, 3],
  [{}, 1],
  [{ trustHints: true, tools: { overrides: { echo: { annotations: { readOnlyHint: false } } } } }, 3],
  [
    {
      trustHints: true,
      tools: { overrides: { echo: { annotations: { readOnlyHint: false, idempotentHint: false } } } },
    },
    1,
  ],
])('hints of the server count where its entry says so: %j', async (entry, times) => {
  const echo = failing(2, answersStatus(503));
  await using downstream = await plainServer({ era: 'modern', answers: { 'tools/call echo': echo.answer } });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry(entry) } });
  await call(gateway);
  expect(echo.asked).toBe(times);
});

describe('a downstream that limits requests', () => {
  const limits = (headers: Record<string, string>) => answersStatus(429, { headers });

  test('and wants a call again at once gets it again, once', async () => {
    const once = failing(1, limits({ 'retry-after': '0' }));
    const more = failing(2, limits({ 'retry-after': '0' }));
    await using downstream = await plainServer({
      era: 'modern',
      answers: { 'tools/call echo': once.answer, 'tools/call add': more.answer },
    });
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
    expect((await call(gateway)).content[0].text).toBe('hello');
    const result = await call(gateway, { name: 'crm__add', arguments: { a: 1, b: 2 } });
    expect(result._meta['mcp-switchboard/failure']).toEqual({
      downstream: 'crm',
      reason: 'rate_limited',
      mayHaveRun: false,
      retryable: true,
    });
    expect([once.asked, more.asked]).toEqual([2, 2]);
  });

  test.each([
    ['in a while', { 'retry-after': '6' }, 'Try again in 6 s.'],
    ['in years', { 'retry-after': '1000000000' }, 'Try again later.'],
    ['before now', { 'retry-after': '-1' }, 'Try again later.'],
    ['at no time', {}, 'Try again later.'],
    ['at a date gone by', { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }, 'Try again later.'],
  ])('and wants it again %s does not get it', async (_when, headers, said) => {
    const echo = failing(1, limits(headers));
    await using downstream = await plainServer({
      era: 'modern',
      answers: { 'tools/call echo': echo.answer },
    });
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
    expect((await call(gateway)).content[0].text).toContain(said);
    expect(echo.asked).toBe(1);
  });

  test('and wants a marked call later than its deadline does not get it', async () => {
    const echo = failing(1, limits({ 'retry-after': '4' }));
    await using downstream = await plainServer({
      era: 'modern',
      answers: { 'tools/call echo': echo.answer },
    });
    await using gateway = await startGateway({
      mcpServers: {
        crm: downstream.entry({ callTimeoutMs: 3000, tools: { overrides: { echo: { retry: true } } } }),
      },
    });
    expect((await call(gateway)).content[0].text).toContain('Try again in 4 s.');
    expect(echo.asked).toBe(1);
  });
});

test('a downstream that fails is not met by three times the requests that it got', async () => {
  let arrived = 0;
  const all = deferred<void>();
  const echo = failing(Number.POSITIVE_INFINITY, async (given) => {
    if (++arrived === 50) all.resolve();
    await all.promise;
    return answersStatus(503)(given);
  });
  await using downstream = await plainServer({ era: 'modern', answers: { 'tools/call echo': echo.answer } });
  await using gateway = await startGateway({
    mcpServers: { crm: downstream.entry({ tools: { overrides: { echo: { retry: true } } } }) },
  });
  await Promise.all(Array.from({ length: 50 }, () => call(gateway)));
  // A fifth of them at a time, each at most twice.
  expect(echo.asked).toBeGreaterThan(50);
  expect(echo.asked).toBeLessThanOrEqual(50 + 2 * 10);
});

test('a 400 that is not about the session is believed after the first time', async () => {
  let asked = 0;
  const answer: Answer = (given) => {
    asked++;
    return given.error(-32000, 'the printer is out of paper', { status: 400 });
  };
  await using downstream = await plainServer({
    era: 'legacy',
    sessions: true,
    answers: { 'tools/call echo': answer },
  });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  const messages = async () => (await gateway.post(...modernRequest('tools/call', ECHO))).json.error.message;
  for (let i = 0; i < 5; i++) expect(await messages()).toBe('the printer is out of paper');
  expect(asked).toBe(6);
  const opened = requestsOf(downstream, 'initialize');
  expect(opened).toHaveLength(2);
});
