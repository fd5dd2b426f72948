import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PlainDownstream, plainServer } from '../support/downstreams/plain.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import type { Message } from '../support/messages.ts';

let downstream: PlainDownstream;
let gateway: RunningGateway;

beforeAll(async () => {
  downstream = await plainServer({ era: 'legacy' });
  gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await downstream[Symbol.asyncDispose]();
});

const json = { accept: 'application/json' };

/** Posts a text as it is, and tells status and answer. */
async function post(body: string | Uint8Array) {
  const { status, json: answer } = await gateway.post(body, json);
  return { status, answer };
}

function echo(argumentsJson: string): string {
  return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"crm__echo","arguments":${argumentsJson}}}`;
}

/** What the downstream was given last. */
function received(): Message['params'] {
  const bodies = downstream.requests.map(({ body }) => body as Message | undefined);
  return bodies.findLast((body) => body?.method === 'tools/call')?.params.arguments;
}

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

test.each([
  // Three levels are the message, its params and the arguments.
  ['128', 125, 200],
  ['129', 126, 400],
  ['a million', 1_000_000, 400],
])('JSON nested %s levels deep', async (_what, levels, status) => {
  const reply = await post(echo(`{"text":"deep","more":${nested(levels)}}`));
  expect(reply.status).toBe(status);
  if (status === 200) expect(reply.answer.result.content[0].text).toBe('deep');
  else {
    expect(reply.answer.error.code).toBe(-32700);
    expect(reply.answer.error.message).toMatch(/limits\.maxJsonDepth|not valid JSON/);
  }
});

test('another maxJsonDepth counts', async () => {
  await using narrow = await startGateway({
    mcpServers: { crm: downstream.entry() },
    limits: { maxJsonDepth: 8 },
  });
  expect((await narrow.post(echo(`{"text":"a","more":${nested(5)}}`), json)).status).toBe(200);
  expect((await narrow.post(echo(`{"text":"a","more":${nested(6)}}`), json)).status).toBe(400);
});

test.each([
  ['a key that appears twice counts as its last', '{"text":"a","text":"b"}', 'b'],
  ['an escaped one is the same key', '{"text":"a","te\\u0078t":"b"}', 'b'],
])('%s', async (_what, args, text) => {
  expect((await post(echo(args))).answer.result.content[0].text).toBe(text);
});

test('an id that appears twice is answered as its last', async () => {
  expect((await post('{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}')).answer.id).toBe(2);
});

test('__proto__ and constructor are names like any other, here and behind', async () => {
  const odd =
    '{"text":"a","__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"toString":1}';
  expect((await post(echo(odd))).answer.result.content[0].text).toBe('a');
  expect(Object.keys(received()).sort()).toEqual(['__proto__', 'constructor', 'text', 'toString']);
  expect(({} as { admin?: boolean }).admin).toBeUndefined();
  const params = '{"__proto__":{"name":"crm__echo"},"arguments":{"text":"a"}}';
  const reply = await post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`);
  expect(reply.answer.error.code).toBe(-32602);
});

test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', ''])(
  'a tool, a method and a session named %j are not there',
  async (name) => {
    const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } };
    expect((await post(JSON.stringify(call))).answer.error.code).toBe(-32602);
    const method = await post(JSON.stringify({ jsonrpc: '2.0', id: 1, method: name }));
    expect(method.answer.error.code).toBe(-32601);
  },
);

test.each([
  '[]',
  '[[]]',
  '[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
  '[[{"jsonrpc":"2.0","id":1,"method":"ping"}]]',
  '[1,2]',
])('the batch %s is refused as a whole', async (body) => {
  const { status, answer } = await post(body);
  expect([status, answer.error.code]).toEqual([400, -32600]);
});

test.each([
  ['"a"'],
  ['""'],
  ['0'],
  ['-1'],
  ['1'],
  ['9007199254740991'],
  ['"\\u0000"'],
  [`"${'x'.repeat(1024)}"`],
])('the id %s comes back as it was', async (id) => {
  const { status, answer } = await post(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`);
  expect([status, answer]).toEqual([200, { jsonrpc: '2.0', id: JSON.parse(id), result: {} }]);
});

test('a body may begin with one byte order mark', async () => {
  const { status, answer } = await post('\ufeff{"jsonrpc":"2.0","id":1,"method":"ping"}');
  expect([status, answer]).toEqual([200, { jsonrpc: '2.0', id: 1, result: {} }]);
  expect((await post('\ufeff\ufeff{"jsonrpc":"2.0","id":1,"method":"ping"}')).status).toBe(400);
});

test.each([
  ['null'],
  ['1.5'],
  ['1e400'],
  ['9007199254740993'],
  ['true'],
  ['[]'],
  ['{}'],
  [`"${'x'.repeat(1025)}"`],
])('the id %s is refused', async (id) => {
  const { status, answer } = await post(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`);
  expect([status, answer.error.code]).toEqual([400, -32600]);
  expect('id' in answer).toBe(false);
});

test.each([
  ['a byte that never occurs', [0xff]],
  ['a character cut in two', [0xc3]],
  ['an overlong slash', [0xc0, 0xaf]],
  ['half of a surrogate pair', [0xed, 0xa0, 0x80]],
])('a body that is not UTF-8 is refused: %s', async (_what, bytes) => {
  const [before = '', after = ''] = echo('{"text":"%"}').split('%');
  const body = Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
  const { status, answer } = await post(body);
  expect([status, answer.error.code]).toEqual([400, -32700]);
});

test.each([
  ['a lone surrogate', '\\ud800'],
  ['NUL', '\\u0000'],
  ['line and paragraph separators', '\u2028\u2029'],
  ['a byte order mark', '\ufeff'],
])('%s in a text arrives as it was, and comes back', async (_what, written) => {
  const args = `{"text":"a${written}b"}`;
  const { text } = JSON.parse(args);
  const reply = await gateway.post(echo(args), { accept: 'application/json, text/event-stream' });
  expect(received().text).toBe(text);
  expect(reply.messages[0]?.result.content[0].text).toBe(text);
});
