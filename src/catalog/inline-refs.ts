import { findLocal, mapSubschemas, type Schema } from './subschemas.ts';

const MAX_PARTS = 20_000;
const MAX_DEPTH = 64;

class TooLarge extends Error {}

/**
 * Each local `$ref` replaced with what it refers to. One that leads back into itself, or to another document, is never
 * followed: in its place anything is allowed.
 */
export function inlineRefs(
  root: Schema,
): { readonly schema: Schema; readonly changes: readonly string[] } | { readonly fault: string } {
  let parts = 0;
  let inlined = 0;
  let open = 0;

  /** @param path  the references that lead here */
  function expand(schema: Schema, path: readonly string[], depth: number): Schema {
    if (++parts > MAX_PARTS || depth > MAX_DEPTH) throw new TooLarge();
    const { $ref: ref } = schema;
    if (typeof ref !== 'string') return mapSubschemas(schema, (inner) => expand(inner, path, depth + 1));
    const { $ref: _ref, ...siblings } = schema;
    const target = path.includes(ref) ? undefined : findLocal(root, ref);
    if (target !== undefined) {
      inlined++;
      const { $defs: _defs, definitions: _definitions, ...found } = target;
      return expand({ ...found, ...siblings }, [...path, ref], depth + 1);
    }
    open++;
    return mapSubschemas(siblings, (inner) => expand(inner, path, depth + 1));
  }

  try {
    // What is only referred to is not needed once nothing refers to it; expanded, it would count twice.
    const { $defs, definitions, ...shown } = root;
    const schema = expand(shown, [], 0);
    const hasDefinitions = $defs !== undefined || definitions !== undefined;
    if (inlined + open === 0 && !hasDefinitions) return { schema: root, changes: [] };
    return {
      schema,
      changes: [
        ...(inlined > 0 ? [`${inlined} of its $refs are inlined`] : []),
        ...(hasDefinitions ? ['its definitions are left out, which nothing refers to any more'] : []),
        ...(open > 0 ? [`${open} of its $refs lead back or elsewhere, and allow anything`] : []),
      ],
    };
  } catch (error) {
    if (!(error instanceof TooLarge)) throw error;
    return { fault: `its $refs expand to more than ${MAX_PARTS} parts or ${MAX_DEPTH} levels` };
  }
}
