import type { ArgumentOverride } from '../config/config.ts';
import { isObject, type Params } from '../protocol/messages.ts';
import { textsOf } from './subschemas.ts';

export type Overrides = ReadonlyMap<string, ArgumentOverride>;

/** By the name of an argument a schema, or a list of those that go with it. */
export const DEPENDENT: readonly string[] = ['dependentRequired', 'dependentSchemas', 'dependencies'];

/**
 * What a schema says of the arguments that callers do give, once others are set or have defaults: what depends on
 * those alone is decided.
 */
export function settle(schema: Params, overrides: Overrides): Params {
  const settled = { ...schema };
  let needed: unknown[] = [];
  const applied: unknown[] = [];
  const isMet = isObject(schema.if) ? judge(schema.if, overrides) : undefined;
  if (isMet !== undefined) {
    for (const keyword of ['if', 'then', 'else']) delete settled[keyword];
    applied.push(isMet ? schema.then : schema.else);
  }
  // What callers can do nothing about, they are not told.
  if (isObject(schema.not) && judge(schema.not, overrides) !== undefined) delete settled.not;
  for (const keyword of DEPENDENT) {
    const dependent = schema[keyword];
    if (!isObject(dependent)) continue;
    const left = Object.entries(dependent).filter(([name, needs]) => {
      if (!isSent(overrides.get(name))) return true;
      if (Array.isArray(needs)) needed = [...needed, ...needs];
      else applied.push(needs);
      return false;
    });
    if (left.length > 0) settled[keyword] = Object.fromEntries(left);
    else delete settled[keyword];
  }
  const sent = [...overrides.values()];
  // They are counted with those that callers give.
  takeFrom(settled, 'minProperties', sent.filter(isSent).length);
  takeFrom(settled, 'maxProperties', sent.filter(isSet).length);
  if (needed.length > 0) settled.required = [...new Set([...textsOf(schema.required), ...needed])];
  const schemas = applied.filter(isObject);
  if (schemas.length > 0) {
    settled.allOf = [...(Array.isArray(schema.allOf) ? schema.allOf : []), ...schemas];
  }
  return settled;
}

function takeFrom(schema: Params, keyword: string, count: number): void {
  const { [keyword]: bound } = schema;
  if (typeof bound === 'number' && count > 0) schema[keyword] = Math.max(bound - count, 0);
}

const isSet = (override: ArgumentOverride | undefined) =>
  override !== undefined && Object.hasOwn(override, 'set');

/** With every call, whether its caller gives it or not. */
const isSent = (override: ArgumentOverride | undefined) =>
  isSet(override) || (override !== undefined && Object.hasOwn(override, 'default'));

/** Whether a condition is met, or is not, by arguments that are set; undefined where it is about others as well. */
function judge(condition: Params, overrides: Overrides): boolean | undefined {
  const { properties, required, type: _type, ...others } = condition;
  const entries = Object.entries(isObject(properties) ? properties : {});
  const isBroken = entries.some(([name, property]) => {
    const override = overrides.get(name);
    return isSet(override) && !allows(property, override?.set);
  });
  if (isBroken) return false;
  const isOpen =
    Object.keys(others).length > 0 ||
    entries.some(([name]) => !isSet(overrides.get(name))) ||
    textsOf(required).some((name) => !isSent(overrides.get(name)));
  return isOpen || entries.length + textsOf(required).length === 0 ? undefined : true;
}

function allows(property: unknown, value: unknown): boolean {
  if (!isObject(property)) return property !== false;
  const is = (allowed: unknown) => JSON.stringify(allowed) === JSON.stringify(value);
  if (Array.isArray(property.enum)) return property.enum.some(is);
  return property.const === undefined || is(property.const);
}
