import type { ToolsetConfig } from '../config/config.ts';
import type { Profile } from '../config/profiles.ts';
import type { Downstream } from '../downstream/downstream.ts';
import type { ListedTool } from '../downstream/list-tools.ts';
import { META } from '../protocol/eras.ts';
import { isObject, type Params } from '../protocol/messages.ts';
import { type ParamHeader, readParamHeaders } from '../protocol/param-headers.ts';
import { IMPLEMENTATION } from '../version.ts';
import type { ArgumentRules } from './arguments.ts';
import { fitTool } from './fit-tool.ts';
import { writeInstructions } from './instructions.ts';
import type { CatalogNote, CatalogSource, OfferedTool } from './offered-tool.ts';

/** Where a call to an exposed tool goes, and what becomes of it on the way. */
export interface ToolRoute {
  readonly exposedName: string;
  readonly originalName: string;
  readonly downstream: Downstream;
  /** Arguments that the downstream wants mirrored into headers, by its own names. */
  readonly paramHeaders: readonly ParamHeader[];
  /** The same as the caller was told to mirror them. */
  readonly exposedParamHeaders: readonly ParamHeader[];
  readonly argumentRules: ArgumentRules | undefined;
  readonly callTimeoutMs: number;
  /** What its result is shaped for. */
  readonly profile: Profile;
  /** The tool as the caller sees it. */
  readonly tool: ListedTool;
  /** What was made of it for this caller. */
  readonly changes: readonly string[];
}

/** The catalog as one kind of caller meets it at one URL. Never changed: a change makes a new one. */
export interface View {
  readonly profile: Profile;
  readonly toolset: ToolsetConfig | undefined;
  readonly routes: ReadonlyMap<string, ToolRoute>;
  /** Tools that this caller cannot be offered, and why. */
  readonly leftOut: readonly CatalogNote[];
  /** What the caller's model is told about the whole. */
  readonly instructions: string;
  /** The `result` of tools/list, ready to send, as each era has it. */
  readonly listResult: { readonly legacy: Buffer; readonly modern: Buffer };
}

/** How long a list is called fresh at most: callers cannot be told of a change yet. */
const MAX_TTL_MS = 60_000;

interface ViewInput {
  readonly profile: Profile;
  readonly toolset: ToolsetConfig | undefined;
  /** In the order of the list. */
  readonly tools: readonly (readonly [exposedName: string, offered: OfferedTool])[];
  readonly sources: readonly CatalogSource[];
}

export function createView({ profile, toolset, tools, sources }: ViewInput): View {
  const routes = new Map<string, ToolRoute>();
  const leftOut: CatalogNote[] = [];
  for (const [exposedName, offered] of tools) {
    const { downstream, originalName, paramHeaders, argumentRules } = offered;
    const fitted = fitTool(offered.tool, profile);
    const exposedParamHeaders = 'fault' in fitted ? fitted : paramHeadersOf(fitted.tool, offered);
    if ('fault' in fitted || 'fault' in exposedParamHeaders) {
      const { fault } = 'fault' in fitted ? fitted : (exposedParamHeaders as { fault: string });
      leftOut.push({ downstream: downstream.key, tool: originalName, note: fault });
      continue;
    }
    routes.set(exposedName, {
      exposedName,
      originalName,
      downstream,
      paramHeaders,
      exposedParamHeaders,
      argumentRules,
      callTimeoutMs: downstream.config.callTimeoutMs ?? profile.callTimeoutMs,
      profile,
      tool: { ...fitted.tool, name: exposedName },
      changes: fitted.changes,
    });
  }
  const shown = new Set([...routes.values()].map(({ downstream }) => downstream));
  const instructions = writeInstructions(
    // Of the whole catalog they tell the same before the first list as after it.
    toolset === undefined ? sources : sources.filter(({ downstream }) => shown.has(downstream)),
    toolset?.description,
    profile.maxInstructionsChars,
  );
  return { profile, toolset, routes, leftOut, instructions, listResult: writeLists(routes, sources) };
}

/** Where the schema stayed as it is, so do they. */
function paramHeadersOf(
  tool: ListedTool,
  { tool: original, paramHeaders, argumentRules }: OfferedTool,
): readonly ParamHeader[] | { readonly fault: string } {
  if (argumentRules === undefined && tool.inputSchema === original.inputSchema) return paramHeaders;
  const read = readParamHeaders(tool.inputSchema as Record<string, unknown>);
  return 'fault' in read ? { fault: `is left out: ${read.fault}.` } : read;
}

function writeLists(
  routes: ReadonlyMap<string, ToolRoute>,
  sources: readonly CatalogSource[],
): View['listResult'] {
  const tools = [...routes.values()].map((route) => route.tool);
  // A list that is still short is stale from the start.
  const ttlMs = Math.min(
    MAX_TTL_MS,
    ...sources.map(({ list }) => (list === undefined ? 0 : (list.ttlMs ?? MAX_TTL_MS))),
  );
  const modern = {
    resultType: 'complete',
    tools,
    ttlMs,
    // What was listed with our credentials is for those who hold our token.
    cacheScope: 'private',
    _meta: { [META.serverInfo]: IMPLEMENTATION },
  };
  return { legacy: asBytes({ tools: tools.map(toLegacy) }), modern: asBytes(modern) };
}

const asBytes = (result: object) => Buffer.from(JSON.stringify(result), 'utf8');

/** The tool as legacy revisions allow it: SDKs insist on output of type "object", and on schemas that are objects. */
function toLegacy(tool: ListedTool): ListedTool {
  const { outputSchema, ...rest } = tool;
  const inputSchema = withoutBooleans(tool.inputSchema as Params);
  if (!isObject(outputSchema)) return inputSchema === tool.inputSchema ? tool : { ...tool, inputSchema };
  if (outputSchema.type !== 'object') return { ...rest, inputSchema };
  return { ...tool, inputSchema, outputSchema: withoutBooleans(outputSchema) };
}

/** `true` and `false` are schemas, and mean what `{}` and `{"not":{}}` mean. */
function withoutBooleans(schema: Params): Params {
  const { properties } = schema;
  if (!isObject(properties) || !Object.values(properties).some((value) => typeof value === 'boolean')) {
    return schema;
  }
  const asObjects = Object.entries(properties).map(([name, value]) => [
    name,
    typeof value === 'boolean' ? (value ? {} : { not: {} }) : value,
  ]);
  return { ...schema, properties: Object.fromEntries(asObjects) };
}
