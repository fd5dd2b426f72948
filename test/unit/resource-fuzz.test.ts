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

const MARKS = [
  ['switchboard://', ''],
  ['ui://switchboard/', 'ui://'],
] as const;

const source = (key: string, uris: readonly string[], templates: readonly string[]) => ({
  downstream: { key, config: {} } as unknown as Downstream,
  list: {
    tools: [],
    resources: uris.map((each) => ({ uri: each, name: 'n' })),
    resourceTemplates: templates.map((each) => ({ uriTemplate: each, name: 'n' })),
    ttlMs: undefined,
    instructions: undefined,
    warnings: [],
  },
});

test('ten thousand catalogs: every URI that a caller is given is unique, and leads back to where it came from [R107]', () => {
  fc.assert(
    fc.property(servers, uri, (given, met) => {
      const sources = given.map(({ key, uris, templates }) => source(key, uris, templates));
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
        // What one alone mentions is not looked at: only what it lists may look like a mark of ours.
        const own = MARKS.find(
          ([mark]) => shown === met && met.startsWith(`${mark}${encodeURIComponent(downstream.key)}/`),
        );
        if (given.length === 1 && own !== undefined && !given[0]?.uris.includes(met)) {
          const rest = met.slice(own[0].length + encodeURIComponent(downstream.key).length + 1);
          expect(map.routeOf(shown)).toEqual({ downstream, uri: own[1] + rest });
        } else expect(map.routeOf(shown)).toEqual({ downstream, uri: met });
      }
      if (given.length === 1) expect(exposed.sort()).toEqual(given[0]?.uris.toSorted());
    }),
    { numRuns: 10_000 },
  );
}, 120_000);

test('a URI that several templates fit belongs to the one that says most of it, and of such to the first', () => {
  const part = fc.constantFrom('', 'a', 'aa', 'ab', 'b', 'ba');
  const templates = fc.array(fc.tuple(part, part), { maxLength: 5 });
  const rest = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 4 });
  fc.assert(
    fc.property(templates, templates, rest, (ofOne, ofOther, uri) => {
      const written = (parts: readonly [string, string][]) =>
        parts.map(([before, after]) => `${before}{x}${after}`);
      const map = mapResources(
        [source('one', [], written(ofOne)), source('other', [], written(ofOther))],
        [],
      );
      // In the order of the catalog: by server, then by template.
      const all = [ofOne, ofOther].flatMap((parts, index) =>
        written(parts)
          .sort()
          .map((each) => ({ key: ['one', 'other'][index], parts: each.split('{x}') as [string, string] })),
      );
      const [best] = all
        .filter(({ parts: [before, after] }) => {
          return uri.length >= before.length + after.length && uri.startsWith(before) && uri.endsWith(after);
        })
        .sort((a, b) => b.parts.join('').length - a.parts.join('').length);
      expect(map.routeOf(uri)?.downstream.key).toBe(best?.key);
    }),
    { numRuns: 5000 },
  );
});

// Where every link was held against every template, this took minutes.
test.each([
  ['begin differently', 400_000, (i: number) => `z://${i}/{x}`],
  ['end differently', 400_000, (i: number) => `z://{x}/${i}`],
  [
    'begin alike, ever longer',
    100_000,
    (i: number) => `z://${'q/'.repeat(i % 100)}{x}${'/q'.repeat(i / 100)}`,
  ],
])(
  'a hundred thousand links and more, beside ten thousand templates that %s, still lead back',
  (_how, links, templateOf) => {
    const many = source(
      'many',
      [],
      Array.from({ length: 10_000 }, (_, i) => templateOf(i)),
    );
    const map = mapResources([many, source('other', ['b://1'], [])], []);
    for (let i = 0; i < links; i++) {
      const shown = map.expose(many.downstream, `z://${'q/'.repeat(200)}${i}`);
      if (i % 50_000 === 0) expect(map.routeOf(shown)).toMatchObject({ downstream: { key: 'many' } });
    }
  },
);
