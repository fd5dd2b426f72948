import { describe, expect, test } from 'vitest';
import { lets, matchesGlob } from '../../src/catalog/glob.ts';

test.each([
  ['*', '', true],
  ['*', 'anything.at/all', true],
  ['get_*', 'get_', true],
  ['get_*', 'got_it', false],
  ['*_all', 'delete_all', true],
  ['*_all', 'delete_all_of_it', false],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['?', 'a', true],
  ['?', '', false],
  ['?', 'ab', false],
  ['a?c*', 'abcde', true],
  ['', '', true],
  ['', 'a', false],
  ['a.c', 'abc', false],
  ['[ab]', 'a', false],
  ['(a|b)+$', '(a|b)+$', true],
  ['Get_*', 'get_x', false],
])('%j against %j: %s', (glob, name, expected) => {
  expect(matchesGlob(glob, name)).toBe(expected);
});

describe('a filter', () => {
  test('without include lets all through', () => expect(lets({ exclude: [] }, 'a')).toBe(true));
  test('lets through what one of include matches', () => {
    expect(lets({ include: ['a*', 'b'], exclude: [] }, 'ab')).toBe(true);
    expect(lets({ include: ['a*', 'b'], exclude: [] }, 'bb')).toBe(false);
  });
  test('refuses what one of exclude matches, whatever include says', () =>
    expect(lets({ include: ['*'], exclude: ['a?'] }, 'ab')).toBe(false));
  test('with an empty include lets nothing through', () =>
    expect(lets({ include: [], exclude: [] }, 'a')).toBe(false));
});

test('a name that is made to be slow is judged as fast as any', () => {
  expect(matchesGlob(`${'*a'.repeat(20)}*b`, 'a'.repeat(5000))).toBe(false);
});
