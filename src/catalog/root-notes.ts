import { cutText } from '../cut.ts';
import { isObject } from '../protocol/messages.ts';
import { type Schema, textsOf } from './subschemas.ts';

/** What a schema says about the object at its root, put together from everything it is made of. */
export interface Parts {
  readonly properties: Map<string, unknown>;
  readonly required: Set<string>;
}

/** Of one piece of foreign JSON, in a note of which there is little. */
const MAX_JSON_CHARS = 80;

/** Which arguments go together, where alternatives differ in that. */
export function noteAlternatives(keyword: 'oneOf' | 'anyOf', branches: readonly Parts[]): string | undefined {
  const needed = branches.map(({ required }) => setOf([...required]));
  const isTelling = new Set(needed).size > 1 && !needed.includes('{}');
  const sets = new Set(isTelling ? needed : branches.map(argumentsOf));
  // Where all are the same, there is nothing to tell.
  if (sets.size < 2) return undefined;
  return `${keyword === 'oneOf' ? 'exactly one' : 'at least one'} of ${[...sets].join(' or ')}.`;
}

/**
 * What else a root may say that no property can.
 *
 * @param partsOf  of a subschema; undefined for what can be no object
 */
export function noteConditions(schema: Schema, partsOf: (inner: unknown) => Parts | undefined): string[] {
  const notes: string[] = [];
  const told = (inner: unknown) => {
    const parts = partsOf(inner);
    const set = parts === undefined ? '{}' : argumentsOf(parts);
    return set === '{}' ? json(inner) : set;
  };
  if (Array.isArray(schema.enum)) notes.push(`one of ${schema.enum.map(json).join(' or ')}.`);
  if (schema.const !== undefined) notes.push(`exactly ${json(schema.const)}.`);
  if (schema.not !== undefined) notes.push(noteNot(schema.not));
  if (isObject(schema.if)) {
    const outcomes = [
      ...(isObject(schema.then) ? [`then ${told(schema.then)}`] : []),
      ...(isObject(schema.else) ? [`else ${told(schema.else)}`] : []),
    ];
    if (outcomes.length > 0) notes.push(`if ${conditionOf(schema.if)} ${outcomes.join(', ')}.`);
  }
  for (const [name, needs] of entriesOf(schema.dependentRequired)) {
    if (textsOf(needs).length > 0) notes.push(`with ${name} also ${setOf(textsOf(needs))}.`);
  }
  for (const [name, inner] of entriesOf(schema.dependentSchemas)) {
    if (isObject(inner)) notes.push(`with ${name} also ${told(inner)}.`);
  }
  return notes;
}

const setOf = (names: readonly string[]) => `{${names.join(', ')}}`;

/** Those that are required, and with a question mark those that may be there. */
function argumentsOf({ properties, required }: Parts): string {
  const optional = [...properties.keys()].filter((name) => !required.has(name));
  return setOf([...required, ...optional.map((name) => `${name}?`)]);
}

function noteNot(not: unknown): string {
  const isAboutNames = isObject(not) && Object.keys(not).every((key) => key === 'required' || key === 'type');
  const names = isAboutNames ? textsOf(not.required) : [];
  if (names.length === 0) return `not ${json(not)}.`;
  return names.length === 1 ? `never {${names[0]}}.` : `never all of ${setOf(names)}.`;
}

function conditionOf(condition: Schema): string {
  const values = new Map(
    entriesOf(condition.properties).flatMap(([name, property]) => {
      if (!isObject(property)) return [];
      const allowed = Array.isArray(property.enum) ? property.enum : [property.const];
      return allowed[0] === undefined ? [] : [[name, allowed.map(json).join(' or ')] as const];
    }),
  );
  const told = [
    ...[...values].map(([name, value]) => `${name} is ${value}`),
    ...textsOf(condition.required)
      .filter((name) => !values.has(name))
      .map((name) => `${name} is given`),
  ];
  return told.length > 0 ? told.join(' and ') : json(condition);
}

const entriesOf = (value: unknown) => Object.entries(isObject(value) ? value : {});

const json = (value: unknown) => cutText(JSON.stringify(value), MAX_JSON_CHARS);
