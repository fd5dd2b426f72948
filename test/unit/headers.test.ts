import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeHeaderValue, encodeHeaderValue } from '../../src/protocol/headers.ts';

test.each([
  ['us-west1', 'us-west1'],
  ['Hello, 世界', '=?base64?SGVsbG8sIOS4lueVjA==?='],
  [' padded ', '=?base64?IHBhZGRlZCA=?='],
  ['line1\nline2', '=?base64?bGluZTEKbGluZTI=?='],
  ['=?base64?literal?=', '=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?='],
  ['', ''],
])('the value %j goes out as the specification shows it [R51]', (value, header) => {
  expect(encodeHeaderValue(value)).toBe(header);
});

test('what was encoded is decoded to the same value, and is always fit for a header', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (value) => {
      const header = encodeHeaderValue(value);
      expect(header).toMatch(/^[\x20-\x7e\t]*$/);
      expect(decodeHeaderValue(header)).toBe(value);
    }),
  );
});

test.each(['=?base64?abc?=', '=?base64?a*bc?=', '=?base64?/w==?=', 'caf\xe9', 'a\u0000b', 'a\x7f', ' a'])(
  '%j is no value [R52]',
  (header) => {
    expect(decodeHeaderValue(header)).toBeUndefined();
  },
);
