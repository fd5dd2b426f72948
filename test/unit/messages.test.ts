import { expect, test } from 'vitest';
import { ProtocolError } from '../../src/errors.ts';
import { readMessage } from '../../src/protocol/messages.ts';

function refusal(text: string): ProtocolError {
  try {
    readMessage(text, 128);
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

test.each([
  ['a request', '{"jsonrpc":"2.0","id":"1","method":"ping"}', 'request'],
  ['a notification', '{"jsonrpc":"2.0","method":"notifications/initialized"}', 'notification'],
  ['a result', '{"jsonrpc":"2.0","id":1,"result":{}}', 'response'],
  ['an error without an id', '{"jsonrpc":"2.0","error":{"code":1,"message":"x"}}', 'response'],
])('%s is read as what it is', (_what, text, kind) => {
  expect(readMessage(text, 128).kind).toBe(kind);
});

test.each([
  ['no JSON', '{', -32700],
  ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600],
  ['an empty batch', '[]', -32600],
  ['null', 'null', -32600],
  ['another version', '{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600],
  ['a null id', '{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600],
  ['a fractional id', '{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600],
  ['an id beyond a double', '{"jsonrpc":"2.0","id":1e400,"method":"ping"}', -32600],
  ['an object as id', '{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600],
  ['params that are a list', '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32600],
  ['neither method nor result', '{"jsonrpc":"2.0","id":1}', -32600],
])('%s is refused', (_what, text, code) => {
  expect(refusal(text).code).toBe(code);
});

test('an id of a megabyte is refused', () => {
  expect(refusal(`{"jsonrpc":"2.0","id":"${'x'.repeat(1e6)}","method":"ping"}`).code).toBe(-32600);
});

test.each([
  [124, true],
  [125, true],
  [126, false],
  [200_000, false],
])('arguments nested %d deep inside a message are accepted: %s', (levels, accepted) => {
  // Three levels are the message's own: its object, params and the brackets inside strings, which do not count.
  const nested = '['.repeat(levels) + ']'.repeat(levels);
  const text = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"text":"[[[{{\\"[","arguments":{"x":${nested}}}}`;
  if (accepted) expect(readMessage(text, 128).kind).toBe('request');
  else expect(refusal(text).code).toBe(-32700);
});
