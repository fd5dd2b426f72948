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
  // Spec 2026-07-28: such a tool MUST be excluded, and the others stay.
  const paramHeaders = readParamHeaders(inputSchema);
  return 'fault' in paramHeaders ? { fault: `is left out: ${paramHeaders.fault}.` } : { name, paramHeaders };
}

/** The tool as legacy revisions allow it: they know structured output of type "object" only, and SDKs insist on it. */
export function toLegacy(tool: ListedTool): ListedTool {
  const { outputSchema, ...rest } = tool;
  return isObject(outputSchema) && outputSchema.type !== 'object' ? rest : tool;
}
