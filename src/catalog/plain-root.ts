import { cutText } from '../cut.ts';
import { isObject } from '../protocol/messages.ts';
import { type Effort, spend } from './effort.ts';
import { noteAlternatives, noteConditions, type Parts } from './root-notes.ts';
import { findLocal, type Schema, textsOf } from './subschemas.ts';

const ALTERNATIVES = ['oneOf', 'anyOf'] as const;
/** Part of the root for one kind of validator, and refused by another. Their properties are kept. */
const CONDITIONAL = ['then', 'else'] as const;
const DROPPED = ['enum', 'const', 'not', 'if', 'dependentRequired', 'dependentSchemas'] as const;
const REFUSED = ['$ref', 'allOf', ...ALTERNATIVES, ...CONDITIONAL, ...DROPPED] as const;
const MAX_NOTE_CHARS = 300;
const MAX_DEPTH = 16;

interface Search {
  readonly root: Schema;
  /** Keywords that were found and are gone from the root. */
  readonly found: Set<string>;
  /** What holds on some condition, wherever that stands: several of them need not hold together. */
  readonly conditional: Parts[];
  readonly effort: Effort;
}

export type FlatRoot =
  | { readonly schema: Schema; readonly changes: readonly string[]; readonly note: string | undefined }
  | { readonly fault: string };

/**
 * The root as an object with properties, without alternatives. No property changes its name, so arguments pass as they
 * are; what the alternatives said is told in a note. To be called inside of `bounded`.
 */
export function flattenRoot(root: Schema, effort: Effort): FlatRoot {
  if (!allowsObject(root.type)) return { fault: `its inputSchema is of type ${JSON.stringify(root.type)}` };
  const found = new Set<string>();
  const notes: string[] = [];
  const search: Search = { root, found, conditional: [], effort };
  const parts = collect(root, search, 0, notes);
  if (parts === undefined) return { fault: 'no alternative of its inputSchema is an object' };
  takeIn(parts, search.conditional, 'one');
  const own = isObject(root.properties) ? Object.keys(root.properties).length : 0;
  // Of the root's own properties alone, "no others" was true; the alternatives brought more.
  const isWider = parts.properties.size > own;
  const undeclared = [...parts.required].filter((name) => !parts.properties.has(name));
  // Some callers refuse what is required and no property. The server wants it all the same.
  for (const name of undeclared) parts.properties.set(name, {});
  const isPlain =
    root.type === 'object' && isObject(root.properties) && found.size === 0 && undeclared.length === 0;
  if (isPlain) return { schema: root, changes: [], note: undefined };

  const {
    $ref: _ref,
    oneOf: _oneOf,
    anyOf: _anyOf,
    allOf: _allOf,
    additionalProperties,
    required: _required,
    ...rest
  } = root;
  for (const keyword of [...CONDITIONAL, ...DROPPED]) delete rest[keyword];
  const isClosed = additionalProperties === false && isWider;
  return {
    schema: {
      ...rest,
      type: 'object',
      properties: Object.fromEntries(parts.properties),
      ...(parts.required.size > 0 && { required: [...parts.required] }),
      ...(additionalProperties !== undefined && !isClosed && { additionalProperties }),
    },
    changes: [
      ...(found.size > 0
        ? [`its root has ${[...found].join(', ')}, which this caller refuses: flattened`]
        : []),
      ...(root.type === 'object' ? [] : ['its root gets the type "object"']),
      ...(isObject(root.properties) || parts.properties.size > 0 ? [] : ['its root gets properties']),
      ...(undeclared.length === 0 ? [] : ['its root gets those properties that it requires']),
    ],
    note: notes.length === 0 ? undefined : cutText(`Arguments: ${notes.join(' ')}`, MAX_NOTE_CHARS),
  };
}

const allowsObject = (type: unknown) =>
  type === undefined || type === 'object' || (Array.isArray(type) && type.includes('object'));

/** Undefined for what can be no object. */
function collect(schema: Schema, search: Search, depth: number, notes: string[]): Parts | undefined {
  if (depth > MAX_DEPTH || !allowsObject(schema.type)) return undefined;
  const { root, found, effort } = search;
  // Alternatives may refer to each other, and double at every step.
  if (depth > 0) spend(effort, JSON.stringify(schema).length);
  if (depth === 0) {
    for (const keyword of REFUSED) if (Object.hasOwn(schema, keyword)) found.add(keyword);
  }
  const properties = new Map<string, unknown>(
    Object.entries(isObject(schema.properties) ? schema.properties : {}),
  );
  const required = new Set<string>(textsOf(schema.required));
  // `true` is a schema, and asks for nothing.
  const inner = (branch: unknown, innerNotes: string[] = []) =>
    isObject(branch) || branch === true
      ? collect(branch === true ? {} : branch, search, depth + 1, innerNotes)
      : undefined;

  if (typeof schema.$ref === 'string') {
    const parts = inner(findLocal(root, schema.$ref), notes);
    if (parts !== undefined) takeIn({ properties, required }, [parts], 'all');
  }
  if (Array.isArray(schema.allOf)) {
    const branches = schema.allOf.map((branch) => inner(branch, notes));
    takeIn(
      { properties, required },
      branches.filter((parts) => parts !== undefined),
      'all',
    );
  }
  for (const keyword of ALTERNATIVES) {
    const given = schema[keyword];
    if (!Array.isArray(given)) continue;
    const branches = given.map((branch) => inner(branch)).filter((parts) => parts !== undefined);
    if (branches.length === 0) return undefined;
    takeIn({ properties, required }, branches, 'one');
    const note = noteAlternatives(keyword, branches);
    if (note !== undefined) notes.push(note);
  }
  notes.push(...noteConditions(schema, inner));
  const dependent = isObject(schema.dependentSchemas) ? Object.values(schema.dependentSchemas) : [];
  const conditional = [...CONDITIONAL.map((keyword) => schema[keyword]), ...dependent].flatMap((branch) => {
    const parts = inner(branch);
    return parts === undefined ? [] : [{ ...parts, required: new Set<string>() }];
  });
  search.conditional.push(...conditional);
  return { properties, required };
}

/** @param needs  whether what a branch requires is required at all times, or what all of them do */
function takeIn({ properties, required }: Parts, branches: readonly Parts[], needs: 'all' | 'one'): void {
  const definitionsOf = new Map<string, unknown[]>();
  for (const branch of branches) {
    for (const [name, definition] of branch.properties) {
      const definitions = definitionsOf.get(name);
      if (definitions !== undefined) definitions.push(definition);
      else definitionsOf.set(name, properties.has(name) ? [properties.get(name), definition] : [definition]);
    }
  }
  for (const [name, definitions] of definitionsOf) {
    properties.set(name, together(definitions, needs === 'all' ? 'allOf' : 'anyOf'));
  }
  const [first, ...others] = branches;
  for (const name of needs === 'all'
    ? branches.flatMap((branch) => [...branch.required])
    : (first?.required ?? [])) {
    if (needs === 'all' || others.every((branch) => branch.required.has(name))) required.add(name);
  }
}

/** The definitions of one property, side by side. */
function together(definitions: readonly unknown[], keyword: 'allOf' | 'anyOf'): unknown {
  if (definitions.length === 1) return definitions[0];
  const distinct = new Map(
    definitions
      .flatMap((each) => (isObject(each) && isMade(each, keyword) ? (each[keyword] as unknown[]) : [each]))
      .map((each) => [JSON.stringify(each), each]),
  );
  return distinct.size > 1 ? { [keyword]: [...distinct.values()] } : definitions[0];
}

const isMade = (definition: Schema, keyword: string) =>
  Array.isArray(definition[keyword]) && Object.keys(definition).length === 1;
