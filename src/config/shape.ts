import type * as z from 'zod';
import { isObject, type Place, type Report } from './problems.ts';
import { type FileShape, fileSchema } from './schema.ts';
import { judgeUnknownKey } from './unknown-key.ts';

/** What is left of a shape when everything of a wrong type is taken out. */
export type Partly<T> = T extends readonly (infer Item)[]
  ? (Partly<Item> | undefined)[]
  : T extends object
    ? { [Key in keyof T]?: Partly<T[Key]> | undefined }
    : T | undefined;

/**
 * Reports every place where a file departs from the schema, and returns the rest of it for the checks that follow:
 * one number in quotes is no reason to keep silent about a missing variable next to it.
 *
 * @param raw  is changed: what is of a wrong type becomes undefined, the key stays
 */
export function checkShape(raw: unknown, report: Report): Partly<FileShape> | undefined {
  const { error } = fileSchema.safeParse(raw);
  for (const issue of (error?.issues ?? []).flatMap((issue) => withinUnion(issue))) {
    const at = issue.path as Place;
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys)
        report([...at, key], judgeUnknownKey(at, key, valueAt(raw, [...at, key])));
      continue;
    }
    report(at, issue.message);
    takeOut(raw, at);
  }
  return isObject(raw) ? (raw as Partly<FileShape>) : undefined;
}

/** Of two forms, the one that was tried is the one whose outermost type is right. */
function withinUnion(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const tried = issue.errors.find((errors) => errors.every(({ path }) => path.length > 0));
  return tried?.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })) ?? [issue];
}

function valueAt(raw: unknown, at: Place): unknown {
  return at.reduce<unknown>(
    (value, step) => (value as Record<string | number, unknown> | undefined)?.[step],
    raw,
  );
}

function takeOut(raw: unknown, at: Place): void {
  const owner = valueAt(raw, at.slice(0, -1)) as Record<string | number, unknown>;
  const step = at.at(-1);
  if (step !== undefined && valueAt(raw, at) !== undefined) owner[step] = undefined;
}
