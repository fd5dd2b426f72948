import { hash } from 'node:crypto';
import type { Listed } from '../downstream/lists/listing.ts';
import { isObject } from '../protocol/messages.ts';
import { kept } from './kept.ts';

/** Lists that stay the same are looked at again and again. */
const known = new WeakMap<object, string>();

/** SHA-256 of everything that a definition says. In which order its keys stand says nothing. */
export const digestOf = (definition: Listed): string =>
  kept(known, definition, () => hash('sha256', canonicalJson(definition), 'hex'));

/** JSON with its keys in order. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
  return `{${members.join(',')}}`;
}

/** One place in which two definitions differ. */
export interface Difference {
  /** `inputSchema.properties.query.description`; empty for the whole. */
  readonly path: string;
  /** Undefined where there was, or is, nothing. */
  readonly before: unknown;
  readonly after: unknown;
}

export function differences(before: unknown, after: unknown, path = ''): Difference[] {
  if (isObject(before) && isObject(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) =>
      differences(own(before, key), own(after, key), path === '' ? key : `${path}.${key}`),
    );
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, index) =>
      differences(before[index], after[index], `${path}[${index}]`),
    ).flat();
  }
  return canonicalJson(before) === canonicalJson(after) && (before === undefined) === (after === undefined)
    ? []
    : [{ path, before, after }];
}

const own = (value: Readonly<Record<string, unknown>>, key: string) =>
  Object.hasOwn(value, key) ? value[key] : undefined;
