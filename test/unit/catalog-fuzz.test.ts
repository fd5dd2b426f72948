import fc from 'fast-check';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createCatalogHolder } from '../../src/catalog/holder.ts';
import { type Catalog, merge } from '../../src/catalog/merge.ts';
import { assignNames, type Nameable } from '../../src/catalog/names.ts';
import { sourceOf } from '../support/catalog.ts';

const RUNS = 10_000;
const NAMES = ['a', 'b', 'c', 'a__b', 'b__c', '__proto__', 'constructor', 'toString', 'a.b', 'a/b', 'a b'];
// A long one is one piece many times over: made of 300 random characters each, the runs would take minutes.
const long = fc
  .tuple(fc.constantFrom('a', 'é', '\ud800', '_', '.', '😀'), fc.integer({ min: 1, max: 300 }), fc.nat(9))
  .map(([piece, times, end]) => `${piece.repeat(times).slice(0, 299)}${end}`);
const name = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 6, size: 'max' }) },
  { weight: 2, arbitrary: long },
);
const namesUpTo = (maxLength: number) => fc.uniqueArray(name, { maxLength, size: 'max' });
const many = fc.uniqueArray(
  fc.tuple(name, fc.nat(999)).map(([start, end]) => `${start}${end}`),
  { minLength: 50, maxLength: 100, size: 'max' },
);
const prefix = fc.constantFrom('', 'a__', 'a__b__', 'b__', 'some_server__');
const servers = fc.uniqueArray(
  fc.record({
    // Of a server's key a file is refused that has half a character in it.
    key: name.map((key) => Buffer.from(key).toString()),
    prefix,
    names: fc.oneof({ weight: 19, arbitrary: namesUpTo(12) }, { weight: 1, arbitrary: many }),
  }),
  { minLength: 1, maxLength: 6, selector: ({ key }) => key, size: 'max' },
);

type Servers = readonly { key: string; prefix: string; names: readonly string[] }[];

/** What a run was made of, so that it cannot become tame without a word. */
function createTally() {
  const most = { servers: 0, toolsOfOne: 0, nameChars: 0, longNames: 0, runs: 0 };
  return {
    most,
    count(given: Servers) {
      most.runs++;
      most.servers = Math.max(most.servers, given.length);
      for (const { names } of given) {
        most.toolsOfOne = Math.max(most.toolsOfOne, names.length);
        for (const { length } of names) {
          most.nameChars = Math.max(most.nameChars, length);
          if (length > 64) most.longNames++;
        }
      }
    },
  };
}

test('ten thousand catalogs: each exposed name is valid and unique, and leads to the tool it was made of', () => {
  const valid = /^[a-zA-Z0-9_-]{1,64}$/;
  const tally = createTally();
  fc.assert(
    fc.property(servers, (given) => {
      tally.count(given);
      const { generic } = merge(given.map((server) => turnedSource(server)));
      const original = new Map(given.map(({ key, names }) => [key, new Set(names)]));
      for (const [exposed, { downstream, originalName }] of generic.routes) {
        if (!valid.test(exposed)) throw new Error(exposed);
        // Taken out: so none leads to the same twice.
        if (!original.get(downstream.key)?.delete(originalName)) throw new Error(`${exposed} leads astray`);
      }
      for (const [key, left] of original) if (left.size > 0) throw new Error(`${key} lost ${[...left]}`);
    }),
    { numRuns: RUNS },
  );
  expect(tally.most).toMatchObject({ runs: RUNS, servers: 6 });
  expect(tally.most.nameChars).toBeGreaterThanOrEqual(300);
  expect(tally.most.toolsOfOne).toBeGreaterThanOrEqual(99);
  expect(tally.most.longNames).toBeGreaterThan(RUNS);
}, 120_000);

function toolsOf(given: Servers): Nameable[] {
  return given.flatMap(({ key, prefix, names }) => {
    const downstream = { key, config: { prefix } };
    return names.toSorted().map((originalName) => ({ downstream, originalName, publicName: originalName }));
  });
}

const identity = ({ downstream, originalName }: Nameable) => JSON.stringify([downstream.key, originalName]);

test.each([64, 48, 47])(
  'names of at most %i characters are valid, unique, and the same after a restart',
  (maxChars) => {
    const valid = new RegExp(`^[a-zA-Z0-9_-]{1,${maxChars}}$`);
    fc.assert(
      fc.property(servers, (given) => {
        const tools = toolsOf(given);
        const { nameOf } = assignNames(tools, maxChars);
        expect(nameOf.size).toBe(tools.length);
        expect(new Set(nameOf.values()).size).toBe(tools.length);
        for (const exposed of nameOf.values()) if (!valid.test(exposed)) throw new Error(exposed);
        const again = assignNames(toolsOf(structuredClone(given)), maxChars).nameOf;
        const named = (names: ReadonlyMap<Nameable, string>) =>
          [...names].map(([tool, exposed]) => `${identity(tool)} ${exposed}`).sort();
        expect(named(again)).toEqual(named(nameOf));
      }),
      { numRuns: 1000 },
    );
  },
  120_000,
);

const routesIn = ({ generic }: Catalog) =>
  [...generic.routes].map(([exposed, { downstream, originalName }]) => [
    exposed,
    downstream.key,
    originalName,
  ]);

test('the order of tools within a list changes nothing', () => {
  fc.assert(
    fc.property(servers, fc.nat(), (given, turn) => {
      const catalogs = [0, turn].map((by) => merge(given.map((server) => turnedSource(server, by))));
      const [routes, others] = catalogs.map(routesIn);
      expect(routes).toEqual(others);
    }),
    { numRuns: 500 },
  );
}, 120_000);

test('lists that arrive one by one, in any order, end in the same names', () => {
  const silent = pino({ level: 'silent' });
  const nothing = { profiles: new Map(), toolsets: new Map() };
  const shuffled = servers.chain((given) =>
    fc.tuple(fc.constant(given), fc.shuffledSubarray([...given.keys()], { minLength: given.length })),
  );
  fc.assert(
    fc.property(shuffled, ([given, order]) => {
      const holder = createCatalogHolder(silent);
      const sources = given.map((server) => turnedSource(server));
      const arrived = new Set<number>();
      for (const index of order) {
        arrived.add(index);
        holder.update(
          sources.map(({ downstream, list }, at) => ({
            downstream,
            list: arrived.has(at) ? list : undefined,
          })),
          nothing,
        );
      }
      expect(routesIn(holder.current)).toEqual(routesIn(merge(sources)));
    }),
    { numRuns: 500 },
  );
}, 120_000);

/** A server with its list turned round. */
function turnedSource({ key, prefix, names }: Servers[number], turn = 0) {
  const turned = names.map((_, index) => names[(index + turn) % names.length]);
  return sourceOf(
    turned.map((name) => ({ name, inputSchema: { type: 'object' } })),
    { key, prefix },
  );
}
