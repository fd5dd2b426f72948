import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { CLIENT_RUNS, RUNS } from '../conformance/scenarios.ts';
import type { Requirement } from './requirement.ts';
import { REQUIREMENTS } from './requirements.ts';

const TESTS = resolve(import.meta.dirname, '..');

/** Ids in brackets at the end of a text: the title of a test, or a row of its table. */
const CITATION = /((?: \[R\d+\])+)['"`]/g;
const SKIP = String.raw`(?:\.\w+)*\.(?:skip|todo|fails|skipIf|runIf)\b`;
/** A test that names one and does not run, or not everywhere; and a group, of which nobody can say here what is in it. */
const SKIPPED = new RegExp(
  String.raw`\bdescribe${SKIP}|\btest${SKIP}(?:(?!\b(?:test|describe)[.(])[^])*?\[R\d+\]['"\x60]`,
);

interface Source {
  readonly file: string;
  readonly text: string;
}

const sources: readonly Source[] = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
  // The rows of the cells are titles of tests, too.
  .filter((file) => file.endsWith('.test.ts') || file.startsWith(join('behaviour', 'cells', '/')))
  .map((file) => ({ file, text: readFileSync(join(TESTS, file), 'utf8') }));

function citedIn({ text }: Source): string[] {
  return [...text.matchAll(CITATION)].flatMap(([, ids = '']) => ids.match(/R\d+/g) ?? []);
}

const inFull = ({ id, level, section, text }: Requirement) => `${id} (${level}, ${section}): ${text}`;

test('every requirement is held by a test that names it, or by a scenario of the official suite', () => {
  expect(sources.length).toBeGreaterThan(50);
  const cited = new Set(sources.flatMap(citedIn));
  const uncited = REQUIREMENTS.filter(
    ({ id, suite, notHere }) => notHere === undefined && suite === undefined && !cited.has(id),
  );
  expect(uncited.map(inFull)).toEqual([]);
});

test('no test names a requirement that does not exist, or does not bind here, and none that does is skipped', () => {
  const binding = new Set(REQUIREMENTS.filter(({ notHere }) => notHere === undefined).map(({ id }) => id));
  const wrong = sources.flatMap((source) =>
    citedIn(source)
      .filter((id) => !binding.has(id))
      .map((id) => `${source.file}: ${id}`),
  );
  expect(wrong).toEqual([]);
  expect(sources.filter(({ text }) => SKIPPED.test(text)).map(({ file }) => file)).toEqual([]);
});

test.each([
  ['test', ".skip('a", true],
  ['test', ".concurrent.todo('a", true],
  ['test', ".skipIf(isOld)(\n  'a", true],
  ['test', ".runIf(isOld).each([{ a: 1 }])(\n  'a", true],
  ['describe', ".skipIf(isOld)('b', () => {\n  test('a", true],
  ['test', "('a", false],
  ['test', ".skip('b');\ntest('a", false],
])('%s%s is known to run nowhere, or not everywhere: %s', (kind, rest, isKnown) => {
  expect(SKIPPED.test(`${kind}${rest} [${'R1'}]', () => {});`)).toBe(isKnown);
});

test('every scenario that is named is one that the gateway is held to', () => {
  const held = new Set(
    [...RUNS, ...CLIENT_RUNS].flatMap(({ scenarios }) =>
      Object.entries(scenarios).flatMap(([name, { covered }]) => (covered === true ? [name] : [])),
    ),
  );
  const wrong = REQUIREMENTS.filter(({ suite = [] }) => !suite.every((name) => held.has(name)));
  expect(wrong.map(inFull)).toEqual([]);
});

test('ids are unique, and what does not bind here says why and names nothing that holds it', () => {
  const ids = REQUIREMENTS.map(({ id }) => id);
  expect(ids.length).toBe(new Set(ids).size);
  const wrong = REQUIREMENTS.filter(
    ({ notHere, suite }) => notHere !== undefined && (notHere === '' || suite !== undefined),
  );
  expect(wrong.map(inFull)).toEqual([]);
});
