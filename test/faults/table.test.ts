import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { SECTIONS } from './table.ts';

const root = resolve(import.meta.dirname, '../..');
const faults = SECTIONS.flatMap(({ faults }) => faults);

test('every fault from F1 to F93 is in the table, in order', () => {
  expect(faults.map(({ id }) => id)).toEqual(Array.from({ length: 93 }, (_, n) => `F${n + 1}`));
});

test.each(faults)(
  '$id is proven, or it is said why not',
  ({ scripts = [], elsewhere = [], command, notHere }) => {
    const ways = [...scripts, ...elsewhere, ...(command ? [command] : []), ...(notHere ? [notHere] : [])];
    expect(ways.length).toBeGreaterThan(0);
  },
);

test.each(faults.flatMap(({ id, elsewhere = [] }) => elsewhere.map((reference) => [id, reference] as const)))(
  '%s is tested by %s',
  (_id, reference) => {
    const [, file = '', title = ''] = /^(\S+): (.+)$/s.exec(reference) ?? [];
    const source = existsSync(resolve(root, file)) ? readFileSync(resolve(root, file), 'utf8') : '';
    // The requirements that a title names are no part of it.
    const text = source.replaceAll(/(?: \[R\d+\])+(?=['"`])/g, '');
    const written = [`'${title}'`, `"${title}"`, `'${title.replaceAll("'", "\\'")}'`];
    expect(written.some((each) => text.includes(each))).toBe(true);
  },
);

test.each(faults.flatMap(({ id, command }) => (command === undefined ? [] : [[id, command] as const])))(
  '%s is measured by %s',
  (_id, command) => {
    const [, file = ''] = /^npx tsx (bench\/[\w-]+\.ts)$/.exec(command) ?? [];
    expect(existsSync(resolve(root, file))).toBe(true);
  },
);
