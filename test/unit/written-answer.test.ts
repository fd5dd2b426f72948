import { describe, expect, test } from 'vitest';
import { type Message, outcomeOf } from '../../src/protocol/messages.ts';
import { idOfUnread, isDeeperThan, parseMessage } from '../../src/protocol/written-answer.ts';

const writtenOf = (text: string) => {
  const message = parseMessage(text) as Message;
  const outcome = outcomeOf(message);
  return { id: message.id, ...outcome };
};

describe('the result of an answer is kept as it was written', () => {
  const result = '{"content":[],"n":12345678901234567890,"x":1.0}';

  test.each([
    ['its envelope first', `{"jsonrpc":"2.0","id":1000000001,"result":${result}}`],
    ['its envelope last', `{"result":${result},"jsonrpc":"2.0","id":1000000001}`],
  ])('%s', (_what, text) => {
    const { id, written } = writtenOf(text) as { id: unknown; written: string };
    expect(id).toBe(1_000_000_001);
    expect(written).toBe(result);
  });

  test('an envelope inside of a text is a text', () => {
    const inner = '{"text":"},\\"jsonrpc\\":\\"2.0\\",\\"id\\":7}"}';
    expect(writtenOf(`{"result":${inner},"jsonrpc":"2.0","id":5}`)).toMatchObject({ id: 5, written: inner });
  });
});

describe('what is more than one JSON value is read as what it is, and not kept', () => {
  test.each([
    ['a second id', '{"jsonrpc":"2.0","id":5,"result":{"a":1},"id":77,"x":{}}', 77],
    ['a second result', '{"jsonrpc":"2.0","id":5,"result":{"a":1},"result":{"a":2}}', 5],
    ['a second id before', '{"result":{"a":1},"id":77,"x":{},"jsonrpc":"2.0","id":5}', 5],
    ['an id that is a text', '{"jsonrpc":"2.0","id":"5","result":{"a":1}}', '5'],
    ['an id that is a fraction', '{"jsonrpc":"2.0","id":5.5,"result":{"a":1}}', 5.5],
    ['more lines than one', '{"jsonrpc":"2.0","id":5,"result":{"a":\n1}}', 5],
    ['another version', '{"jsonrpc":"1.0","id":5,"result":{"a":1}}', 5],
    ['another version behind', '{"result":{"a":1},"jsonrpc":"1.0","id":5}', 5],
    ['something behind the result', '{"jsonrpc":"2.0","id":5,"result":{"a":1},"b":{"c":{}}}', 5],
    ['spaces around', '{ "jsonrpc": "2.0", "id": 5, "result": {"a":1} }', 5],
  ])('%s', (_what, text, id) => {
    const read = writtenOf(text);
    expect(read.id).toBe(id);
    expect(read).not.toHaveProperty('written');
    expect(read).toHaveProperty('result');
  });

  test('and what is no JSON is none', () => {
    for (const text of [
      '{"jsonrpc":"2.0","id":5,"result":{"a":}}',
      '{"result":{]},"jsonrpc":"2.0","id":5}',
      '{"jsonrpc":"2.0","id":5,"result":{"a":1}]',
      '{"jsonrpc":"2.0","id":5,"result":{"a":1}',
      '{"result":{"a":1},"jsonrpc":"2.0","id":5]',
      '{"result":{"a":1},"jsonrpc":"2.0","id":5',
      '{"result":{"a":1}"jsonrpc":"2.0","id":5}',
      '',
    ]) {
      expect(() => parseMessage(text)).toThrow(SyntaxError);
    }
  });

  test('nor is what is no result, in a place of the same length', () => {
    for (const text of [
      '{"jsonrpc":"2.0","id":5,"params":{"a":1}}',
      '{"params":{"a":1},"jsonrpc":"2.0","id":5}',
    ]) {
      expect(parseMessage(text)).toEqual(JSON.parse(text));
      expect(outcomeOf(parseMessage(text) as Message)).toBeUndefined();
    }
  });

  test('nobody can say of an answer how it was written', () => {
    for (const own of ['"result":{"a":1}', '"error":{"code":1,"message":"x"}']) {
      const text = `{"jsonrpc":"2.0","id":5,${own},"written":"{}","result as written":"{}"}`;
      expect(writtenOf(text)).toEqual({ id: 5, ...JSON.parse(`{${own}}`) });
    }
  });
});

test('what is nested deeper than others can write is not kept, and read all the same', () => {
  const nested = (depth: number) =>
    writtenOf(`{"result":{"a":${'['.repeat(depth)}${']'.repeat(depth)}},"jsonrpc":"2.0","id":5}`);
  expect(nested(511)).toHaveProperty('written');
  expect(nested(512)).not.toHaveProperty('written');
  expect(nested(512)).toHaveProperty('result');
});

test('a message is the same as if it had been parsed', () => {
  for (const text of [
    '{"jsonrpc":"2.0","id":5,"result":{"a":[1,{"b":"\\u0041"}]}}',
    '{"result":{},"jsonrpc":"2.0","id":5}',
    '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}',
    '{"jsonrpc":"2.0","id":5,"error":{"code":-1,"message":"}}"}}',
    '[{"jsonrpc":"2.0","id":5,"result":{}}]',
  ])
    expect(JSON.stringify(parseMessage(text), sorted)).toBe(JSON.stringify(JSON.parse(text), sorted));
});

function sorted(_key: string, value: unknown) {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;
}

describe('how deep JSON is nested', () => {
  test.each([
    ['arrays', '['.repeat(300) + ']'.repeat(300), true],
    ['objects', `${'{"a":'.repeat(300)}1${'}'.repeat(300)}`, true],
    ['as deep as it may be', '['.repeat(200) + ']'.repeat(200), false],
    [
      'brackets in a text',
      JSON.stringify(['['.repeat(300), '\\', '"'.repeat(300), '\\"[{'.repeat(300)]),
      false,
    ],
    [
      'brackets behind texts that end in backslashes',
      `["\\\\","\\\\\\"",${'['.repeat(500)}${']'.repeat(500)}]`,
      true,
    ],
    [
      'brackets in a text behind one that ends in a backslash',
      JSON.stringify(['\\', '['.repeat(500)]),
      false,
    ],
    ['brackets in a text behind a quote', JSON.stringify([`"${'['.repeat(500)}`]), false],
    ['brackets in a text behind a backslash and a quote', JSON.stringify([`\\"${'['.repeat(500)}`]), false],
    ['objects beside each other', `[${'{},'.repeat(500)}{}]`, false],
    ['many beside each other', `[${'[],'.repeat(500)}[]]`, false],
  ])('%s', (_what, json, isDeep) => {
    expect(JSON.parse(json)).toBeDefined();
    expect(isDeeperThan(json, 200)).toBe(isDeep);
  });
});

test.each([
  ['{"jsonrpc":"2.0","id":7,"result":{"rows":[{"id":8', 7],
  ['{"jsonrpc": "2.0", "id": 7, "error": {"data":{"id":8', 7],
  ['{"id":7,"jsonrpc":"2.0","result":{"id":8', 7],
  ['{"result":{"rows":[{"id":8},{"id":9}]},"jsonrpc":"2.0","id":7}', 7],
  ['{"result":{"rows":[{"id":8},{"id":9}]}, "id": 7, "jsonrpc": "2.0"}\r', 7],
  ['{"jsonrpc":"2.0","result":{"id":8,"rows":[{"a":1,"id":9}]}}', undefined],
  ['{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage","params":{"id":8', undefined],
  ['{"jsonrpc":"2.0","method":"notifications/message","params":{"data":{"a":1,"id":8}}}', undefined],
  ['{"id":7,"result":{"rows":[{"id":8}]},"method":"ping"}', undefined],
  ['{"jsonrpc":"2.0","id":"7","result":{"id":8', undefined],
  [String.raw`{"text":"a\",\"id\":8,\"b\":\"\"}"}`, undefined],
  ['a line with "id":8', undefined],
  ['\ufeff{"jsonrpc":"2.0","id":7,"result":{"rows":[{"id":8', 7],
  // No white space of JSON.
  ['{\u00a0"id":7,"result":{"id":8', undefined],
  ['{"id":7,\ufeff"jsonrpc":"2.0","result":{"id":8', 7],
  ['{"result":{"id":8},\u2028"id":7}', undefined],
  [`{"id":"${'x'.repeat(5_000_000)}"`, undefined],
])('of %.80s, which was not read whole, the id is %s', (text, id) => {
  expect(idOfUnread(text)).toBe(id);
});
