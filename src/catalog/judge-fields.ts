import type { Listed } from '../downstream/lists/listing.ts';
import { isObject } from '../protocol/messages.ts';

/** A field that callers read by its type, where it is there: one of a wrong type and they reject the whole list. */
export type Rule = readonly [field: string, isRight: (value: unknown) => boolean, type: string];

export const isText = (value: unknown) => typeof value === 'string';
export const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText);
export const isYesOrNo = (value: unknown) => typeof value === 'boolean';
export const TEXTS = 'a list of texts';
export const YES_OR_NO = 'true or false';

/** What everything that is listed may have. */
export const COMMON_FIELDS: readonly Rule[] = [
  ['title', isText, 'text'],
  ['description', isText, 'text'],
  ['icons', (value) => Array.isArray(value) && value.every(isObject), 'a list of objects'],
  ['_meta', isObject, 'an object'],
];

const ICON_FIELDS: readonly Rule[] = [
  ['mimeType', isText, 'text'],
  ['sizes', isTexts, TEXTS],
  ['theme', (value) => value === 'light' || value === 'dark', 'light or dark'],
];

/** The first field of a wrong type, and what it is not. */
export function findWrong(rules: readonly Rule[], owner: Listed, before = ''): string | undefined {
  const rule = rules.find(([field, isRight]) => owner[field] !== undefined && !isRight(owner[field]));
  return rule && `${before}${rule[0]} is not ${rule[2]}`;
}

/** The same of its icons, which are known to be objects. */
export function findWrongIcon({ icons = [] }: Listed): string | undefined {
  for (const icon of icons as readonly Listed[]) {
    const wrong = isText(icon.src) ? findWrong(ICON_FIELDS, icon, 'icons.') : 'icons.src is not text';
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}
