import { boundDepth, type Effort, spend } from './effort.ts';
import { findLocal, mapSubschemas, readTarget, type Schema } from './subschemas.ts';

export interface InlinedSchema {
  readonly schema: Schema;
  readonly changes: readonly string[];
}

/**
 * Each local `$ref` replaced with what it refers to. One that leads back into itself, or to another document, is never
 * followed: in its place anything is allowed. To be called inside of `bounded`, like the next one.
 *
 * @param given  what `root` was made of: what is no longer in the one is looked up in the other
 */
export function inlineRefs(root: Schema, given: Schema, effort: Effort): InlinedSchema {
  // What is only referred to is not needed once nothing refers to it; expanded, it would count twice.
  const { $defs, definitions, ...shown } = root;
  const hasDefinitions = $defs !== undefined || definitions !== undefined;
  const { schema, inlined, open } = expand(
    shown,
    effort,
    (ref) => findLocal(root, ref) ?? findLocal(given, ref),
  );
  if (inlined + open === 0 && !hasDefinitions) return { schema: root, changes: [] };
  const changes = [...inlinedIn(inlined), ...openIn(open)];
  if (hasDefinitions) changes.push('its definitions are left out, which nothing refers to any more');
  return { schema, changes };
}

/**
 * The same for those `$ref`s alone that led somewhere in `given` and lead nowhere in what was made of it.
 *
 * @param leadsElsewhere  whether one leads somewhere, and not to what it led to
 */
export function inlineLostRefs(
  root: Schema,
  given: Schema,
  effort: Effort,
  leadsElsewhere = (_ref: string) => false,
): InlinedSchema {
  const { schema, inlined, open } = expand(root, effort, (ref) =>
    findLocal(root, ref) === undefined || leadsElsewhere(ref) ? (findLocal(given, ref) ?? 'stays') : 'stays',
  );
  return { schema, changes: [...inlinedIn(inlined), ...openIn(open)] };
}

const inlinedIn = (count: number) => (count > 0 ? [`${count} of its $refs are inlined`] : []);
const openIn = (count: number) =>
  count > 0 ? [`${count} of its $refs lead back or elsewhere, and allow anything`] : [];

/** @param find  what a reference stands for; undefined where it leads nowhere */
function expand(
  root: Schema,
  effort: Effort,
  find: (ref: string) => Schema | 'stays' | undefined,
): { readonly schema: Schema; readonly inlined: number; readonly open: number } {
  const targets = new Map<string, ReturnType<typeof targetOf>>();
  let inlined = 0;
  let open = 0;

  function targetOf(ref: string) {
    const target = find(ref);
    return target === undefined || target === 'stays' ? target : readTarget(target);
  }

  /** @param path  the references that lead here */
  function expandPart(schema: Schema, path: readonly string[], depth: number): Schema {
    // What was given is as deep as it is; only what comes out of references can be without end.
    if (path.length > 0) boundDepth(depth);
    const { $ref: ref, ...siblings } = schema;
    const inner = (part: Schema) => expandPart(part, path, depth + 1);
    if (typeof ref !== 'string') return mapSubschemas(schema, inner);
    if (!targets.has(ref)) targets.set(ref, targetOf(ref));
    const target = targets.get(ref);
    if (target === 'stays') return mapSubschemas(schema, inner);
    if (target !== undefined && !path.includes(ref)) {
      spend(effort, target.chars);
      inlined++;
      return expandPart(beside(target.found, siblings), [...path, ref], depth + 1);
    }
    open++;
    return mapSubschemas(siblings, inner);
  }

  return { schema: expandPart(root, [], 0), inlined, open };
}

/** Keywords that only tell: where both have one, that beside the reference is the nearer. */
const TELLING: ReadonlySet<string> = new Set(['title', 'description', 'default', 'examples', '$comment']);

/** What a reference stands for, together with what stands beside it: since 2019-09 both hold. */
function beside(found: Schema, siblings: Schema): Schema {
  const isClear = Object.entries(siblings).every(
    ([keyword, value]) =>
      TELLING.has(keyword) ||
      !Object.hasOwn(found, keyword) ||
      JSON.stringify(found[keyword]) === JSON.stringify(value),
  );
  if (isClear) return { ...found, ...siblings };
  return { ...siblings, allOf: [...(Array.isArray(siblings.allOf) ? siblings.allOf : []), found] };
}
