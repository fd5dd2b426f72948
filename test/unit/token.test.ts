import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, test } from 'vitest';
import { createTokenCheck } from '../../src/caller/http/token.ts';

/** Short, as long as is compared without a hash, longer, longer than what is compared, and more bytes than characters. */
const tokens = ['t', 'a'.repeat(127), 'b'.repeat(128), 'c'.repeat(129), 'd'.repeat(600), 'é😀'.repeat(30)];

describe.each(tokens.map((token) => [token.length, token] as const))(
  'a token of %i characters',
  (_length, token) => {
    const hasToken = (headers: IncomingHttpHeaders) => createTokenCheck(token)(headers);

    test.each([
      ['Bearer T', { authorization: `Bearer ${token}` }],
      ['bearer  T', { authorization: `bearer  ${token}` }],
      ['Bearer Bearer T', { authorization: `Bearer Bearer ${token}` }],
      ['T', { authorization: token }],
      ['X-API-Key: T', { 'x-api-key': token }],
      ['X-API-Key: T beside another authorization', { authorization: 'Basic abc', 'x-api-key': token }],
    ])('is accepted as %s', (_form, headers) => {
      expect(hasToken(headers)).toBe(true);
    });

    test.each([
      ['nothing', {}],
      ['an empty one', { authorization: '' }],
      ['an empty key', { 'x-api-key': '' }],
      ['two keys', { 'x-api-key': [token] as unknown as string }],
      ['something behind it', { authorization: `Bearer ${token}x` }],
      ['a zero byte behind it', { authorization: `Bearer ${token}\0` }],
      ['something before it', { authorization: `Bearer x${token}` }],
      ['all but its end', { authorization: `Bearer ${token.slice(0, -1)}` }],
      ['another of its length', { authorization: `Bearer ${'x'.repeat(token.length)}` }],
      ['three schemes', { authorization: `Bearer Bearer Bearer ${token}` }],
      ['another scheme', { authorization: `Basic ${token}` }],
      ['a key with a scheme', { 'x-api-key': `Bearer ${token}` }],
    ])('is not %s', (_what, headers) => {
      expect(hasToken(headers)).toBe(false);
    });

    test('leaves nothing behind for the next one', () => {
      const hasToken = createTokenCheck(token);
      expect(hasToken({ authorization: `${token}${'x'.repeat(100)}` })).toBe(false);
      expect(hasToken({ authorization: token })).toBe(true);
      expect(hasToken({ authorization: '' })).toBe(false);
    });
  },
);

test('the hash of a long token is not a token', async () => {
  const { createHash } = await import('node:crypto');
  const token = 'd'.repeat(600);
  expect(createTokenCheck(token)({ authorization: createHash('sha256').update(token).digest('hex') })).toBe(
    false,
  );
});

test('earlier ones are accepted beside it, as long as there are such', () => {
  const hasToken = createTokenCheck('new', ['old', 'older']);
  const accepted = ['new', 'old', 'older', 'newold', 'neither'].map((token) =>
    hasToken({ authorization: token }),
  );
  expect(accepted).toEqual([true, true, true, false, false]);
  expect(createTokenCheck('new')({ authorization: 'old' })).toBe(false);
  expect(createTokenCheck('new')({ authorization: 'undefined' })).toBe(false);
});

test('an empty token lets nobody in', () => {
  for (const hasToken of [createTokenCheck(''), createTokenCheck('new', [''])]) {
    for (const headers of [{ 'x-api-key': '' }, { authorization: '' }, { authorization: 'Bearer ' }, {}])
      expect(hasToken(headers)).toBe(false);
  }
});

test('a scheme stands before the token, and not within it', () => {
  expect(createTokenCheck('ab')({ authorization: 'abearer b' })).toBe(false);
});
