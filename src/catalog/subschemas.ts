import { isObject } from '../protocol/messages.ts';
import { DATA, NAMED } from '../protocol/schema-keywords.ts';
import { kept } from './kept.ts';

export type Schema = Record<string, unknown>;

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
  const steps = stepsOf(ref);
  if (steps === undefined) {
    const anchor = fragmentOf(ref);
    return anchor === undefined ? undefined : kept(known, root, () => readAnchors(root)).get(anchor);
  }
  let found: unknown = root;
  for (const step of steps) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as Schema)[step];
  }
  return isObject(found) ? found : undefined;
}

/** Key by key to what a local reference leads to; undefined where it is none, or an anchor. */
export function stepsOf(ref: string): readonly string[] | undefined {
  const pointer = fragmentOf(ref);
  if (pointer === undefined || (pointer !== '' && !pointer.startsWith('/'))) return undefined;
  const steps = pointer.split('/').slice(1);
  return steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function fragmentOf(ref: string): string | undefined {
  if (!ref.startsWith('#')) return undefined;
  try {
    return decodeURIComponent(ref.slice(1));
  } catch {
    return undefined;
  }
}

/** What a reference stands for, without the definitions that have references of their own; and how long that is. */
export function readTarget(target: Schema): { readonly found: Schema; readonly chars: number } {
  const { $defs: _defs, definitions: _definitions, ...found } = target;
  return { found, chars: JSON.stringify(found).length };
}

/** Of schemas that were asked for one, which are never changed: each reference asks again. */
const known = new WeakMap<Schema, ReadonlyMap<string, Schema>>();

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
