import type { ListedTool } from '../downstream/list-tools.ts';
import { isObject } from '../protocol/messages.ts';
import { type ParamHeader, readParamHeaders } from '../protocol/param-headers.ts';

export type Judgement =
  | { readonly name: string; readonly paramHeaders: readonly ParamHeader[] }
  /** Why it is left out, to stand after its name. */
  | { readonly fault: string };

type Rule = readonly [field: string, isRight: (value: unknown) => boolean, type: string];

const isText = (value: unknown) => typeof value === 'string';
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText);
const isYesOrNo = (value: unknown) => typeof value === 'boolean';
const TEXTS = 'a list of texts';
const YES_OR_NO = 'true or false';

/** The fields that callers read by their type: where one is wrong, they reject the whole list. */
const FIELDS: readonly Rule[] = [
  ['title', isText, 'text'],
  ['description', isText, 'text'],
  ['inputSchema', isObject, 'an object'],
  ['outputSchema', isObject, 'an object'],
  ['annotations', isObject, 'an object'],
  ['execution', isObject, 'an object'],
  ['icons', (value) => Array.isArray(value) && value.every(isObject), 'a list of objects'],
  ['_meta', isObject, 'an object'],
];

/** The same one level deeper. */
const FIELDS_OF: Readonly<Record<string, readonly Rule[]>> = {
  inputSchema: [
    ['properties', isObject, 'an object'],
    ['required', isTexts, TEXTS],
  ],
  outputSchema: [
    ['properties', isObject, 'an object'],
    ['required', isTexts, TEXTS],
  ],
  annotations: [
    ['title', isText, 'text'],
    ['readOnlyHint', isYesOrNo, YES_OR_NO],
    ['destructiveHint', isYesOrNo, YES_OR_NO],
    ['idempotentHint', isYesOrNo, YES_OR_NO],
    ['openWorldHint', isYesOrNo, YES_OR_NO],
  ],
  execution: [
    [
      'taskSupport',
      (value) => ['required', 'optional', 'forbidden'].includes(value as string),
      'required, optional or forbidden',
    ],
  ],
};

const ICON_FIELDS: readonly Rule[] = [
  ['mimeType', isText, 'text'],
  ['sizes', isTexts, TEXTS],
  ['theme', (value) => value === 'light' || value === 'dark', 'light or dark'],
];

/** More than any model could read; a list of many such would be refused as a whole, by us or by callers. */
const MAX_TOOL_CHARS = 256 * 1024;

/** Whether a tool can be offered. One that cannot costs itself and no other. */
export function judgeTool(tool: ListedTool): Judgement {
  const { name, inputSchema } = tool;
  if (typeof name !== 'string' || name === '') return { fault: 'is left out: it has no name.' };
  if (!isObject(inputSchema)) return { fault: 'is left out: its inputSchema is not an object.' };
  const wrong = findWrongField(tool);
  if (wrong !== undefined) return { fault: `is left out: its ${wrong}.` };
  const { length } = JSON.stringify(tool);
  if (length > MAX_TOOL_CHARS) {
    return { fault: `is left out: its definition has ${length} characters, more than ${MAX_TOOL_CHARS}.` };
  }
  // Spec 2026-07-28: such a tool MUST be excluded, and the others stay.
  const paramHeaders = readParamHeaders(inputSchema);
  return 'fault' in paramHeaders ? { fault: `is left out: ${paramHeaders.fault}.` } : { name, paramHeaders };
}

/** The first field of a wrong type, and what it is not. */
function findWrongField(tool: ListedTool): string | undefined {
  const find = (rules: readonly Rule[], owner: ListedTool, before = '') => {
    const rule = rules.find(([field, isRight]) => owner[field] !== undefined && !isRight(owner[field]));
    return rule && `${before}${rule[0]} is not ${rule[2]}`;
  };
  const top = find(FIELDS, tool);
  if (top !== undefined) return top;
  for (const [field, rules] of Object.entries(FIELDS_OF)) {
    const owner = tool[field];
    const wrong = isObject(owner) ? find(rules, owner, `${field}.`) : undefined;
    if (wrong !== undefined) return wrong;
  }
  for (const icon of (tool.icons as readonly ListedTool[] | undefined) ?? []) {
    const wrong = isText(icon.src) ? find(ICON_FIELDS, icon, 'icons.') : 'icons.src is not text';
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}
