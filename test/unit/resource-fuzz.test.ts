import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mapResources } from '../../src/catalog/resources.ts';
import type { Downstream } from '../../src/downstream/downstream.ts';
import { withoutHidden } from '../../src/visible.ts';

const KEYS = ['a', 'b', 'a/b', 'c d', 'ui', 'switchboard'];
const uri = fc.oneof(
  fc.constantFrom('x', 'file:///a', 'file:///a/b?c#d', 'ui://app', 'a://1', '__proto__', 'constructor'),
  // What looks like one of ours, as that of a gateway behind this one does.
  fc
    .tuple(
      fc.constantFrom('switchboard://', 'ui://switchboard/'),
      fc.constantFrom(...KEYS),
      fc.constantFrom('x', 'file:///a', ''),
    )
    .map(([mark, key, rest]) => `${mark}${encodeURIComponent(key)}/${rest}`),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
);
const template = fc.constantFrom('file:///{path}', 'a://{id}', '{any}', 'ui://{app}', 'file:///a/{b}?c{d}');
const servers = fc.uniqueArray(
  fc.record({
    key: fc.constantFrom(...KEYS),
    // Those with invisible characters are left out of lists.
    uris: fc.uniqueArray(
      uri.filter((each) => withoutHidden(each) === each),
      { maxLength: 6 },
    ),
    templates: fc.uniqueArray(template, { maxLength: 2 }),
  }),
  { minLength: 1, maxLength: 4, selector: ({ key }) => key },
);

test('ten thousand catalogs: every URI that a caller is given is unique, and leads back to where it came from [R107]', () => {
  fc.assert(
    fc.property(servers, uri, (given, met) => {
      const sources = given.map(({ key, uris, templates }) => ({
        downstream: { key, config: {} } as unknown as Downstream,
        list: {
          tools: [],
          resources: uris.map((each) => ({ uri: each, name: 'n' })),
          resourceTemplates: templates.map((each) => ({ uriTemplate: each, name: 'n' })),
          ttlMs: undefined,
          instructions: undefined,
          warnings: [],
        },
      }));
      const map = mapResources(sources, []);
      const exposed = map.resources.map((resource) => resource.uri as string);
      expect(new Set(exposed).size).toBe(exposed.length);
      const expected = given.flatMap(({ key, uris }) => uris.map((each) => `${key} ${each}`));
      const back = exposed
        .map((each) => map.routeOf(each))
        .map((route) => `${route?.downstream.key} ${route?.uri}`);
      expect(back.sort()).toEqual(expected.sort());
      // And any other, listed or not, that a server mentions in a result.
      for (const { downstream } of sources) {
        const shown = map.mayRewrite ? map.expose(downstream, met) : met;
        expect(map.routeOf(shown)).toEqual({ downstream, uri: met });
      }
      if (given.length === 1) expect(exposed.sort()).toEqual(given[0]?.uris.toSorted());
    }),
    { numRuns: 10_000 },
  );
}, 120_000);
