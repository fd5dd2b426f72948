import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type SchemaRules, shapeSchema } from '../../src/catalog/schema-rules.ts';
import { findLocal, mapSubschemas, type Schema, textsOf } from '../../src/catalog/subschemas.ts';

const PLAIN: SchemaRules = { plainSchemaRoot: true, inlineRefs: false, dropKeywords: [] };
const INLINE: SchemaRules = { plainSchemaRoot: false, inlineRefs: true, dropKeywords: [] };
const DROP: SchemaRules = {
  plainSchemaRoot: false,
  inlineRefs: false,
  dropKeywords: ['$schema', 'additionalProperties'],
};
const NOTHING: SchemaRules = { plainSchemaRoot: false, inlineRefs: false, dropKeywords: [] };

type Shaped = { schema: Record<string, unknown>; changes: readonly string[]; note?: string };
const shape = (schema: object, rules = PLAIN): Shaped => {
  const shaped = shapeSchema(schema as Record<string, unknown>, rules);
  if ('fault' in shaped) throw new Error(shaped.fault);
  return shaped;
};
const fault = (schema: object, rules = PLAIN) => {
  const shaped = shapeSchema(schema as Record<string, unknown>, rules);
  return 'fault' in shaped ? shaped.fault : undefined;
};

const text = { type: 'string' };
const number = { type: 'number' };

test('a schema that needs no change is the same object', () => {
  const schema = { type: 'object', properties: { a: { $ref: '#/$defs/a' } }, $defs: { a: text } };
  expect(shape(schema).schema).toBe(schema);
  expect(shape(schema, NOTHING)).toEqual({ schema, changes: [] });
  expect(shape({ type: 'object' }, DROP).changes).toEqual([]);
});

test('an argument that is called like a keyword keeps what depends on it', () => {
  const properties = { additionalProperties: text, a: text };
  const dependencies = { additionalProperties: ['a'], a: { properties: { b: number } } };
  expect(shape({ type: 'object', properties, dependencies }, DROP).schema.dependencies).toEqual(dependencies);
});

test('a root without type or properties gets them', () => {
  expect(shape({}).schema).toEqual({ type: 'object', properties: {} });
  expect(shape({ type: ['object', 'null'], required: ['a'] }).schema).toEqual({
    type: 'object',
    properties: { a: {} },
    required: ['a'],
  });
  expect(shape({ type: 'object' }).changes).toEqual(['its root gets properties']);
});

test('what a plain root requires is among its properties', () => {
  const closed = { type: 'object', properties: { a: text }, additionalProperties: false };
  const shaped = shape({ ...closed, required: ['a', 'b'] });
  expect(shaped.schema).toEqual({ ...closed, properties: { a: text, b: {} }, required: ['a', 'b'] });
  expect(shaped.changes).toEqual(['its root gets those properties that it requires']);
  const branch = { properties: { c: text }, required: ['c', 'd'] };
  expect(shape({ anyOf: [branch, branch] }).schema).toEqual({
    type: 'object',
    properties: { c: text, d: {} },
    required: ['c', 'd'],
  });
});

test('a root that can be no object is a fault', () => {
  expect(fault({ type: 'string' })).toBe('its inputSchema is of type "string"');
  expect(fault({ oneOf: [{ type: 'null' }, { type: 'string' }] })).toMatch(/^no alternative/);
});

test('alternatives at the root become one set of properties, with what all of them require', () => {
  const shaped = shape({
    type: 'object',
    properties: { verbose: { type: 'boolean' } },
    required: ['verbose'],
    additionalProperties: false,
    oneOf: [
      { properties: { id: text, kind: text }, required: ['id', 'kind'] },
      { properties: { name: text, kind: number }, required: ['name', 'kind'] },
    ],
  });
  expect(shaped.schema).toEqual({
    type: 'object',
    properties: { verbose: { type: 'boolean' }, id: text, kind: { anyOf: [text, number] }, name: text },
    required: ['verbose', 'kind'],
  });
  expect(shaped.note).toBe('Arguments: exactly one of {id, kind} or {name, kind}.');
  expect(shaped.changes).toEqual(['its root has oneOf, which this caller refuses: flattened']);
});

test('alternatives that only differ in what they require are told in the note', () => {
  const shaped = shape({
    type: 'object',
    properties: { id: text, name: text },
    anyOf: [{ required: ['id'] }, { required: ['name'] }],
  });
  expect(shaped.schema).toEqual({ type: 'object', properties: { id: text, name: text } });
  expect(shaped.note).toBe('Arguments: at least one of {id} or {name}.');
});

test.each<[string, object, string]>([
  [
    'alternatives that require the same and have different properties',
    {
      oneOf: [
        { properties: { kind: text, id: text }, required: ['kind'] },
        { properties: { kind: text, name: text }, required: ['kind'] },
      ],
    },
    'exactly one of {kind, id?} or {kind, name?}.',
  ],
  [
    'one alternative that requires nothing',
    { anyOf: [{ required: ['id'] }, { properties: { name: text } }] },
    'at least one of {id} or {name?}.',
  ],
  [
    'alternatives inside allOf',
    { allOf: [{ oneOf: [{ required: ['a'] }, { required: ['b'] }] }, { not: { required: ['c'] } }] },
    'exactly one of {a} or {b}. never {c}.',
  ],
  ['not, of several', { not: { required: ['a', 'b'] } }, 'never all of {a, b}.'],
  ['not, of something else', { not: { minProperties: 3 } }, 'not {"minProperties":3}.'],
  ['enum', { enum: [{ a: 1 }, { a: 2 }] }, 'one of {"a":1} or {"a":2}.'],
  ['const', { const: { a: 1 } }, 'exactly {"a":1}.'],
  [
    'a condition on a value',
    {
      if: { properties: { kind: { const: 'firm' } }, required: ['kind', 'b'] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
      then: { properties: { vat: text, no: text }, required: ['vat'] },
      else: { required: ['age'] },
    },
    'if kind is "firm" and b is given then {vat, no?}, else {age}.',
  ],
  [
    'conditions inside allOf',
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
    { allOf: [{ if: { properties: { kind: { enum: ['x', 'y'] } } }, then: { required: ['z'] } }] },
    'if kind is "x" or "y" then {z}.',
  ],
  ['dependentRequired', { dependentRequired: { a: ['b', 'c'] } }, 'with a also {b, c}.'],
  ['dependentSchemas', { dependentSchemas: { a: { properties: { b: text } } } }, 'with a also {b?}.'],
])('what a flattened root said is told in the note: %s', (_what, schema, sentence) => {
  expect(shape({ type: 'object', ...schema }).note).toBe(`Arguments: ${sentence}`);
});

test('a note has at most 300 characters, whatever a root says', () => {
  const names = Array.from({ length: 100 }, (_, index) => `argument_${index}`);
  const { note } = shape({
    oneOf: names.map((name) => ({ required: [name] })),
    enum: [{ a: 'x'.repeat(500) }],
  });
  expect(note?.length).toBeLessThanOrEqual(300);
});

test('a reference through what was flattened is replaced with what it stood for', () => {
  const item = { type: 'object', properties: { next: { $ref: '#/anyOf/0/properties/item' }, a: text } };
  const shaped = shape({
    type: 'object',
    anyOf: [
      { properties: { item, kept: { $ref: '#/$defs/kept' } }, required: ['item'] },
      { properties: { same: { $ref: '#/anyOf/0/properties/item' }, far: { $ref: '#named' } } },
      { $anchor: 'named', properties: { b: number } },
    ],
    $defs: { kept: { items: { $ref: '#/anyOf/0/properties/item/properties/a' } }, none: { $ref: '#/none' } },
  });
  const once = {
    type: 'object',
    properties: { next: { type: 'object', properties: { next: {}, a: text } }, a: text },
  };
  expect(shaped.schema).toEqual({
    type: 'object',
    properties: {
      item: once,
      kept: { $ref: '#/$defs/kept' },
      same: { type: 'object', properties: { next: {}, a: text } },
      far: { $anchor: 'named', properties: { b: number } },
      b: number,
    },
    // What led nowhere before still does.
    $defs: { kept: { items: text }, none: { $ref: '#/none' } },
  });
});

test('where every reference is inlined, those through what was flattened are as well', () => {
  const { schema } = shape(
    { oneOf: [{ properties: { a: text } }, { properties: { b: { $ref: '#/oneOf/0/properties/a' } } }] },
    { ...PLAIN, inlineRefs: true },
  );
  expect(schema.properties).toEqual({ a: text, b: text });
});

test('allOf at the root requires all that its parts require, through local references as well', () => {
  const shaped = shape({
    allOf: [{ $ref: '#/$defs/base' }, { properties: { b: text }, required: ['b'] }],
    $defs: { base: { properties: { a: text }, required: ['a'] } },
  });
  expect(shaped.schema).toMatchObject({ properties: { a: text, b: text }, required: ['a', 'b'] });
  expect(shaped.schema).not.toHaveProperty('allOf');
});

test('a root that is a reference is what it refers to', () => {
  const shaped = shape({ $ref: '#/definitions/in', definitions: { in: { properties: { a: text } } } });
  expect(shaped.schema).toMatchObject({ type: 'object', properties: { a: text } });
  expect(shaped.schema).not.toHaveProperty('$ref');
});

test('enum, const, not and conditions go from the root, and the properties of conditions stay', () => {
  const { schema } = shape({
    type: 'object',
    properties: { a: text },
    enum: [{}],
    const: {},
    not: { required: ['x'] },
    if: { required: ['a'] },
    else: { properties: { b: text }, required: ['b'] },
  });
  expect(schema).toEqual({ type: 'object', properties: { a: text, b: text } });
});

const dependingOn = (kind: string, properties: object) => ({
  if: { properties: { kind: { const: kind } } },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
  then: { properties },
});
test.each([
  ['then and else', { ...dependingOn('a', { value: text }), else: { properties: { value: number } } }],
  ['conditions', { allOf: [dependingOn('a', { value: text }), dependingOn('b', { value: number })] }],
  [
    'dependentSchemas',
    { dependentSchemas: { a: { properties: { value: text } }, b: { properties: { value: number } } } },
  ],
])('what several %s say of one argument need not hold together', (_what, conditions) => {
  const properties = { kind: text, a: text, b: text };
  const value = { anyOf: [text, number] };
  expect(shape({ type: 'object', properties, ...conditions }).schema.properties).toEqual({
    ...properties,
    value,
  });
  // Nor where the argument is there in any case.
  expect(
    shape({ type: 'object', properties: { ...properties, value: { minLength: 1 } }, ...conditions }).schema
      .properties,
  ).toEqual({ ...properties, value: { anyOf: [{ minLength: 1 }, text, number] } });
});

test('where one alternative asks for nothing, nothing is required', () => {
  const properties = { a: text };
  const { schema } = shape({ type: 'object', properties, anyOf: [{ required: ['a'] }, true] });
  expect(schema).toEqual({ type: 'object', properties });
});

test('references in a circle at the root are bounded', () => {
  const circle = { oneOf: Array.from({ length: 10 }, () => ({ $ref: '#' })) };
  expect(fault(circle)).toMatch(/alternatives come to more than|no alternative/);
});

test('a local reference is replaced with what it stands for, and its siblings win', () => {
  const shaped = shape(
    {
      type: 'object',
      properties: {
        a: { $ref: '#/$defs/na~1me', description: 'mine' },
        b: { type: 'array', items: { $ref: '#anchored' } },
      },
      $defs: { 'na/me': { type: 'string', description: 'its' }, other: { $anchor: 'anchored', ...number } },
    },
    INLINE,
  );
  expect(shaped.schema).toEqual({
    type: 'object',
    properties: {
      a: { type: 'string', description: 'mine' },
      b: { type: 'array', items: { $anchor: 'anchored', type: 'number' } },
    },
  });
  expect(shaped.changes).toEqual([
    '2 of its $refs are inlined',
    'its definitions are left out, which nothing refers to any more',
  ]);
});

test('what a reference stands for holds as well where something else stands beside it', () => {
  const base = { type: 'object', properties: { street: text }, required: ['street'] };
  const more = { properties: { zip: text }, required: ['zip'] };
  const { schema } = shape(
    {
      type: 'object',
      properties: {
        address: { $ref: '#/$defs/base', type: 'object', description: 'mine', ...more },
        further: { $ref: '#/$defs/base', ...more, allOf: [{ minProperties: 2 }] },
      },
      $defs: { base },
    },
    INLINE,
  );
  expect(schema.properties).toEqual({
    address: { type: 'object', description: 'mine', ...more, allOf: [base] },
    further: { ...more, allOf: [{ minProperties: 2 }, base] },
  });
});

test('a reference into itself, to nothing or over the network is never followed [R25]', () => {
  const { schema } = shape(
    {
      type: 'object',
      properties: {
        tree: { $ref: '#/$defs/tree' },
        none: { $ref: '#/$defs/none' },
        far: { $ref: 'https://example.com/schema.json', description: 'far' },
      },
      $defs: { tree: { type: 'object', properties: { child: { $ref: '#/$defs/tree' } } } },
    },
    INLINE,
  );
  expect(schema.properties).toEqual({
    tree: { type: 'object', properties: { child: {} } },
    none: {},
    far: { description: 'far' },
  });
});

test('references that would expand without end are a fault [R26]', () => {
  const $defs: Record<string, object> = { d0: text };
  for (let i = 1; i < 40; i++) {
    const $ref = `#/$defs/d${i - 1}`;
    $defs[`d${i}`] = { type: 'object', properties: { a: { $ref }, b: { $ref } } };
  }
  const schema = { type: 'object', properties: { a: { $ref: '#/$defs/d39' } }, $defs };
  expect(fault(schema, INLINE)).toMatch(/expand to more than/);
});

test('references that would write one long text many times over are a fault', () => {
  const long = { description: 'x'.repeat(130_000) };
  const properties = Object.fromEntries(Array.from({ length: 4700 }, (_, at) => [at, { $ref: '#/oneOf/0' }]));
  const sentence = /^its \$refs and alternatives come to more than \d+ characters$/;
  expect(fault({ oneOf: [long], properties })).toMatch(sentence);
  expect(fault({ oneOf: [long], properties }, INLINE)).toMatch(sentence);
  const branch = (at: number) => ({
    allOf: [{ $ref: '#/$defs/a' }, { properties: { p: { minLength: at } } }],
  });
  const $defs = { a: { properties: { p: long } } };
  expect(fault({ anyOf: Array.from({ length: 300 }, (_, at) => branch(at)), $defs })).toMatch(sentence);
});

// What is quadratic takes minutes, and is ended as too slow.
test('references to anchors take a time of their number', () => {
  const properties = Object.fromEntries(Array.from({ length: 40_000 }, (_, at) => [at, { $ref: `#x${at}` }]));
  const shaped = shape({ anyOf: [{ required: ['1'] }, {}], properties }, { ...PLAIN, inlineRefs: true });
  expect(shaped.schema.properties).toMatchObject({ 0: {}, 39999: {} });
});

test('what alternatives share is read only so often', () => {
  const properties = Object.fromEntries(Array.from({ length: 200_000 }, (_, at) => [at, text]));
  const anyOf = Array.from({ length: 990 }, () => ({ $ref: '#/$defs/a' }));
  expect(fault({ anyOf, $defs: { a: { properties } } })).toMatch(/alternatives come to more than/);
});

test('a keyword is dropped everywhere, a property of its name nowhere', () => {
  const shaped = shape(
    {
      $schema: 'x',
      type: 'object',
      properties: {
        $schema: { $schema: 'x', ...text },
        a: { default: { $schema: 1 }, enum: [{ $schema: 1 }] },
      },
      additionalProperties: false,
    },
    DROP,
  );
  expect(shaped.schema).toEqual({
    type: 'object',
    properties: { $schema: text, a: { default: { $schema: 1 }, enum: [{ $schema: 1 }] } },
  });
  expect(shaped.changes).toEqual(['its $schema is dropped', 'its additionalProperties is dropped']);
});

test('a property called __proto__ stays one', () => {
  const schema = JSON.parse('{"oneOf":[{"properties":{"__proto__":{"$ref":"#/$defs/a"}}}],"$defs":{"a":{}}}');
  const { schema: shaped } = shape(schema, { ...PLAIN, inlineRefs: true });
  expect(Object.keys(shaped.properties as object)).toEqual(['__proto__']);
});

const KEYWORDS = [
  'type',
  'properties',
  'required',
  'oneOf',
  'anyOf',
  'allOf',
  'not',
  'enum',
  'if',
  'then',
  'dependentRequired',
  '$ref',
  '$defs',
];
const anySchema = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom<unknown>(
      'object',
      'string',
      '#',
      '#/$defs/a',
      '#/properties/a',
      '#/oneOf/0',
      null,
      true,
      7,
    ),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...KEYWORDS, 'a', '__proto__', 'items'), tie('value'), { maxKeys: 4 }),
  ),
})).value;

test('whatever a downstream writes, the root is plain or there is a fault, and nothing is changed in place', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...KEYWORDS, 'items'), anySchema, { maxKeys: 5 }), (schema) => {
      const before = JSON.stringify(schema);
      const rules = { ...PLAIN, inlineRefs: true, dropKeywords: ['$schema'] };
      const shaped = shapeSchema(schema, rules);
      expect(JSON.stringify(schema)).toBe(before);
      if ('fault' in shaped) return;
      expect(shaped.schema.type).toBe('object');
      expect(shaped.schema.properties).toBeTypeOf('object');
      for (const name of textsOf(shaped.schema.required)) {
        expect(Object.hasOwn(shaped.schema.properties as object, name), name).toBe(true);
      }
      for (const keyword of ['oneOf', 'anyOf', 'allOf', 'enum', 'not']) {
        expect(shaped.schema).not.toHaveProperty(keyword);
      }
      const again = shapeSchema(shaped.schema, rules);
      expect('fault' in again ? again.fault : again.schema).toEqual(shaped.schema);
    }),
    { numRuns: 2000 },
  );
});

function refsIn(schema: Schema): string[] {
  const refs = typeof schema.$ref === 'string' ? [schema.$ref] : [];
  mapSubschemas(schema, (inner) => {
    refs.push(...refsIn(inner));
    return inner;
  });
  return refs;
}

test('whatever a downstream writes, a reference that led somewhere still does when its root is plain', () => {
  let flattened = 0;
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...KEYWORDS, 'items'), anySchema, { maxKeys: 5 }), (schema) => {
      const shaped = shapeSchema(schema, PLAIN);
      if ('fault' in shaped || shaped.schema === schema) return;
      if (refsIn(shaped.schema).length > 0) flattened++;
      for (const ref of refsIn(shaped.schema)) {
        if (findLocal(schema, ref) !== undefined) expect(findLocal(shaped.schema, ref), ref).toBeDefined();
      }
    }),
    { numRuns: 5000 },
  );
  expect(flattened).toBeGreaterThan(0);
});
