import type { ArgumentOverride } from '../config/config.ts';
import type { Params } from '../protocol/messages.ts';
import { argumentsIn, leadsElsewhere, overrideArguments } from './argument-schema.ts';
import { bounded, effortOfTool } from './effort.ts';
import { inlineLostRefs } from './inline-refs.ts';

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
  /** The overrides as they are applied. */
  readonly kept: ReadonlyMap<string, ArgumentOverride>;
  /** What of the overrides has no effect, each to stand after the tool's name. */
  readonly notes: readonly string[];
}

/** The schema as callers see it, and what that means for their calls; or why there is none. */
export function shapeArguments(
  inputSchema: Params,
  overrides: ReadonlyMap<string, ArgumentOverride>,
): ShapedArguments | { readonly fault: string } {
  if (overrides.size === 0) return { inputSchema, rules: undefined, kept: overrides, notes: [] };
  const names = argumentsIn(inputSchema);
  const notes = [...overrides.keys()]
    .filter((name) => !names.has(name))
    .map((name) => `has an override for its argument ${quoted(name)}, and its inputSchema has no such one.`);
  const kept = withoutClashes(names, overrides, notes);
  const shaped = bounded(() => {
    const effort = effortOfTool();
    const overridden = overrideArguments(inputSchema, kept, effort);
    // A reference to an argument leads astray once that has another name, or is hidden.
    return inlineLostRefs(overridden, inputSchema, effort, (ref) => leadsElsewhere(ref, kept));
  });
  return 'fault' in shaped ? shaped : { inputSchema: shaped.schema, rules: rulesOf(kept), kept, notes };
}

const quoted = (name: string) => JSON.stringify(name);

/** Without the renames that would take the name of an argument that keeps it. */
function withoutClashes(
  names: ReadonlySet<string>,
  overrides: ReadonlyMap<string, ArgumentOverride>,
  notes: string[],
): ReadonlyMap<string, ArgumentOverride> {
  const kept = new Map(overrides);
  const keepsItsName = (name: string) => {
    const { rename = name, ...override } = kept.get(name) ?? {};
    return names.has(name) && rename === name && !Object.hasOwn(override, 'set');
  };
  const findClash = () =>
    [...kept].find(([name, { rename = name }]) => rename !== name && keepsItsName(rename));
  // One that keeps its name may be what another was to be called.
  for (let clash = findClash(); clash !== undefined; clash = findClash()) {
    const [name, { rename, ...override }] = clash;
    kept.set(name, override);
    notes.push(
      `has an override that renames its argument ${quoted(name)} to ${quoted(String(rename))}, which another one is called: it keeps its name.`,
    );
  }
  return kept;
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

/** The arguments as the downstream gets them. */
export function outgoingArguments(given: Params, rules: ArgumentRules): Params {
  const outgoing = new Map<string, unknown>(rules.defaults);
  for (const [name, value] of Object.entries(given)) {
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
