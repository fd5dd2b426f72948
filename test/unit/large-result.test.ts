import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LargeResult, readLargeHead } from '../../src/downstream/http/large-result.ts';

/** Feeds it cut at these places, and gives what belongs to the result. */
function follow(answer: Buffer, cuts: readonly number[]) {
  const head = readLargeHead(answer, 7);
  if (head === undefined) return undefined;
  const result = new LargeResult(head.tail);
  const places = [...new Set(cuts.map((cut) => head.start + (cut % (answer.length - head.start))))].sort(
    (a, b) => a - b,
  );
  let taken = '';
  const parts: Buffer[] = [];
  for (const [index, place] of [head.start, ...places].entries()) {
    const piece = Buffer.from(answer.subarray(place, places[index] ?? answer.length));
    const bytes = result.take(piece);
    if (bytes === undefined) return undefined;
    parts.push(piece.subarray(0, bytes));
  }
  taken = Buffer.concat(parts).toString();
  return result.isWhole ? { taken, isError: result.isError } : undefined;
}

const written = fc
  .record({
    isError: fc.boolean(),
    content: fc.jsonValue(),
    other: fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
    keysFirst: fc.boolean(),
  })
  .map(({ isError, content, other, keysFirst }) => ({
    isError,
    json: JSON.stringify(
      keysFirst
        ? { isError, content, other, text: ['isError', true] }
        : { text: ['isError', true], content, other, isError },
    ),
  }));
const cuts = fc.array(fc.nat());

test('however an answer is cut into pieces, its result and whether it is an error are found', () => {
  fc.assert(
    fc.property(written, cuts, fc.boolean(), ({ json, isError }, at, isFirst) => {
      const answer = isFirst
        ? `{"result":${json},"jsonrpc":"2.0","id":7}`
        : `{"jsonrpc":"2.0","id":7,"result":${json}}`;
      expect(follow(Buffer.from(answer), at)).toEqual({ taken: json, isError });
    }),
    { numRuns: 2000 },
  );
});

test.each(['\n', '\r'])('a line break in a text is no JSON, wherever it is cut: %j', (end) => {
  const answer = Buffer.from(`{"jsonrpc":"2.0","id":7,"result":{"content":"a\\${end}b"}}`);
  for (let cut = 0; cut < answer.length; cut++) expect(follow(answer, [cut])).toBe(undefined);
});

test('what stands behind it, is missing, or is no text is noticed', () => {
  fc.assert(
    fc.property(written, cuts, fc.nat(), ({ json }, at, where) => {
      const answer = `{"jsonrpc":"2.0","id":7,"result":${json}}`;
      const cut = 34 + (where % (answer.length - 34));
      for (const broken of [
        Buffer.from(`${answer}}`),
        Buffer.from(`${answer.slice(0, -1)},"id":8}`),
        Buffer.from(answer).subarray(0, -1),
        Buffer.concat([
          Buffer.from(answer.slice(0, cut)),
          Buffer.from([0xff]),
          Buffer.from(answer.slice(cut)),
        ]),
      ])
        expect(follow(broken, at)).toBeUndefined();
    }),
  );
});

test('where it begins, and whether it says that it is complete', () => {
  const head = (text: string) => readLargeHead(Buffer.from(text), 7);
  expect(head('{"jsonrpc":"2.0","id":7,"result":{"resultType":"complete","a":1')).toEqual({
    start: 33,
    tail: '}',
    isComplete: true,
  });
  expect(head('{"result":{"a":"{\\"resultType\\":\\"complete\\",')).toEqual({
    start: 10,
    tail: ',"jsonrpc":"2.0","id":7}',
    isComplete: false,
  });
  for (const other of [
    '{"jsonrpc":"2.0","id":8,"result":{',
    '{"jsonrpc":"2.0","id":7,"error":{',
    '{"jsonrpc":"2.0","id":7,"result":[',
    ' {"result":{',
  ])
    expect(head(other)).toBeUndefined();
});

test('a line break between texts becomes a space, and one within a text is none of JSON', () => {
  const answer = (result: string) => Buffer.from(`{"jsonrpc":"2.0","id":7,"result":${result}}\n`);
  expect(follow(answer('{\n"a":\r\n1}'), [])).toEqual({ taken: '{ "a":  1}', isError: false });
  expect(follow(answer('{"a":"x\ny"}'), [])).toBeUndefined();
  expect(follow(answer('{"a":"x\ry"}'), [])).toBeUndefined();
});

test('an error is one that says so itself', () => {
  const isError = (result: string) =>
    follow(Buffer.from(`{"jsonrpc":"2.0","id":7,"result":${result}}`), [])?.isError;
  expect(isError('{"isError": true}')).toBe(true);
  expect(isError('{"isError":[true]}')).toBe(false);
  expect(isError('{"a":{"isError":true}}')).toBe(false);
  expect(isError('{"isErrorOrSo":true,"isErro":true}')).toBe(false);
  expect(isError('{"isError":false,"a":true}')).toBe(false);
});

test('one that is nested without end is not followed', () => {
  const nested = (depth: number) =>
    follow(
      Buffer.from(`{"result":{"a":${'['.repeat(depth)}${']'.repeat(depth)}},"jsonrpc":"2.0","id":7}`),
      [],
    );
  expect(nested(511)).toBeDefined();
  expect(nested(512)).toBeUndefined();
});

test('what stands behind it is not kept without end', () => {
  const answer = (spaces: number) => Buffer.from(`{"jsonrpc":"2.0","id":7,"result":{}${' '.repeat(spaces)}}`);
  expect(follow(answer(200), [])).toBeDefined();
  expect(follow(answer(300), [])).toBeUndefined();
});
