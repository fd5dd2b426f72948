import { ListToolsResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect, test } from 'vitest';
import type { ListResult, View } from '../../src/catalog/view.ts';
import { PROFILES, type Profile } from '../../src/config/profiles.ts';
import type { Listed } from '../../src/downstream/lists/listing.ts';
import { catalogOf } from '../support/catalog.ts';

const tool = (rest: object): Listed => ({ name: 'bad', inputSchema: { type: 'object' }, ...rest });
const schema = (inputSchema: unknown): Listed => ({ name: 'bad', inputSchema });

/** Each of them makes the first generation's SDK client throw the whole list away. */
const REJECTED_BY_CLIENTS: readonly (readonly [string, Listed])[] = [
  ['no name', { inputSchema: { type: 'object' } }],
  ['a name that is a number', tool({ name: 7 })],
  ['no schema', { name: 'bad' }],
  ['a schema that is null', schema(null)],
  ['a schema that is a list', schema([])],
  ['a schema of another type', schema({ type: 'string' })],
  ['properties that are null', schema({ type: 'object', properties: null })],
  ['properties that are a list', schema({ type: 'object', properties: [1] })],
  ['a property that is null', schema({ type: 'object', properties: { a: null } })],
  ['a property that is a text', schema({ type: 'object', properties: { a: 'string' } })],
  [
    'a property of its output that is a number',
    tool({ outputSchema: { type: 'object', properties: { a: 1 } } }),
  ],
  ['required that is a text', schema({ type: 'object', required: 'x' })],
  ['required that is a list of numbers', schema({ type: 'object', required: [1] })],
  ['a title that is a number', tool({ title: 1 })],
  ['a description that is null', tool({ description: null })],
  ['an outputSchema that is a list', tool({ outputSchema: [] })],
  ['an outputSchema whose required is a text', tool({ outputSchema: { type: 'object', required: 'x' } })],
  ['annotations that are text', tool({ annotations: 'x' })],
  ['a hint that is text', tool({ annotations: { readOnlyHint: 'yes' } })],
  ['icons that are text', tool({ icons: 'x' })],
  ['an icon without an address', tool({ icons: [{}] })],
  ['an icon with a theme of its own', tool({ icons: [{ src: 'x', theme: 'pink' }] })],
  ['an execution that is text', tool({ execution: 'x' })],
  ['a taskSupport of its own', tool({ execution: { taskSupport: 'maybe' } })],
  ['a _meta that is a list', tool({ _meta: [] })],
];

const OTHERS: readonly (readonly [string, Listed])[] = [
  ['a schema of 5 MB', schema({ type: 'object', properties: { a: { description: 'x'.repeat(5_000_000) } } })],
  ['a name that is there already', tool({ name: 'good_1' })],
  ['a name that is empty', tool({ name: '' })],
  ['an invalid x-mcp-header', schema({ type: 'object', properties: { a: { 'x-mcp-header': 'b c' } } })],
];

const GOOD = Array.from({ length: 99 }, (_, index) => ({
  name: `good_${index}`,
  inputSchema: { type: 'object' },
}));

test.each([...REJECTED_BY_CLIENTS, ...OTHERS])(
  '%s costs one tool of a hundred, for every caller [R100]',
  (_what, bad) => {
    const catalog = catalogOf([...GOOD.slice(0, 50), bad, ...GOOD.slice(50)]);
    for (const profile of PROFILES.values()) {
      const view = catalog.view(profile);
      expect(view.routes.size, profile.name).toBe(99);
      const parsed = ListToolsResultSchema.parse(JSON.parse(toolList(view).legacy.toString()));
      expect(parsed.tools).toHaveLength(99);
    }
    expect(catalog.notes).toHaveLength(1);
  },
);

test('a property that is no schema costs no list where it comes to the root for one kind of caller', () => {
  const $defs = { a: { properties: { a: null } } };
  const catalog = catalogOf([...GOOD, schema({ type: 'object', $ref: '#/$defs/a', $defs })]);
  for (const profile of PROFILES.values()) {
    const view = catalog.view(profile);
    const parsed = ListToolsResultSchema.parse(JSON.parse(toolList(view).legacy.toString()));
    expect(parsed.tools, profile.name).toHaveLength(profile.plainSchemaRoot ? 99 : 100);
    expect(view.leftOut.map(({ note }) => note)).toEqual(
      profile.plainSchemaRoot ? ['is left out: its inputSchema.properties is not an object of schemas.'] : [],
    );
  }
});

test.each(REJECTED_BY_CLIENTS)('a client would throw a list away for %s', (_what, bad) => {
  expect(ListToolsResultSchema.safeParse({ tools: [bad] }).success).toBe(false);
});

const node = { type: 'object', properties: { next: { $ref: '#/$defs/node' } } };
test.each([
  ['its definitions', { type: 'object', properties: { tree: { $ref: '#/$defs/node' } }, $defs: { node } }],
  ['its root', { type: 'object', properties: { self: { $ref: '#' } } }],
  ['an alternative of its root', { type: 'object', oneOf: [{ properties: { a: { $ref: '#/oneOf/0' } } }] }],
  [
    'two definitions',
    { type: 'object', $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
  ],
])(
  'a schema that goes round in a circle through %s costs nothing, for every caller',
  (_what, inputSchema) => {
    const catalog = catalogOf([...GOOD, schema(inputSchema)]);
    for (const profile of PROFILES.values()) {
      const view = catalog.view(profile);
      const parsed = ListToolsResultSchema.parse(JSON.parse(toolList(view).legacy.toString()));
      expect(parsed.tools, profile.name).toHaveLength(100);
      const bad = parsed.tools.find(({ name }) => name === 'bad');
      if (profile.inlineRefs) expect(JSON.stringify(bad)).not.toContain('$ref');
    }
    expect(catalog.notes).toEqual([]);
  },
);

const defined = (description: string, count: number) => ({
  type: 'object',
  properties: Object.fromEntries(Array.from({ length: count }, (_, at) => [at, { $ref: '#/oneOf/0' }])),
  oneOf: [{ description }],
});

test.each([
  ['one tool whose references stand for gigabytes', [schema(defined('x'.repeat(130_000), 4700))]],
  [
    'thousands of tools whose references stand for gigabytes together',
    Array.from({ length: 2400 }, (_, at) => ({
      ...schema(defined('x'.repeat(1000), 240)),
      name: `bad_${at}`,
    })),
  ],
])('%s cost no other tool, for any caller', (_what, bad) => {
  const catalog = catalogOf([...GOOD, ...bad]);
  for (const profile of PROFILES.values()) {
    const view = catalog.view(profile);
    const { tools } = JSON.parse(toolList(view).modern.toString()) as { tools: { name: string }[] };
    expect(
      tools.filter(({ name }) => name.startsWith('good_')),
      profile.name,
    ).toHaveLength(99);
    expect(view.leftOut.length, profile.name).toBe(99 + bad.length - tools.length);
    expect(view.leftOut.length > 0, profile.name).toBe(profile.plainSchemaRoot);
  }
});

test('a tool for which its server left nothing to read is left out, and it is said that the others did', () => {
  const greedy = Array.from({ length: 30 }, (_, at) => ({
    ...schema(defined('x'.repeat(1000), 240)),
    name: `bad_${at}`,
  }));
  const small = { ...schema({ type: 'object', oneOf: [{ required: ['a'] }] }), name: 'small' };
  const { leftOut } = catalogOf([...greedy, small]).view(PROFILES.get('livekit') as Profile);
  expect(leftOut.find(({ tool }) => tool === 'small')?.note).toBe(
    `is left out: its $refs and alternatives come to more than ${16 * 256 * 1024} characters with those of the other tools of its server.`,
  );
});

test('a tool that is too long once its references are replaced is left out, and it is said why', () => {
  const $defs = { a: { description: 'x'.repeat(50_000) } };
  const properties = Object.fromEntries(Array.from({ length: 5 }, (_, at) => [at, { $ref: '#/$defs/a' }]));
  const inputSchema = { type: 'object', properties, examples: ['y'.repeat(100_000)], $defs };
  const view = catalogOf([...GOOD, schema(inputSchema)]).view(PROFILES.get('livekit') as Profile);
  expect(view.routes.size).toBe(99);
  expect(view.leftOut.map(({ note }) => note)).toEqual([
    expect.stringMatching(
      /^is left out: for this caller its definition has \d+ characters, more than \d+\.$/,
    ),
  ]);
});

test('true and false are schemas, and legacy callers get them as objects', () => {
  const properties = { any: true, none: false, a: {} };
  const { generic } = catalogOf([schema({ type: 'object', properties })]);
  const read = (bytes: Buffer) => JSON.parse(bytes.toString()).tools[0].inputSchema.properties;
  expect(read(toolList(generic).modern)).toEqual(properties);
  expect(read(toolList(generic).legacy)).toEqual({ any: {}, none: { not: {} }, a: {} });
});

function toolList({ lists }: View): ListResult {
  return lists.get('tools/list') as ListResult;
}
