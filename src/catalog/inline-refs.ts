import { findLocal, mapSubschemas, type Schema } from './subschemas.ts';

const MAX_PARTS = 20_000;
const MAX_DEPTH = 64;

class TooLarge extends Error {}

export type InlinedSchema =
  | { readonly schema: Schema; readonly changes: readonly string[] }
  | { readonly fault: string };

/**
 * Each local `$ref` replaced with what it refers to. One that leads back into itself, or to another document, is never
 * followed: in its place anything is allowed.
 *
 * @param given  what `root` was made of: what is no longer in the one is looked up in the other
 */
export function inlineRefs(root: Schema, given = root): InlinedSchema {
  // What is only referred to is not needed once nothing refers to it; expanded, it would count twice.
  const { $defs, definitions, ...shown } = root;
  const hasDefinitions = $defs !== undefined || definitions !== undefined;
  const found = expand(shown, (ref) => findLocal(root, ref) ?? findLocal(given, ref));
  if ('fault' in found) return found;
  const { schema, inlined, open } = found;
  if (inlined + open === 0 && !hasDefinitions) return { schema: root, changes: [] };
  const changes = [...inlinedIn(inlined), ...openIn(open)];
  if (hasDefinitions) changes.push('its definitions are left out, which nothing refers to any more');
  return { schema, changes };
}

/** The same for those `$ref`s alone that led somewhere in `given` and lead nowhere in what was made of it. */
export function inlineLostRefs(root: Schema, given: Schema): InlinedSchema {
  const known = new Map<string, Schema | undefined>();
  const found = expand(root, (ref) => {
    if (!known.has(ref))
      known.set(ref, findLocal(root, ref) === undefined ? findLocal(given, ref) : undefined);
    return known.get(ref) ?? 'stays';
  });
  if ('fault' in found) return found;
  const { schema, inlined, open } = found;
  return { schema, changes: [...inlinedIn(inlined), ...openIn(open)] };
}

const inlinedIn = (count: number) => (count > 0 ? [`${count} of its $refs are inlined`] : []);
const openIn = (count: number) =>
  count > 0 ? [`${count} of its $refs lead back or elsewhere, and allow anything`] : [];

/** @param find  what a reference stands for; undefined where it leads nowhere */
function expand(
  root: Schema,
  find: (ref: string) => Schema | 'stays' | undefined,
): { readonly schema: Schema; readonly inlined: number; readonly open: number } | { readonly fault: string } {
  let parts = 0;
  let inlined = 0;
  let open = 0;

  /** @param path  the references that lead here */
  function expandPart(schema: Schema, path: readonly string[], depth: number): Schema {
    // What was given is as large as it is; only what comes out of references can be without end.
    if (path.length > 0 && (++parts > MAX_PARTS || depth > MAX_DEPTH)) throw new TooLarge();
    const { $ref: ref, ...siblings } = schema;
    const inner = (part: Schema) => expandPart(part, path, depth + 1);
    if (typeof ref !== 'string') return mapSubschemas(schema, inner);
    const target = find(ref);
    if (target === 'stays') return mapSubschemas(schema, inner);
    if (target !== undefined && !path.includes(ref)) {
      inlined++;
      const { $defs: _defs, definitions: _definitions, ...found } = target;
      return expandPart({ ...found, ...siblings }, [...path, ref], depth + 1);
    }
    open++;
    return mapSubschemas(siblings, inner);
  }

  try {
    return { schema: expandPart(root, [], 0), inlined, open };
  } catch (error) {
    if (!(error instanceof TooLarge)) throw error;
    return { fault: `its $refs expand to more than ${MAX_PARTS} parts or ${MAX_DEPTH} levels` };
  }
}
