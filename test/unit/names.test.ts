import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assignNames, exposedNames as namesOf } from '../../src/catalog/names.ts';

const exposedNames = (key: string, prefix: string, original: string) =>
  namesOf(key, prefix + original, original, 64);

const VALID = /^[a-zA-Z0-9_-]{1,64}$/;

test('a name that fits is the prefix and the original name, literally', () => {
  expect(exposedNames('crm', 'crm__', 'find_customer')[0]).toBe('crm__find_customer');
  expect(exposedNames('crm', '', 'find-customer')[0]).toBe('find-customer');
});

test('what a caller would refuse is replaced, and a hash keeps apart what that made equal', () => {
  const dotted = exposedNames('files', 'files__', 'read.file')[0];
  const slashed = exposedNames('files', 'files__', 'read/file')[0];
  expect(dotted).toMatch(/^files__read_file_[0-9a-f]{8}$/);
  expect(slashed).toMatch(/^files__read_file_[0-9a-f]{8}$/);
  expect(dotted).not.toBe(slashed);
});

test('the hash is the same for ever: callers keep names in prompts and permissions', () => {
  expect(exposedNames('files', 'files__', 'read.file')[0]).toBe('files__read_file_97875296');
});

test('a name of 65 characters is shortened, one of 64 is not', () => {
  const at64 = 'x'.repeat(64 - 'crm__'.length);
  expect(exposedNames('crm', 'crm__', at64)[0]).toBe(`crm__${at64}`);
  const at65 = exposedNames('crm', 'crm__', `${at64}x`)[0];
  expect(at65).toHaveLength(64);
  expect(at65).toMatch(/_[0-9a-f]{8}$/);
});

test('every name is valid, whatever a downstream calls its tool [R98]', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }), (original) => {
      expect(exposedNames('some server', 'some_server__', original).every((name) => VALID.test(name))).toBe(
        true,
      );
    }),
  );
});

const tool = (key: string, originalName: string, publicName = originalName) => ({
  downstream: { key, config: { prefix: '' } },
  originalName,
  publicName,
});

test('of two that would bear the same name the later one gets its hash, and both hear why', () => {
  const tools = [tool('crm', 'find'), tool('erp', 'find'), tool('erp', 'keep')];
  const { nameOf, whyOf, notes } = assignNames(tools, 64);
  const [first, second, third] = tools.map((each) => nameOf.get(each));
  expect([first, third]).toEqual(['find', 'keep']);
  expect(second).toMatch(/^find_[0-9a-f]{8}$/);
  expect([...whyOf.values()]).toEqual(['"crm" already has find']);
  expect(notes).toEqual([{ on: tools[1], note: `is exposed as ${second}: "crm" already has find.` }]);
});

test('a name that stands as it is comes before one that has to be changed into it', () => {
  const changed = { ...tool('crm', 'a.b'), publicName: 'a.b' };
  const [hashed] = namesOf('crm', 'a.b', 'a.b', 64) as [string];
  const plain = tool('erp', hashed);
  const { nameOf, notes } = assignNames([changed, plain], 64);
  expect(nameOf.get(plain)).toBe(hashed);
  expect(nameOf.get(changed)).toMatch(/^a_b_[0-9a-f]{16}$/);
  expect(notes.map(({ note }) => note)).toEqual([
    `is exposed as ${nameOf.get(changed)}: "erp" already has ${hashed}.`,
  ]);
});

test('what is changed for callers says which rules it broke', () => {
  const both = tool('crm', `${'x'.repeat(64)}.`);
  const long = tool('crm', 'y'.repeat(65));
  const odd = tool('crm', 'a b');
  const { whyOf } = assignNames([both, long, odd], 64);
  expect([both, long, odd].map((each) => whyOf.get(each))).toEqual([
    '64 characters at most, only A-Z a-z 0-9 _ -',
    '64 characters at most',
    'only A-Z a-z 0-9 _ -',
  ]);
});

test('one that could have no name that is free is left out, and that is told', () => {
  const names = namesOf('crm', 'a.b', 'a.b', 64) as [string, string];
  const last = tool('crm', 'a.b');
  const { nameOf, notes } = assignNames([...names.map((name) => tool('erp', name)), last], 64);
  expect(nameOf.has(last)).toBe(false);
  expect(notes).toEqual([{ on: last, note: 'is left out: every name it could have is taken.' }]);
});
