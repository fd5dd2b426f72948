import type { Listed, Listing } from '../downstream/lists/listing.ts';
import { isObject } from '../protocol/messages.ts';
import { type ParamHeader, readParamHeaders } from '../protocol/param-headers.ts';
import {
  COMMON_FIELDS,
  findWrong,
  findWrongIcon,
  isText,
  isTexts,
  isYesOrNo,
  type Rule,
  TEXTS,
  YES_OR_NO,
} from './judge-fields.ts';

export type Judgement =
  | { readonly name: string; readonly paramHeaders: readonly ParamHeader[] }
  /** Why it is left out, to stand after its name. */
  | { readonly fault: string };

/** The fields that callers read by their type: where one is wrong, they reject the whole list. */
const FIELDS: readonly Rule[] = [
  ...COMMON_FIELDS,
  ['inputSchema', isObject, 'an object'],
  ['outputSchema', isObject, 'an object'],
  ['annotations', isObject, 'an object'],
  ['execution', isObject, 'an object'],
];

/** Legacy callers are given those that are true or false as objects. */
const isSchemas = (value: unknown) =>
  isObject(value) && Object.values(value).every((each) => isObject(each) || typeof each === 'boolean');

const OF_SCHEMA: readonly Rule[] = [
  ['properties', isSchemas, 'an object of schemas'],
  ['required', isTexts, TEXTS],
];

/** The same one level deeper. */
const FIELDS_OF: Readonly<Record<string, readonly Rule[]>> = {
  inputSchema: OF_SCHEMA,
  outputSchema: OF_SCHEMA,
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

/** More than any model could read; a list of many such would be refused as a whole, by us or by callers. */
export const MAX_TOOL_CHARS = 256 * 1024;

/**
 * Whether a tool can be offered. One that cannot costs itself and no other.
 *
 * @param of  what its server lists it with
 */
export function judgeTool(tool: Listed, { earlierTasks }: Pick<Listing, 'earlierTasks'> = {}): Judgement {
  const { name, inputSchema } = tool;
  if (typeof name !== 'string' || name === '') return { fault: 'is left out: it has no name.' };
  if (!isObject(inputSchema)) return { fault: 'is left out: its inputSchema is not an object.' };
  const wrong = findWrongField(tool);
  if (wrong !== undefined) return { fault: `is left out: its ${wrong}.` };
  // Spec 2025-11-25: it MUST be called as a task, and refuses every other call. Callers here are promised no such tasks.
  if (earlierTasks && isObject(tool.execution) && tool.execution.taskSupport === 'required')
    return {
      fault: 'is left out: it can be called only as a task of 2025-11-25, and these are not served here.',
    };
  const tooLong = findTooLong(tool, 'its definition has');
  if (tooLong !== undefined) return { fault: tooLong };
  // Spec 2026-07-28: such a tool MUST be excluded, and the others stay.
  const paramHeaders = readParamHeaders(inputSchema);
  return 'fault' in paramHeaders ? { fault: `is left out: ${paramHeaders.fault}.` } : { name, paramHeaders };
}

/** What is wrong with an inputSchema as it was made for callers: its root may be what a part of it was before. */
export const findWrongRoot = (inputSchema: Listed) => findWrong(OF_SCHEMA, inputSchema, 'inputSchema.');

/** Why it is left out, to stand after its name. */
export function findTooLong(tool: Listed, has: string): string | undefined {
  const { length } = JSON.stringify(tool);
  return length > MAX_TOOL_CHARS
    ? `is left out: ${has} ${length} characters, more than ${MAX_TOOL_CHARS}.`
    : undefined;
}

/** The first field of a wrong type, and what it is not. */
function findWrongField(tool: Listed): string | undefined {
  const top = findWrong(FIELDS, tool);
  if (top !== undefined) return top;
  for (const [field, rules] of Object.entries(FIELDS_OF)) {
    const owner = tool[field];
    const wrong = isObject(owner) ? findWrong(rules, owner, `${field}.`) : undefined;
    if (wrong !== undefined) return wrong;
  }
  return findWrongIcon(tool);
}
