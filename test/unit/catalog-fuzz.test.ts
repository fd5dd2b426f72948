import fc from 'fast-check';
import { expect, test } from 'vitest';
import { merge } from '../../src/catalog/merge.ts';
import { assignNames, type Nameable } from '../../src/catalog/names.ts';
import type { Downstream } from '../../src/downstream/downstream.ts';

const NAMES = ['a', 'b', 'c', 'a__b', 'b__c', '__proto__', 'constructor', 'toString', 'a.b', 'a/b', 'a b'];
const name = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...NAMES) },
  fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('a', 'é', '\ud800', '_', '.'), minLength: 1, maxLength: 300 }),
);
const prefix = fc.constantFrom('', 'a__', 'a__b__', 'b__', 'some_server__');
const servers = fc.uniqueArray(
  fc.record({ key: name, prefix, names: fc.uniqueArray(name, { maxLength: 25 }) }),
  { minLength: 1, maxLength: 4, selector: ({ key }) => key },
);

type Servers = readonly { key: string; prefix: string; names: readonly string[] }[];

function toolsOf(given: Servers): Nameable[] {
  return given.flatMap(({ key, prefix, names }) => {
    const downstream = { key, config: { prefix } };
    return names.toSorted().map((originalName) => ({ downstream, originalName, publicName: originalName }));
  });
}

const identity = ({ downstream, originalName }: Nameable) => JSON.stringify([downstream.key, originalName]);

test.each([64, 48, 47])(
  'ten thousand catalogs: every name of at most %i characters is valid, unique, and the same after a restart',
  (maxChars) => {
    const valid = new RegExp(`^[a-zA-Z0-9_-]{1,${maxChars}}$`);
    fc.assert(
      fc.property(servers, (given) => {
        const tools = toolsOf(given);
        const { nameOf } = assignNames(tools, maxChars);
        // Nothing is lost, and the way back is exact: as many names as tools.
        expect(nameOf.size).toBe(tools.length);
        expect(new Set(nameOf.values()).size).toBe(tools.length);
        for (const exposed of nameOf.values()) if (!valid.test(exposed)) throw new Error(exposed);
        const again = assignNames(toolsOf(structuredClone(given)), maxChars).nameOf;
        const named = (names: ReadonlyMap<Nameable, string>) =>
          [...names].map(([tool, exposed]) => `${identity(tool)} ${exposed}`).sort();
        expect(named(again)).toEqual(named(nameOf));
      }),
      { numRuns: maxChars === 64 ? 10_000 : 1000 },
    );
  },
  120_000,
);

test('a catalog routes each exposed name to the tool it was made of, whatever the order of the lists', () => {
  fc.assert(
    fc.property(servers, fc.nat(), (given, seed) => {
      const catalogs = [0, seed].map((turn) => merge(given.map((server) => sourceOf(server, turn))));
      const [routes, others] = catalogs.map(({ generic }) =>
        [...generic.routes].map(([exposed, { downstream, originalName }]) => [
          exposed,
          downstream.key,
          originalName,
        ]),
      );
      expect(routes).toEqual(others);
      const expected = given.flatMap(({ key, names }) => names.map((each) => `${key}\0${each}`));
      expect(routes?.map(([, key, original]) => `${key}\0${original}`).sort()).toEqual(expected.sort());
    }),
    { numRuns: 1000 },
  );
}, 120_000);

/** A downstream as far as the catalog looks at one, with its list turned round. */
function sourceOf({ key, prefix, names }: Servers[number], turn: number) {
  const tools = { exclude: [], overrides: new Map() };
  const downstream = { key, config: { prefix, priority: 0, passesInstructions: false, tools } };
  const turned = names.map((_, index) => names[(index + turn) % names.length]);
  const listed = turned.map((each) => ({ name: each, inputSchema: { type: 'object' } }));
  const list = { tools: listed, ttlMs: undefined, instructions: undefined, warnings: [] };
  return { downstream: downstream as unknown as Downstream, list };
}
