import type { ArgumentOverride } from '../config/config.ts';
import { isObject, type Params } from '../protocol/messages.ts';
import { findLocal, textsOf } from './subschemas.ts';

/** What an alternative at the root says of an argument holds for the tool's arguments like what the root itself says. */
const BRANCHES = ['oneOf', 'anyOf', 'allOf'] as const;

/** Alternatives may refer to each other, and double at every step. */
const MAX_COPIES = 100;

/** The arguments that a schema knows, or a part of it: directly, or in an alternative. */
export function argumentsIn(root: Params, part = root): ReadonlySet<string> {
  const names = new Set<string>();
  const followed = new Set<string>();
  function collect(schema: unknown): void {
    if (!isObject(schema)) return;
    for (const name of Object.keys(isObject(schema.properties) ? schema.properties : {})) names.add(name);
    for (const name of textsOf(schema.required)) names.add(name);
    const { $ref: ref } = schema;
    if (typeof ref === 'string' && !followed.has(ref)) {
      followed.add(ref);
      collect(findLocal(root, ref));
    }
    for (const keyword of BRANCHES) {
      const branches = schema[keyword];
      if (Array.isArray(branches)) branches.forEach(collect);
    }
  }
  collect(part);
  return names;
}

/** The schema as callers see it once these arguments are set, have defaults, other names or descriptions. */
export function overrideArguments(root: Params, overrides: ReadonlyMap<string, ArgumentOverride>): Params {
  let copies = 0;

  /** @param path  the references that lead here */
  function shape(schema: Params, path: readonly string[]): Params {
    const { $ref: ref, ...siblings } = schema;
    const target = typeof ref === 'string' && !path.includes(ref) ? findLocal(root, ref) : undefined;
    if (target !== undefined && isNamedIn(target) && ++copies <= MAX_COPIES) {
      // A copy, since elsewhere the same definition may stand for something else than the arguments.
      const { $defs: _defs, definitions: _definitions, ...found } = target;
      const inner = [...path, ref as string];
      const isClear = Object.keys(siblings).every((keyword) => !Object.hasOwn(found, keyword));
      if (isClear) return shape({ ...found, ...siblings }, inner);
      const others = Array.isArray(siblings.allOf) ? siblings.allOf : [];
      return shape({ ...siblings, allOf: [...others, found] }, inner);
    }
    const shaped = { ...schema };
    if (isObject(schema.properties)) shaped.properties = overrideProperties(schema.properties, overrides);
    if (Array.isArray(schema.required)) shaped.required = overrideRequired(schema.required, overrides);
    for (const keyword of BRANCHES) {
      const branches = schema[keyword];
      if (!Array.isArray(branches)) continue;
      shaped[keyword] = branches.map((branch) => (isObject(branch) ? shape(branch, path) : branch));
    }
    return shaped;
  }

  const isNamedIn = (part: Params) => {
    const names = argumentsIn(root, part);
    return [...overrides.keys()].some((name) => names.has(name));
  };

  return shape(root, []);
}

function overrideProperties(properties: Params, overrides: ReadonlyMap<string, ArgumentOverride>): Params {
  const shaped = Object.entries(properties).flatMap(([name, property]): [string, unknown][] => {
    const override = overrides.get(name);
    if (override === undefined) return [[name, property]];
    if (Object.hasOwn(override, 'set')) return [];
    return [[override.rename ?? name, describeProperty(property, override)]];
  });
  return Object.fromEntries(shaped);
}

/** What is set or has a default is not required of the caller. */
function overrideRequired(
  required: readonly unknown[],
  overrides: ReadonlyMap<string, ArgumentOverride>,
): unknown[] {
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
