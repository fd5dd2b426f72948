import type { ListedTool } from '../downstream/list-tools.ts';
import { isObject } from '../protocol/messages.ts';
import { type ParamHeader, readParamHeaders } from '../protocol/param-headers.ts';

export type Judgement =
  | { readonly name: string; readonly paramHeaders: readonly ParamHeader[] }
  /** Why it is left out, to stand after its name. */
  | { readonly fault: string };

const isText = (value: unknown) => typeof value === 'string';
const isList = (value: unknown) => Array.isArray(value);

/** The fields that callers read by their type: where one is wrong, they reject the whole list. */
const FIELDS: readonly (readonly [field: string, isRight: (value: unknown) => boolean, type: string])[] = [
  ['title', isText, 'text'],
  ['description', isText, 'text'],
  ['outputSchema', isObject, 'an object'],
  ['annotations', isObject, 'an object'],
  ['icons', isList, 'a list'],
  ['_meta', isObject, 'an object'],
];

/** Whether a tool can be offered. One that cannot costs itself and no other. */
export function judgeTool(tool: ListedTool): Judgement {
  const { name, inputSchema } = tool;
  if (typeof name !== 'string' || name === '') return { fault: 'is left out: it has no name.' };
  if (!isObject(inputSchema)) return { fault: 'is left out: its inputSchema is not an object.' };
  if (inputSchema.type !== 'object')
    return { fault: 'is left out: its inputSchema is not of type "object".' };
  for (const [field, isRight, type] of FIELDS) {
    if (tool[field] !== undefined && !isRight(tool[field])) {
      return { fault: `is left out: its ${field} is not ${type}.` };
    }
  }
  if (nestsDeeper(tool, MAX_DEPTH))
    return { fault: `is left out: it is nested deeper than ${MAX_DEPTH} levels.` };
  // Spec 2026-07-28: such a tool MUST be excluded, and the others stay.
  const paramHeaders = readParamHeaders(inputSchema);
  return 'fault' in paramHeaders ? { fault: `is left out: ${paramHeaders.fault}.` } : { name, paramHeaders };
}

/** Deeper than any schema means something, and far from where writing it out would overflow the stack. */
const MAX_DEPTH = 128;

function nestsDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => nestsDeeper(inner, levels - 1));
}

/** The tool as legacy revisions allow it: they know structured output of type "object" only, and SDKs insist on it. */
export function toLegacy(tool: ListedTool): ListedTool {
  const { outputSchema, ...rest } = tool;
  return isObject(outputSchema) && outputSchema.type !== 'object' ? rest : tool;
}
