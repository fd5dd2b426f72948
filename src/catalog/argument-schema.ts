import type { ArgumentOverride } from '../config/config.ts';
import { isObject, type Params } from '../protocol/messages.ts';
import { boundDepth, type Effort, spend } from './effort.ts';
import { DEPENDENT, type Overrides, settle } from './settled-arguments.ts';
import { findLocal, readTarget, stepsOf, textsOf } from './subschemas.ts';

/** What these say of an argument, and DEPENDENT, holds for the tool's arguments like what the root itself says. */
const LISTS: readonly string[] = ['oneOf', 'anyOf', 'allOf'];
const SINGLE: readonly string[] = ['not', 'if', 'then', 'else'];

/** The arguments that a schema knows: directly, or in one of those. */
export function argumentsIn(root: Params): ReadonlySet<string> {
  const names = new Set<string>();
  const followed = new Set<string>();
  // Not from within each other: a chain of references may be longer than any stack.
  const waiting: unknown[] = [root];
  for (const schema of waiting) {
    if (!isObject(schema)) continue;
    for (const name of [...Object.keys(asObject(schema.properties)), ...textsOf(schema.required)]) {
      names.add(name);
    }
    for (const keyword of DEPENDENT) {
      for (const [name, needs] of Object.entries(asObject(schema[keyword]))) {
        for (const each of [name, ...textsOf(needs)]) names.add(each);
        waiting.push(needs);
      }
    }
    for (const keyword of SINGLE) waiting.push(schema[keyword]);
    for (const keyword of LISTS) for (const branch of asList(schema[keyword])) waiting.push(branch);
    const { $ref: ref } = schema;
    if (typeof ref !== 'string' || followed.has(ref)) continue;
    followed.add(ref);
    waiting.push(findLocal(root, ref));
  }
  return names;
}

/**
 * The schema as callers see it once these arguments are set, have defaults, other names or descriptions. To be called
 * inside of `bounded`.
 */
export function overrideArguments(root: Params, overrides: Overrides, effort: Effort): Params {
  const targets = new Map<string, ReturnType<typeof readTarget> | undefined>();

  function targetOf(ref: unknown) {
    if (typeof ref !== 'string') return undefined;
    if (!targets.has(ref)) {
      const target = findLocal(root, ref);
      targets.set(ref, target && readTarget(target));
    }
    return targets.get(ref);
  }

  /** @param path  the references that lead here */
  function shape(schema: Params, path: readonly string[]): Params {
    const { $ref: ref, ...siblings } = schema;
    const target = path.includes(ref as string) ? undefined : targetOf(ref);
    if (target === undefined) return shapeParts(schema, path);
    boundDepth(path.length);
    spend(effort, target.chars);
    const found = shape(target.found, [...path, ref as string]);
    // Where nothing in it is about these arguments, the reference stays.
    if (JSON.stringify(found) === JSON.stringify(target.found)) return shapeParts(schema, path);
    // A copy, since elsewhere the same definition may stand for something else than the arguments.
    const rest = shapeParts(siblings, path);
    const isClear = Object.keys(rest).every((keyword) => !Object.hasOwn(found, keyword));
    return isClear ? { ...found, ...rest } : { ...rest, allOf: [...asList(rest.allOf), found] };
  }

  function shapeParts(given: Params, path: readonly string[]): Params {
    const schema = settle(given, overrides);
    const shaped = { ...schema };
    const inner = (part: unknown) => (isObject(part) ? shape(part, path) : part);
    if (isObject(schema.properties)) shaped.properties = overrideProperties(schema.properties, overrides);
    if (Array.isArray(schema.required)) shaped.required = overrideRequired(schema.required, overrides);
    for (const keyword of LISTS) {
      if (Array.isArray(schema[keyword])) shaped[keyword] = schema[keyword].map(inner);
    }
    for (const keyword of SINGLE) {
      if (isObject(schema[keyword])) shaped[keyword] = inner(schema[keyword]);
    }
    for (const keyword of DEPENDENT) {
      if (!isObject(schema[keyword])) continue;
      const entries = Object.entries(schema[keyword]).map(([name, needs]) => [
        overrides.get(name)?.rename ?? name,
        Array.isArray(needs) ? overrideRequired(needs, overrides) : inner(needs),
      ]);
      shaped[keyword] = Object.fromEntries(entries);
    }
    return shaped;
  }

  return shape(root, []);
}

/** Whether a reference leads to what an argument had to do with that is called otherwise by now, or hidden. */
export function leadsElsewhere(ref: string, overrides: Overrides): boolean {
  const isMoved = (name = '') => {
    const { rename, ...override } = overrides.get(name) ?? {};
    return rename !== undefined || Object.hasOwn(override, 'set');
  };
  const steps = stepsOf(ref) ?? [];
  for (let at = 0; at < steps.length; at++) {
    const step = steps[at] as string;
    if (step === 'properties') return isMoved(steps[at + 1]);
    if (SINGLE.includes(step)) continue;
    at++;
    if (DEPENDENT.includes(step) && isMoved(steps[at])) return true;
    if (!DEPENDENT.includes(step) && !LISTS.includes(step)) return false;
  }
  return false;
}

const asObject = (value: unknown): Params => (isObject(value) ? value : {});
const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

function overrideProperties(properties: Params, overrides: Overrides): Params {
  const shaped = Object.entries(properties).flatMap(([name, property]): [string, unknown][] => {
    const override = overrides.get(name);
    if (override === undefined) return [[name, property]];
    if (Object.hasOwn(override, 'set')) return [];
    return [[override.rename ?? name, describeProperty(property, override)]];
  });
  return Object.fromEntries(shaped);
}

/** What is set or has a default is not required of the caller. */
function overrideRequired(required: readonly unknown[], overrides: Overrides): unknown[] {
  return required.flatMap((name) => {
    const override = overrides.get(name as string);
    if (override === undefined) return [name];
    return Object.hasOwn(override, 'set') || Object.hasOwn(override, 'default')
      ? []
      : [override.rename ?? name];
  });
}

function describeProperty(property: unknown, override: ArgumentOverride): unknown {
  const { description } = override;
  const hasDefault = Object.hasOwn(override, 'default');
  if (!hasDefault && description === undefined) return property;
  return {
    ...(isObject(property) ? property : {}),
    ...(hasDefault && { default: override.default }),
    ...(description !== undefined && { description }),
  };
}
