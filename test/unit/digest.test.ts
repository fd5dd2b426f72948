import fc from 'fast-check';
import { expect, test } from 'vitest';
import { differences, digestOf } from '../../src/catalog/digest.ts';
import { weigh } from '../../src/catalog/weigh.ts';
import type { Listing } from '../../src/downstream/lists/listing.ts';

const text = fc.string({ unit: 'binary', maxLength: 12 });
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(text, tie('value'), { maxKeys: 4 }),
  ),
})).value;
const definition = fc.record(
  {
    name: text,
    title: text,
    description: text,
    inputSchema: fc.record({
      type: fc.constant('object'),
      properties: fc.dictionary(
        text,
        fc.record({ type: text, description: text, enum: fc.array(text, { maxLength: 3 }), default: json }),
        { maxKeys: 4 },
      ),
      'x-note': json,
    }),
    outputSchema: fc.record({ type: text, description: text }),
    annotations: fc.record({ title: text, readOnlyHint: fc.boolean() }),
    icons: fc.array(fc.record({ src: text, mimeType: text }), { maxLength: 2 }),
    _meta: json,
  },
  { requiredKeys: ['name', 'inputSchema'] },
);

type Path = readonly (string | number)[];

/** Where each text of a value stands. */
function textsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value === 'string') return [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    textsIn(each, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

function changed(value: unknown, [step, ...rest]: Path): unknown {
  if (step === undefined) return `${value}.`;
  if (Array.isArray(value)) return value.map((each, index) => (index === step ? changed(each, rest) : each));
  return Object.fromEntries(
    Object.entries(value as object).map(([key, each]) => [key, key === step ? changed(each, rest) : each]),
  );
}

function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, each]) => [key, shuffled(each)]),
  );
}

test('a thousand definitions: a change of any text in one is another digest, and names its place; the order of keys is none', () => {
  let changes = 0;
  fc.assert(
    fc.property(definition, (given) => {
      const digest = digestOf(given);
      expect(digestOf(shuffled(given) as typeof given)).toBe(digest);
      expect(differences(given, shuffled(given))).toEqual([]);
      const seen = new Set([digest]);
      for (const path of textsIn(given)) {
        const other = changed(given, path) as typeof given;
        seen.add(digestOf(other));
        expect(differences(given, other)).toHaveLength(1);
        changes++;
      }
      expect(seen.size).toBe(textsIn(given).length + 1);
    }),
    { numRuns: 1000 },
  );
  expect(changes).toBeGreaterThan(5000);
});

test('a thousand definitions: any one change of a text is held back by block, and told by warn', () => {
  const listing = (tool: object): Listing => ({
    tools: [tool as Record<string, unknown>],
    ttlMs: undefined,
    instructions: undefined,
    warnings: [],
  });
  fc.assert(
    fc.property(definition, fc.nat(), (given, at) => {
      const paths = textsIn(given).filter(([field]) => field !== 'name');
      const path = paths[at % paths.length];
      if (path === undefined) return;
      const { accepted } = weigh(undefined, listing(given), 's', 'block');
      const after = listing(changed(given, path) as object);
      const blocked = weigh(accepted, after, 's', 'block');
      expect(blocked.served.tools).toEqual([given]);
      expect(blocked.changed).toHaveLength(1);
      expect(weigh(blocked.accepted, listing(given), 's', 'block').changed).toEqual([]);
      const warned = weigh(accepted, after, 's', 'warn');
      expect(warned.served).toBe(after);
      expect(warned.changed).toHaveLength(1);
      expect(weigh(warned.accepted, after, 's', 'warn').changed).toEqual([]);
    }),
    { numRuns: 1000 },
  );
});
