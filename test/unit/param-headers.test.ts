import { describe, expect, test } from 'vitest';
import {
  mismatchedParamHeader,
  readParamHeaders,
  writeParamHeaders,
} from '../../src/protocol/param-headers.ts';

const region = { type: 'string', 'x-mcp-header': 'Region' };
const SCHEMA = {
  type: 'object',
  properties: {
    region,
    limit: { type: 'integer', 'x-mcp-header': 'Limit' },
    nested: { type: 'object', properties: { dry: { type: 'boolean', 'x-mcp-header': 'Dry' } } },
    'x-mcp-header': { type: 'number' },
    plain: { type: 'string', default: { 'x-mcp-header': 'data, not schema' }, required: ['x-mcp-header'] },
    shown: { type: 'object', example: { type: 'string', 'x-mcp-header': 'Shown' } },
  },
};

function mirrored(schema: Record<string, unknown>) {
  const headers = readParamHeaders(schema);
  if ('fault' in headers) throw new Error(headers.fault);
  return headers;
}

test('annotated arguments are mirrored, encoded where a header could not carry them, left out where absent [R53]', () => {
  const write = (args: unknown) => writeParamHeaders(mirrored(SCHEMA), args);
  expect(write({ region: 'us-west1', limit: 42, nested: { dry: false }, plain: 'x' })).toEqual([
    'mcp-param-region',
    'us-west1',
    'mcp-param-limit',
    '42',
    'mcp-param-dry',
    'false',
  ]);
  expect(write({ region: 'Zürich\r\nX: y' })).toEqual([
    'mcp-param-region',
    '=?base64?WsO8cmljaA0KWDogeQ==?=',
  ]);
  for (const args of [{}, { region: null, limit: 1.5, nested: 7 }, undefined, { constructor: 1 }]) {
    expect(write(args)).toEqual([]);
  }
});

test.each([
  [{ region: 'a' }, { 'mcp-param-region': 'a' }, undefined],
  [{ region: 'ü' }, { 'mcp-param-region': '=?base64?w7w=?=' }, undefined],
  [{ limit: 42 }, { 'mcp-param-limit': '42.0' }, undefined],
  [{ region: null }, {}, undefined],
  [{}, { 'mcp-param-unknown': 'x' }, undefined],
  [{ region: 'a' }, {}, 'mcp-param-region'],
  [{ region: 'a' }, { 'mcp-param-region': 'A' }, 'mcp-param-region'],
  [{ region: 'a' }, { 'mcp-param-region': '=?base64?!?=' }, 'mcp-param-region'],
  [{ region: 'caf\xe9' }, { 'mcp-param-region': 'caf\xe9' }, 'mcp-param-region'],
  [{ limit: -42 }, { 'mcp-param-limit': '-42' }, undefined],
  [{ limit: 42 }, { 'mcp-param-limit': '=?base64?NDI=?=' }, undefined],
  [{ limit: 0 }, { 'mcp-param-limit': '' }, 'mcp-param-limit'],
  [{ limit: 42 }, { 'mcp-param-limit': '0x2A' }, 'mcp-param-limit'],
  [{ limit: 42 }, { 'mcp-param-limit': '4.2e1' }, 'mcp-param-limit'],
  [{ limit: 42 }, { 'mcp-param-limit': '+42' }, 'mcp-param-limit'],
  [{ limit: 9007199254740991 }, { 'mcp-param-limit': '9007199254740991.1' }, 'mcp-param-limit'],
  [{ nested: { dry: true } }, { 'mcp-param-dry': 'false' }, 'mcp-param-dry'],
])('of %j and %j the mismatch is %s [R52]', (args, headers, mismatch) => {
  expect(mismatchedParamHeader(mirrored(SCHEMA), args, headers)).toBe(mismatch);
});

describe('a schema is invalid whose annotation', () => {
  const annotated = (x: unknown, type = 'string') => ({ type, 'x-mcp-header': x });
  test.each([
    ['is empty', { properties: { a: annotated('') } }],
    ['is no header name', { properties: { a: annotated('a b') } }],
    ['would break the header', { properties: { a: annotated('a\r\nb') } }],
    ['is not text', { properties: { a: annotated(7) } }],
    ['is on a number', { properties: { a: annotated('A', 'number') } }],
    ['is on an object', annotated('A', 'object')],
    ['stands twice', { properties: { a: annotated('A'), b: annotated('a') } }],
    ['is in a list', { properties: { a: { type: 'array', items: annotated('A') } } }],
    ['is in a choice', { anyOf: [{ properties: { a: annotated('A') } }] }],
    ['is behind a reference', { $defs: { a: annotated('A') } }],
    ['is in a condition', { properties: { a: { if: annotated('A') } } }],
  ])('%s [R54]', (_what, schema) => {
    expect(readParamHeaders({ type: 'object', ...schema })).toEqual({
      fault: expect.stringContaining('x-mcp-header'),
    });
  });

  test('is nested without end [R54]', () => {
    let schema: Record<string, unknown> = { type: 'object' };
    for (let i = 0; i < 50_000; i++) schema = { properties: { a: schema } };
    expect(readParamHeaders(schema)).toEqual({ fault: expect.stringContaining('nested deeper') });
  });
});
