import { expect, test } from 'vitest';
import { ProtocolError } from '../../src/errors.ts';
import { eraOf } from '../../src/protocol/eras.ts';
import type { Request } from '../../src/protocol/messages.ts';

const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};
const HEADERS = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'echo' };

function call(meta?: Record<string, unknown>): Request {
  return {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'echo', ...(meta && { _meta: meta }) },
  };
}

function refusal(...args: Parameters<typeof eraOf>): ProtocolError {
  try {
    eraOf(...args);
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

test('a request with an envelope is modern, one without is legacy [R43] [R70]', () => {
  expect(eraOf(call(ENVELOPE), HEADERS)).toBe('modern');
  expect(eraOf(call(), { 'mcp-protocol-version': '2025-06-18' })).toBe('legacy');
  expect(eraOf(call(), {})).toBe('legacy');
});

test('on a pipe there are no headers to check', () => {
  expect(eraOf(call(ENVELOPE), undefined)).toBe('modern');
});

test('an encoded Mcp-Name is compared by what it says [R52]', () => {
  const request = { ...call(ENVELOPE), params: { name: 'grüße', _meta: ENVELOPE } };
  expect(eraOf(request, { ...HEADERS, 'mcp-name': '=?base64?Z3LDvMOfZQ==?=' })).toBe('modern');
});

test.each([
  ['no Mcp-Method', { ...HEADERS, 'mcp-method': undefined }],
  ['another Mcp-Method', { ...HEADERS, 'mcp-method': 'tools/list' }],
  ['Mcp-Method in other case', { ...HEADERS, 'mcp-method': 'Tools/Call' }],
  ['no Mcp-Name', { ...HEADERS, 'mcp-name': undefined }],
  ['another Mcp-Name', { ...HEADERS, 'mcp-name': 'other' }],
  ['a broken Mcp-Name', { ...HEADERS, 'mcp-name': '=?base64?x?=' }],
  ['no MCP-Protocol-Version', { ...HEADERS, 'mcp-protocol-version': undefined }],
  ['another MCP-Protocol-Version', { ...HEADERS, 'mcp-protocol-version': '2025-11-25' }],
])('%s is a header mismatch [R40] [R52]', (_what, headers) => {
  expect(refusal(call(ENVELOPE), headers)).toMatchObject({ code: -32020, httpStatus: 400 });
});

test('a version that is not served is refused with the ones that are [R41]', () => {
  const meta = { ...ENVELOPE, 'io.modelcontextprotocol/protocolVersion': '2027-01-01' };
  expect(refusal(call(meta), { ...HEADERS, 'mcp-protocol-version': '2027-01-01' })).toMatchObject({
    code: -32022,
    httpStatus: 400,
    data: { supported: ['2026-07-28'], requested: '2027-01-01' },
  });
  expect(refusal(call(), { 'mcp-protocol-version': '1999-01-01' })).toMatchObject({
    code: -32022,
    httpStatus: 400,
  });
});

test.each([
  ['no _meta at all', undefined],
  ['no version', { 'io.modelcontextprotocol/clientCapabilities': {} }],
  ['a version that is a number', { ...ENVELOPE, 'io.modelcontextprotocol/protocolVersion': 2026 }],
  ['no capabilities', { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' }],
])('an envelope with %s is incomplete [R18]', (_what, meta) => {
  expect(refusal(call(meta), HEADERS)).toMatchObject({ code: -32602, httpStatus: 400 });
});
