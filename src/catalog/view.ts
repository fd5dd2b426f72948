import type { ToolsetConfig } from '../config/config.ts';
import type { Profile } from '../config/profiles.ts';
import type { Downstream } from '../downstream/downstream.ts';
import type { Listed } from '../downstream/lists/listing.ts';
import { META } from '../protocol/eras.ts';
import { APPS, type Extensions, isKnown } from '../protocol/extensions.ts';
import { isObject, type Params } from '../protocol/messages.ts';
import { type ParamHeader, readParamHeaders } from '../protocol/param-headers.ts';
import { IMPLEMENTATION } from '../version.ts';
import { exposeAppUris, findRoutesOfApps, showsApps } from './apps.ts';
import { timingOf } from './call-timing.ts';
import { type Effort, effortOfServer } from './effort.ts';
import { fitTool } from './fit-tool.ts';
import { writeInstructions } from './instructions.ts';
import { kept } from './kept.ts';
import type { CatalogNote, CatalogSource, OfferedTool, ToolRoute } from './offered-tool.ts';
import type { OfferedPrompt } from './prompts.ts';
import type { ResourceMap } from './resources.ts';

/** The catalog as one kind of caller meets it at one URL. Never changed: a change makes a new one. */
export interface View {
  readonly profile: Profile;
  readonly toolset: ToolsetConfig | undefined;
  readonly routes: ReadonlyMap<string, ToolRoute>;
  /** What apps mean, by the names that their servers give their tools. */
  readonly routesOfApps: ReadonlyMap<string, readonly ToolRoute[]>;
  /** By exposed name. */
  readonly prompts: ReadonlyMap<string, OfferedPrompt>;
  readonly resources: ResourceMap;
  /** Those that have a part in it, by key. */
  readonly downstreams: ReadonlyMap<string, Downstream>;
  /** Tools that this caller cannot be offered, and why. */
  readonly leftOut: readonly CatalogNote[];
  /** What the caller's model is told about the whole. */
  readonly instructions: string;
  /** What some downstream offers and this gateway relays. */
  readonly capabilities: Readonly<Record<string, object>>;
  /** There are several servers: who is asked something is told by which. */
  readonly showsOrigin: boolean;
  /** The `result` of each list that is offered, by its method. */
  readonly lists: ReadonlyMap<string, ListResult>;
}

/** Ready to send, as each era has it. */
export interface ListResult {
  readonly legacy: Buffer;
  readonly modern: Buffer;
  /** What is listed, as each era has it: for how long it is fresh is no part of that. */
  readonly content: { readonly legacy: Buffer; readonly modern: Buffer };
}

/** Of these, callers can be told that the list has changed. */
const LISTED: readonly string[] = ['tools', 'prompts', 'resources'];

/** How long a list is called fresh at most: most callers do not listen for changes. */
const MAX_TTL_MS = 60_000;

interface ViewInput {
  readonly profile: Profile;
  readonly toolset: ToolsetConfig | undefined;
  /** In the order of the list. */
  readonly tools: readonly (readonly [exposedName: string, offered: OfferedTool])[];
  readonly prompts: readonly (readonly [exposedName: string, offered: OfferedPrompt])[];
  readonly resources: ResourceMap;
  /** Why a name is not prefix and name, for those that are not. */
  readonly whyOf: ReadonlyMap<OfferedTool, string>;
  /** Those that have a part in it. */
  readonly sources: readonly CatalogSource[];
}

export function createView(input: ViewInput): View {
  const { profile, toolset, tools, resources, whyOf, sources } = input;
  const routes = new Map<string, ToolRoute>();
  const leftOut: CatalogNote[] = [];
  const efforts = new Map<Downstream, Effort>();
  for (const [exposedName, offered] of tools) {
    const { downstream, originalName, paramHeaders, argumentRules } = offered;
    const effort = kept(efforts, downstream, effortOfServer);
    const fitted = fitTool(offered.tool, profile, effort);
    const exposedParamHeaders = 'fault' in fitted ? fitted : paramHeadersOf(fitted.tool, offered);
    if ('fault' in fitted || 'fault' in exposedParamHeaders) {
      const { fault } = 'fault' in fitted ? fitted : (exposedParamHeaders as { fault: string });
      leftOut.push({ downstream: downstream.key, tool: originalName, note: fault });
      continue;
    }
    routes.set(exposedName, {
      exposedName,
      originalName,
      whyRenamed: whyOf.get(offered),
      downstream,
      paramHeaders,
      exposedParamHeaders,
      argumentRules,
      timing: timingOf(downstream.config, profile, offered.callTimeoutMs),
      retries: offered.retries,
      joinsRepeats: offered.joinsRepeats,
      tool: { ...exposeAppUris(fitted.tool, (uri) => resources.expose(downstream, uri)), name: exposedName },
      changes: [...offered.overrides, ...fitted.changes],
    });
  }
  const offeredTools = tools.map(([, offered]) => offered);
  const routesOfApps = showsApps(profile)
    ? findRoutesOfApps(offeredTools, routes)
    : new Map<string, ToolRoute[]>();
  const instructions = writeInstructions(sources, toolset?.description, profile.maxInstructionsChars);
  const prompts = new Map(input.prompts);
  const offers = {
    // Of a server that was not reached yet it is not known; where there is none, one may be added.
    tools: sources.length === 0 || sources.some(({ list }) => list?.toolless !== true),
    prompts: sources.some(({ list }) => list?.prompts !== undefined),
    resources: resources.isOffered,
    completions: sources.some(({ list }) => list?.completes),
  };
  const offered: Record<string, object> = {};
  for (const [name, isOffered] of Object.entries(offers)) {
    if (isOffered) offered[name] = LISTED.includes(name) ? { listChanged: true } : {};
  }
  if (resources.isOffered && sources.some(({ list }) => list?.subscribes)) {
    offered.resources = { subscribe: true, listChanged: true };
  }
  if (sources.some(({ list }) => list?.logs)) offered.logging = {};
  const extensions = extensionsIn(sources, routesOfApps.size > 0);
  if (extensions !== undefined) offered.extensions = extensions;
  const write = writerFor(sources);
  const lists = new Map([['tools/list', writeTools(write, routes)]]);
  if (offers.prompts) {
    const listed = [...prompts].map(([name, { prompt }]) => ({ ...prompt, name }));
    lists.set('prompts/list', write({ prompts: listed }));
  }
  if (offers.resources) {
    lists.set('resources/list', write({ resources: resources.resources }));
    lists.set('resources/templates/list', write({ resourceTemplates: resources.templates }));
  }
  const showsOrigin = sources.length > 1;
  const downstreams = new Map(sources.map(({ downstream }) => [downstream.key, downstream]));
  return {
    ...{ profile, toolset, routes, routesOfApps, prompts, resources, downstreams, leftOut },
    ...{ instructions, capabilities: offered, showsOrigin, lists },
  };
}

/**
 * What servers have beside the core of the protocol. Of the parts that are foreign to us only what a single one has: what
 * belongs to which, nobody could tell.
 */
function extensionsIn(sources: readonly CatalogSource[], hasApps: boolean): Extensions | undefined {
  const found = new Map<string, Params[]>(hasApps ? [[APPS, [{}]]] : []);
  for (const { list } of sources) {
    for (const [id, settings] of Object.entries(list?.extensions ?? {})) {
      found.set(id, [...(found.get(id) ?? []), settings]);
    }
  }
  const relayed = [...found].filter(([id, all]) => isKnown(id) || all.length === 1);
  const entries = relayed.map(([id, [settings]]) => [id, isKnown(id) ? {} : settings]);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** Where the schema stayed as it is, so do they. */
function paramHeadersOf(
  tool: Listed,
  { tool: original, paramHeaders, argumentRules }: OfferedTool,
): readonly ParamHeader[] | { readonly fault: string } {
  if (argumentRules === undefined && tool.inputSchema === original.inputSchema) return paramHeaders;
  const read = readParamHeaders(tool.inputSchema as Record<string, unknown>);
  return 'fault' in read ? { fault: `is left out: ${read.fault}.` } : read;
}

type Writer = (modern: object, legacy?: object) => ListResult;

function writerFor(sources: readonly CatalogSource[]): Writer {
  // A list that is still short is stale from the start.
  const ttls = sources.map(({ list }) => (list === undefined ? 0 : (list.ttlMs ?? MAX_TTL_MS)));
  // Spec 2026-07-28: an integer. Some servers have a fraction, for which callers reject a list.
  const ttlMs = Math.floor(Math.min(MAX_TTL_MS, ...ttls));
  // What was listed with our credentials is for those who hold our token.
  const hints = { ttlMs, cacheScope: 'private', _meta: { [META.serverInfo]: IMPLEMENTATION } };
  // They stand at the end, with a comma for their brace.
  const hintBytes = asBytes(hints).length;
  return (given, givenLegacy = given) => {
    const legacy = asBytes(givenLegacy);
    const modern = asBytes({ resultType: 'complete', ...given, ...hints });
    return { legacy, modern, content: { legacy, modern: modern.subarray(0, -hintBytes) } };
  };
}

function writeTools(write: Writer, routes: ReadonlyMap<string, ToolRoute>): ListResult {
  const tools = [...routes.values()].map((route) => route.tool);
  return write({ tools }, { tools: tools.map(toLegacy) });
}

const asBytes = (result: object) => Buffer.from(JSON.stringify(result), 'utf8');

/** The tool as legacy revisions allow it: SDKs insist on output of type "object", and on schemas that are objects. */
function toLegacy(tool: Listed): Listed {
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
