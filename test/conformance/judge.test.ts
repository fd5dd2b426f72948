import { expect, test } from 'vitest';
import type { JournalEntry } from './fixture/journal.ts';
import type { JsonObject } from './fixture/protocol.ts';
import { judgeDirect, judgeGateway } from './judge.ts';
import type { LegRecord } from './leg.ts';
import type { Exchange } from './recording-proxy.ts';
import type { Scenario } from './scenarios.ts';
import type { Check } from './suite.ts';

// Every promise here is about a gateway that the suite alone would let pass.

const COVERED: Scenario = { covered: true };
const RESULT = { content: [{ type: 'text', text: 'Hello.' }], _meta: { 'example/kept': 1 } };
const PROGRESS = { method: 'notifications/progress', params: { progressToken: 'p', progress: 100 } };

test('the same answer passes, whatever ids, caching hints and server names the gateway gives it', () => {
  const own = {
    resultType: 'complete',
    ttlMs: 5,
    cacheScope: 'private',
    _meta: { 'example/kept': 1, 'io.modelcontextprotocol/serverInfo': { name: 'gateway' } },
  };
  const gateway = record({ exchanges: [call([{ id: 9, result: { ...RESULT, ...own } }], 9)] });
  expect(judgeGateway(COVERED, record(), gateway).problems).toEqual([]);
});

test('a gateway that makes the answer up is found out', () => {
  const madeUp = { content: [{ type: 'text', text: 'Unknown tool' }] };
  const gateway = record({ journal: [], exchanges: [call([{ id: 1, result: madeUp }])] });
  expect(judgeGateway(COVERED, record(), gateway).problems).toEqual([
    'NOT REACHED: tools/call greet {}: 0 of 1 arrived',
    'CHANGED: tools/call greet: messages[0].result.content[0].text: "Hello." became "Unknown tool"',
  ]);
});

test('a call that the server refuses may be refused by the gateway, and not answered otherwise', () => {
  const scenario: Scenario = { covered: true, refusesItself: { greet: 'a reason' } };
  const refused = (code: number, message: string) => call([{ id: 1, error: { code, message } }]);
  const direct = record({ exchanges: [refused(-32602, 'No.')] });
  const judged = (exchange: Exchange) =>
    judgeGateway(scenario, direct, record({ journal: [], exchanges: [exchange] })).problems;
  expect(judged(refused(-32602, 'Not here.'))).toEqual([]);
  expect(judged(refused(-32603, 'Not here.'))).toHaveLength(1);
  expect(judged(call([{ id: 1, result: RESULT }]))).toHaveLength(1);
});

test('a call that ran twice is found out', () => {
  const gateway = record({ journal: [arrival(), arrival()] });
  expect(judgeGateway(COVERED, record(), gateway).problems).toEqual([
    'RAN AGAIN: tools/call greet {}: 2 times instead of 1',
  ]);
});

test('a field that was dropped is found out', () => {
  const gateway = record({ exchanges: [call([{ id: 1, result: { content: RESULT.content } }])] });
  expect(judgeGateway(COVERED, record(), gateway).problems).toEqual([
    'CHANGED: tools/call greet: messages[0].result._meta: {"example/kept":1} became (nothing)',
  ]);
});

test('a progress notification that the result overtook is found out', () => {
  const result = { id: 1, result: RESULT };
  const direct = record({ exchanges: [call([PROGRESS, result])] });
  const gateway = record({ exchanges: [call([result, PROGRESS])] });
  expect(judgeGateway(COVERED, direct, gateway).problems[0]).toContain(
    'CHANGED: tools/call greet: messages[0]',
  );
});

test('an answer to somebody else is found out', () => {
  const gateway = record({ exchanges: [call([{ id: 2, result: RESULT }])] });
  expect(judgeGateway(COVERED, record(), gateway).problems).toEqual([
    'CHANGED: tools/call greet: messages[0].answers: "own request" became "id 2"',
  ]);
});

test('the wording of an error is the own affair of who found it, its code and status are not', () => {
  const refusal = (code: number, message: string, handled: boolean): LegRecord =>
    record({ exchanges: [{ ...call([{ id: 1, error: { code, message } }]), status: 400, handled }] });
  const judged = (direct: LegRecord, gateway: LegRecord): readonly string[] =>
    judgeGateway(COVERED, direct, gateway).problems;

  expect(judged(refusal(-32020, 'one', false), refusal(-32020, 'other', false))).toEqual([]);
  expect(judged(refusal(-32020, 'one', false), refusal(-32602, 'one', false))).toHaveLength(1);
  expect(judged(refusal(-32602, 'one', true), refusal(-32602, 'other', false))).toHaveLength(1);
});

test("a caller's token that reaches the fixture is found out", () => {
  const gateway = record({ journal: [{ ...arrival(), headers: { authorization: 'Bearer t' } }] });
  expect(judgeGateway(COVERED, record(), gateway).problems).toEqual([
    "LEAKED: the caller's Authorization header reached the fixture",
  ]);
});

test('a scenario in which nothing was tested does not pass', () => {
  const checks: Check[] = [
    { id: 'polling', status: 'INFO' },
    { id: 'wire-schema-valid', status: 'SUCCESS' },
  ];
  expect(judgeDirect(record({ checks })).problems).toEqual(['EMPTY: nothing but INFO and SKIPPED']);
});

test('a warning where there was a success does not pass', () => {
  const gateway = record({ checks: [{ id: 'greets', status: 'WARNING', errorMessage: 'SHOULD' }] });
  expect(judgeGateway(COVERED, record(), gateway).problems).toEqual(['WARNING greets: SHOULD']);
});

test('one of three checks with the same id that is missing does not pass', () => {
  const checks = (count: number): Check[] => Array(count).fill({ id: 'greets', status: 'SUCCESS' });
  const problems = judgeGateway(
    COVERED,
    record({ checks: checks(3) }),
    record({ checks: checks(2) }),
  ).problems;
  expect(problems).toEqual(['greets: 2 instead of 3 successes']);
});

test('a check listed as not yet is excused alone, and named once it passes', () => {
  const scenario: Scenario = { covered: true, checksNotYet: { greets: 'a reason' } };
  const failing = record({
    checks: [
      { id: 'greets', status: 'FAILURE' },
      { id: 'other', status: 'SUCCESS' },
    ],
  });
  expect(judgeGateway(scenario, record(), failing)).toMatchObject({ problems: [], passAlready: [] });
  expect(judgeGateway(scenario, record(), record())).toMatchObject({ problems: [], passAlready: ['greets'] });
});

test('what is other before a legacy server is excused there, and only what is named', () => {
  const scenario: Scenario = {
    covered: true,
    beforeLegacy: { checks: { greets: 'a reason' }, calls: { greet: 'a reason' } },
  };
  const checks: Check[] = [{ id: 'greets', status: 'FAILURE' }];
  const other = record({ checks, exchanges: [call([{ id: 1, result: {} }])], journal: [] });
  expect(judgeGateway(scenario, record(), other, 'legacy')).toMatchObject({ problems: [], passAlready: [] });
  expect(judgeGateway(scenario, record(), record(), 'legacy').passAlready).toEqual(['greets']);
  expect(judgeGateway(scenario, record(), other, 'both').problems).toHaveLength(3);
  const elsewhere = { ...scenario, beforeLegacy: { checks: { other: '' }, calls: { other: '' } } };
  expect(judgeGateway(elsewhere, record(), other, 'legacy').problems).toHaveLength(3);
});

test('a legacy server has no names for its questions; what they ask and their order is compared', () => {
  const asked = (...names: string[]) =>
    record({ exchanges: [call([{ id: 1, result: { inputRequests: numbered(names) } }])] });
  const numbered = (names: string[]) => Object.fromEntries(names.map((name) => [name, name.at(-1)]));
  const judged = (eras: 'both' | 'legacy', ...names: string[]) =>
    judgeGateway(COVERED, asked('first-1', 'second-2'), asked(...names), eras).problems;
  expect(judged('legacy', 'a-1', 'b-2')).toEqual([]);
  expect(judged('both', 'a-1', 'b-2')).toHaveLength(1);
  expect(judged('legacy', 'a-2', 'b-1')).toHaveLength(1);
  expect(judged('legacy', 'a-1')).toHaveLength(1);
});

test('a scenario that is not covered passes already only when nothing at all differs', () => {
  const gateway = record({ journal: [] });
  expect(judgeGateway({ covered: 'a reason' }, record(), gateway).problems).toHaveLength(1);
});

function record(parts: Partial<LegRecord> = {}): LegRecord {
  return {
    checks: [{ id: 'greets', status: 'SUCCESS' }],
    trouble: undefined,
    exchanges: [call([{ id: 1, result: RESULT }])],
    journal: [arrival()],
    ...parts,
  };
}

function arrival(): JournalEntry {
  return {
    era: 'modern',
    method: 'tools/call',
    target: 'greet',
    arguments: undefined,
    isNextRound: false,
    headers: {},
  };
}

/** A call of `greet` and the messages it was answered with. */
function call(received: JsonObject[], id = 1): Exchange {
  const sent = { id, method: 'tools/call', params: { name: 'greet', arguments: {} } };
  return { httpMethod: 'POST', sent, status: 200, received, handled: true };
}
