import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type SchemaRules, shapeSchema } from '../../src/catalog/schema-rules.ts';

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

test('a root without type or properties gets them', () => {
  expect(shape({}).schema).toEqual({ type: 'object', properties: {} });
  expect(shape({ type: ['object', 'null'], required: ['a'] }).schema).toEqual({
    type: 'object',
    properties: {},
    required: ['a'],
  });
  expect(shape({ type: 'object' }).changes).toEqual(['its root gets properties']);
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

test('references in a circle at the root are bounded', () => {
  const circle = { oneOf: Array.from({ length: 10 }, () => ({ $ref: '#' })) };
  expect(fault(circle)).toMatch(/more than 1000 alternatives|no alternative/);
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

test('a reference into itself, to nothing or over the network is never followed', () => {
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

test('references that would expand without end are a fault', () => {
  const $defs: Record<string, object> = { d0: text };
  for (let i = 1; i < 40; i++) {
    const $ref = `#/$defs/d${i - 1}`;
    $defs[`d${i}`] = { type: 'object', properties: { a: { $ref }, b: { $ref } } };
  }
  const schema = { type: 'object', properties: { a: { $ref: '#/$defs/d39' } }, $defs };
  expect(fault(schema, INLINE)).toMatch(/expand to more than/);
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
  '$ref',
  '$defs',
];
const anySchema = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom<unknown>('object', 'string', '#', '#/$defs/a', '#/properties/a', null, true, 7),
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
      for (const keyword of ['oneOf', 'anyOf', 'allOf', 'enum', 'not']) {
        expect(shaped.schema).not.toHaveProperty(keyword);
      }
      const again = shapeSchema(shaped.schema, rules);
      expect('fault' in again ? again.fault : again.schema).toEqual(shaped.schema);
    }),
    { numRuns: 2000 },
  );
});
