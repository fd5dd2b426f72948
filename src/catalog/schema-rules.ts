import type { Profile } from '../config/profiles.ts';
import { bounded, type Effort, effortOfTool } from './effort.ts';
import { type InlinedSchema, inlineLostRefs, inlineRefs } from './inline-refs.ts';
import { flattenRoot } from './plain-root.ts';
import { mapSubschemas, type Schema } from './subschemas.ts';

export type SchemaRules = Pick<Profile, 'plainSchemaRoot' | 'inlineRefs' | 'dropKeywords'>;

export interface ShapedSchema {
  readonly schema: Schema;
  /** What was changed and why, each to stand after the tool's name. Empty: `schema` is the very object given. */
  readonly changes: readonly string[];
  /** For the tool's description, where the schema no longer says it. */
  readonly note?: string;
}

/** A foreign JSON Schema as one kind of caller can take it, or why there is none. Its input stays as it is. */
export function shapeSchema(
  given: Schema,
  rules: SchemaRules,
  effort = effortOfTool(),
): ShapedSchema | { readonly fault: string } {
  return bounded(() => shape(given, rules, effort));
}

function shape(given: Schema, rules: SchemaRules, effort: Effort): ShapedSchema | { readonly fault: string } {
  let schema = given;
  const changes: string[] = [];
  let note: string | undefined;
  if (rules.plainSchemaRoot) {
    const flat = flattenRoot(schema, effort);
    if ('fault' in flat) return flat;
    ({ schema, note } = flat);
    changes.push(...flat.changes);
  }
  const inlined = inlineAs(rules, schema, given, effort);
  schema = inlined.schema;
  changes.push(...inlined.changes);
  if (rules.dropKeywords.length > 0) {
    const dropped = new Set<string>();
    schema = dropKeywords(schema, rules.dropKeywords, dropped);
    for (const keyword of dropped) changes.push(`its ${keyword} is dropped`);
  }
  return { schema, changes, ...(note !== undefined && { note }) };
}

function inlineAs(rules: SchemaRules, schema: Schema, given: Schema, effort: Effort): InlinedSchema {
  if (rules.inlineRefs) return inlineRefs(schema, given, effort);
  // A root that was flattened takes away what led through its alternatives.
  return schema === given ? { schema, changes: [] } : inlineLostRefs(schema, given, effort);
}

function dropKeywords(schema: Schema, keywords: readonly string[], dropped: Set<string>): Schema {
  const found = keywords.filter((keyword) => Object.hasOwn(schema, keyword));
  for (const keyword of found) dropped.add(keyword);
  const kept =
    found.length === 0
      ? schema
      : Object.fromEntries(Object.entries(schema).filter(([keyword]) => !found.includes(keyword)));
  return mapSubschemas(kept, (inner) => dropKeywords(inner, keywords, dropped));
}
