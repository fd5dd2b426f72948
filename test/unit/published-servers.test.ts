import { readdirSync, readFileSync } from 'node:fs';
import { ListToolsResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, test } from 'vitest';
import type { ListResult, View } from '../../src/catalog/view.ts';
import { PROFILES } from '../../src/config/profiles.ts';
import { CALLER_RULES, type Listed, refusals } from '../support/caller-rules.ts';
import { catalogOf } from '../support/catalog.ts';

interface Fixture {
  readonly package: string;
  readonly version: string;
  readonly tools: readonly Listed[];
}

const folder = new URL('../fixtures/servers/', import.meta.url);
const fixtures = readdirSync(folder).map(
  (file) => [file, JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Fixture] as const,
);

const read = (bytes: Buffer) => JSON.parse(bytes.toString()) as { tools: Listed[] };

test('there are at least ten servers, and every profile has rules', () => {
  expect(fixtures.length).toBeGreaterThanOrEqual(10);
  expect(Object.keys(CALLER_RULES).sort()).toEqual([...PROFILES.keys()].sort());
});

describe.each(fixtures)('%s', (_file, fixture) => {
  test.each([...PROFILES.values()].map((profile) => [profile.name, profile] as const))(
    'loses no tool and is accepted as a whole by %s',
    (name, profile) => {
      const view = catalogOf(fixture.tools, 'some_server__').view(profile);
      expect(view.leftOut).toEqual([]);
      const { legacy, modern } = toolList(view);
      for (const bytes of [legacy, modern]) {
        const { tools } = read(bytes);
        expect(tools).toHaveLength(fixture.tools.length);
        expect(tools.flatMap((tool) => refusals(name, tool))).toEqual([]);
        ListToolsResultSchema.parse({ tools });
      }
    },
  );

  test('is unchanged for generic', () => {
    const { tools } = read(toolList(catalogOf(fixture.tools).generic).modern);
    const byName = (a: Listed, b: Listed) => (a.name < b.name ? -1 : 1);
    expect(tools).toEqual([...fixture.tools].sort(byName));
  });
});

const BREAKING: Listed = {
  name: `a.b${'x'.repeat(60)}`,
  description: 'x'.repeat(3000),
  inputSchema: {
    $schema: 'x',
    type: 'object',
    oneOf: [{ properties: { a: { $ref: '#/$defs/a' } } }],
    $defs: { a: {} },
  },
  outputSchema: { type: 'array' },
};

test.each([...PROFILES.keys()])(
  'the rules of %s can fail, each of them, and what breaks them is repaired',
  (name) => {
    expect(refusals(name, BREAKING)).toHaveLength(CALLER_RULES[name]?.length ?? 0);
    const profile = PROFILES.get(name);
    if (profile === undefined) throw new Error(name);
    const { tools } = read(toolList(catalogOf([BREAKING]).view(profile)).modern);
    expect(tools.flatMap((tool) => refusals(name, tool))).toEqual([]);
  },
);

function toolList({ lists }: View): ListResult {
  return lists.get('tools/list') as ListResult;
}
