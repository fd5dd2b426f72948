import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exposedNames as namesOf } from '../../src/catalog/names.ts';

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
