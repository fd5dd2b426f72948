import { expect, test } from 'vitest';
import { createLineReader } from '../../src/protocol/lines.ts';
import { createEventDecoder, encodeEvent } from '../../src/protocol/sse.ts';

const EVENTS = Buffer.from(
  '\ufeff: comment\r\nevent: message\r\ndata: {"a":"é😀"}\r\n\r\nid: 7\ndata: {"b":\ndata: 1}\n\nretry: 5\n\ndata: last\r\n\r\ndata: never ended',
);

test('events are the same wherever the stream is cut', () => {
  for (let cut = 0; cut <= EVENTS.length; cut++) {
    const events: string[] = [];
    const decoder = createEventDecoder(1000, {
      onData: (data) => events.push(data),
      onPlace: (id) => events.push(`at ${id}`),
      onRetry: (ms) => events.push(`retry ${ms}`),
      onTooLarge: () => expect.unreachable(),
    });
    decoder.feed(EVENTS.subarray(0, cut));
    decoder.feed(EVENTS.subarray(cut));
    const expected = ['{"a":"é😀"}', 'at 7', '{"b":\n1}', 'retry 5', 'last'];
    expect(events, `cut at ${cut}`).toEqual(expected);
  }
});

test.each(['\n', '\r', '\r\n'])('an event whose lines end with %j is there as soon as it is whole', (end) => {
  const lines = Buffer.from(`data: 1${end}${end}data: 2${end}${end}`);
  for (let cut = 0; cut <= lines.length; cut++) {
    const events: string[] = [];
    const decoder = createEventDecoder(1000, {
      onData: (data) => events.push(data),
      onTooLarge: () => expect.unreachable(),
    });
    decoder.feed(lines.subarray(0, cut));
    decoder.feed(lines.subarray(cut));
    expect(events, `cut at ${cut}`).toEqual(['1', '2']);
  }
});

test('an event that does not end is given up at the limit, once', () => {
  let tooLarge = 0;
  const decoder = createEventDecoder(1000, {
    onData: () => expect.unreachable(),
    onTooLarge: () => tooLarge++,
  });
  for (let i = 0; i < 50; i++) decoder.feed(Buffer.from(i === 0 ? 'data: ' : 'x'.repeat(100)));
  expect(tooLarge).toBe(1);
});

test('an event that was encoded is decoded to itself', () => {
  const events: string[] = [];
  const decoder = createEventDecoder(1000, {
    onData: (data) => events.push(data),
    onTooLarge: () => {},
  });
  const json = JSON.stringify({ text: 'line one\nline two\r\u2028' });
  decoder.feed(Buffer.from(encodeEvent(json)));
  expect(events).toEqual([json]);
});

test('a byte order mark is dropped at the very beginning and nowhere else, however the stream is cut', () => {
  const marked = Buffer.from('\ufeffdata: é\ufeff\n\n\ufeffdata: of no field\n\ndata: \ufeff\n\n');
  for (let cut = 0; cut <= marked.length; cut++) {
    const rest = marked.subarray(cut);
    for (const chunks of [[rest], [...rest].map((byte) => Buffer.of(byte))]) {
      const events: string[] = [];
      const decoder = createEventDecoder(1000, {
        onData: (data) => events.push(data),
        onTooLarge: () => expect.unreachable(),
      });
      for (const chunk of [marked.subarray(0, cut), ...chunks]) decoder.feed(chunk);
      expect(events, `cut at ${cut}`).toEqual(['é\ufeff', '\ufeff']);
    }
  }
});

test.each([
  ['in the first chunk', [], 'data: 1\n\ndata: \xff'],
  ['in a later one', ['data: 1\n\n'], 'data: \xff'],
  ['where a character does not go on', ['data: 1\n\n', 'data: \xc3'], 'x'],
])('bytes that are not UTF-8 are refused as soon as they come: %s', (_where, before, last) => {
  const decoder = createEventDecoder(1000, { onData: () => {}, onTooLarge: () => expect.unreachable() });
  for (const chunk of before) decoder.feed(Buffer.from(chunk, 'latin1'));
  expect(() => decoder.feed(Buffer.from(last, 'latin1'))).toThrow(TypeError);
});

const LINES = Buffer.from('{"a":"é😀"}\r\n\nlast\nnever ended');

test('lines are the same wherever the stream is cut', () => {
  for (let cut = 0; cut <= LINES.length; cut++) {
    const lines: string[] = [];
    const reader = createLineReader(
      () => 1000,
      (line) => lines.push(line),
      () => expect.unreachable(),
    );
    reader.feed(LINES.subarray(0, cut));
    reader.feed(LINES.subarray(cut));
    expect(lines, `cut at ${cut}`).toEqual(['{"a":"é😀"}', '', 'last']);
  }
});

test('a line that is too long is told of with its beginning and its end, and the next one is read', () => {
  const kept: string[] = [];
  const lines: string[] = [];
  const reader = createLineReader(
    () => 1000,
    (line) => lines.push(line),
    (ends) => kept.push(ends),
  );
  reader.feed(Buffer.from('{"id":1,'));
  for (let i = 0; i < 500; i++) reader.feed(Buffer.from('x'.repeat(100)));
  reader.feed(Buffer.from('"id":2}\nnext\n'));
  expect(lines).toEqual(['next']);
  expect(kept).toEqual([expect.stringMatching(/^\{"id":1,x+…x+"id":2\}$/)]);
  expect(kept[0]?.length).toBe(2049);
});
