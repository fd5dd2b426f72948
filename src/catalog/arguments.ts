import type { ArgumentOverride } from '../config/config.ts';
import { isObject, type Params } from '../protocol/messages.ts';

/** What becomes of the arguments of one tool on their way to its downstream. */
export interface ArgumentRules {
  /** Sent with every call, whatever the caller says. By the downstream's names. */
  readonly set: ReadonlyMap<string, unknown>;
  /** Sent where the caller gives none. By the downstream's names. */
  readonly defaults: ReadonlyMap<string, unknown>;
  /** The downstream's name for each that callers know under another. */
  readonly originalName: ReadonlyMap<string, string>;
}

interface ShapedArguments {
  readonly inputSchema: Params;
  readonly rules: ArgumentRules | undefined;
  /** Arguments with an override that the schema does not have. */
  readonly missing: readonly string[];
}

/** The schema as callers see it, and what that means for their calls. */
export function shapeArguments(
  inputSchema: Params,
  overrides: ReadonlyMap<string, ArgumentOverride>,
): ShapedArguments {
  if (overrides.size === 0) return { inputSchema, rules: undefined, missing: [] };
  const properties = new Map(Object.entries(isObject(inputSchema.properties) ? inputSchema.properties : {}));
  const missing = [...overrides.keys()].filter((name) => !properties.has(name));
  const rules = rulesOf(overrides);
  const shaped = [...properties].flatMap(([name, property]): [string, unknown][] => {
    const override = overrides.get(name);
    if (override === undefined) return [[name, property]];
    if (Object.hasOwn(override, 'set')) return [];
    return [[override.rename ?? name, describeProperty(property, override)]];
  });
  const withRequired = renameRequired(inputSchema, overrides);
  return { inputSchema: { ...withRequired, properties: Object.fromEntries(shaped) }, rules, missing };
}

function rulesOf(overrides: ReadonlyMap<string, ArgumentOverride>): ArgumentRules {
  const entries = [...overrides];
  return {
    set: new Map(entries.filter(([, o]) => Object.hasOwn(o, 'set')).map(([name, o]) => [name, o.set])),
    defaults: new Map(
      entries.filter(([, o]) => Object.hasOwn(o, 'default')).map(([name, o]) => [name, o.default]),
    ),
    originalName: new Map(
      entries.flatMap(([name, { rename }]) => (rename === undefined ? [] : [[rename, name] as const])),
    ),
  };
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

/** What is set or has a default is not required of the caller. Alternatives at the root name arguments as well. */
function renameRequired(schema: Params, overrides: ReadonlyMap<string, ArgumentOverride>): Params {
  const shaped = { ...schema };
  if (Array.isArray(schema.required)) {
    shaped.required = schema.required.flatMap((name) => {
      const override = overrides.get(name);
      if (override === undefined) return [name];
      return Object.hasOwn(override, 'set') || Object.hasOwn(override, 'default')
        ? []
        : [override.rename ?? name];
    });
  }
  for (const keyword of ['oneOf', 'anyOf', 'allOf']) {
    const branches = schema[keyword];
    if (!Array.isArray(branches)) continue;
    shaped[keyword] = branches.map((branch) =>
      isObject(branch) ? renameRequired(branch, overrides) : branch,
    );
  }
  return shaped;
}

/** The arguments as the downstream gets them. */
export function outgoingArguments(given: unknown, rules: ArgumentRules): Params {
  const outgoing = new Map<string, unknown>(rules.defaults);
  for (const [name, value] of Object.entries(isObject(given) ? given : {})) {
    // A renamed one is not known to callers by its old name.
    if (!rules.originalName.has(name) && isRenamed(rules, name)) continue;
    outgoing.set(rules.originalName.get(name) ?? name, value);
  }
  for (const [name, value] of rules.set) outgoing.set(name, value);
  return Object.fromEntries(outgoing);
}

function isRenamed({ originalName }: ArgumentRules, name: string): boolean {
  for (const original of originalName.values()) if (original === name) return true;
  return false;
}
