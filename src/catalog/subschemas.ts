import { isObject } from '../protocol/messages.ts';

export type Schema = Record<string, unknown>;

/** Keywords whose value is an object of schemas, by names that are no keywords. */
export const NAMED: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
]);
/** Keywords whose value is data, whatever it looks like. */
export const DATA: ReadonlySet<string> = new Set(['enum', 'const', 'default', 'examples', 'example']);

/** The schema with each schema that stands directly in it changed. Where none is, it is the same object. */
export function mapSubschemas(schema: Schema, change: (inner: Schema) => Schema): Schema {
  const mapItem = (value: unknown) => (isObject(value) ? change(value) : value);
  return mapValues(schema, (value, keyword) => {
    if (DATA.has(keyword)) return value;
    if (Array.isArray(value)) {
      const items = value.map(mapItem);
      return items.some((item, index) => item !== value[index]) ? items : value;
    }
    return NAMED.has(keyword) && isObject(value) ? mapValues(value, mapItem) : mapItem(value);
  });
}

function mapValues(object: Schema, change: (value: unknown, key: string) => unknown): Schema {
  let isOther = false;
  const entries = Object.entries(object).map(([key, value]) => {
    const changed = change(value, key);
    isOther ||= changed !== value;
    return [key, changed];
  });
  // From entries, since a property may be called "__proto__".
  return isOther ? Object.fromEntries(entries) : object;
}

/** What a local reference leads to: `#`, `#/$defs/a`, `#anchor`; undefined where it leads to no schema here. */
export function findLocal(root: Schema, ref: string): Schema | undefined {
  if (!ref.startsWith('#')) return undefined;
  let pointer: string;
  try {
    pointer = decodeURIComponent(ref.slice(1));
  } catch {
    return undefined;
  }
  if (pointer !== '' && !pointer.startsWith('/')) return anchorsOf(root).get(pointer);
  let found: unknown = root;
  for (const step of pointer.split('/').slice(1)) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Schema)[key];
  }
  return isObject(found) ? found : undefined;
}

/** Of schemas that were asked for one, which are never changed: each reference asks again. */
const known = new WeakMap<Schema, ReadonlyMap<string, Schema>>();

function anchorsOf(root: Schema): ReadonlyMap<string, Schema> {
  let anchors = known.get(root);
  if (anchors === undefined) {
    anchors = readAnchors(root);
    known.set(root, anchors);
  }
  return anchors;
}

function readAnchors(root: Schema): ReadonlyMap<string, Schema> {
  const anchors = new Map<string, Schema>();
  const visit = (schema: Schema): Schema => {
    const { $anchor: anchor } = schema;
    if (typeof anchor === 'string' && !anchors.has(anchor)) anchors.set(anchor, schema);
    mapSubschemas(schema, visit);
    return schema;
  };
  visit(root);
  return anchors;
}

/** The names in a `required` or the like, whatever else somebody may have put there. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
