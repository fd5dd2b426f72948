import type { Downstream } from '../downstream/downstream.ts';
import type { ListedTool, ToolList } from '../downstream/list-tools.ts';
import { META } from '../protocol/eras.ts';
import type { ParamHeader } from '../protocol/param-headers.ts';
import { IMPLEMENTATION } from '../version.ts';
import { judgeTool, toLegacy } from './judge-tool.ts';
import { exposedNames } from './names.ts';

/** Where a call to an exposed tool goes. */
export interface ToolRoute {
  readonly exposedName: string;
  readonly originalName: string;
  readonly downstream: Downstream;
  /** Arguments that are mirrored into headers, on both faces. */
  readonly paramHeaders: readonly ParamHeader[];
  /** The tool as callers see it: as listed, under its exposed name. */
  readonly tool: ListedTool;
}

/** Something about a tool that its operator should know, in a sentence. */
export interface CatalogNote {
  readonly downstream: string;
  readonly tool: string;
  readonly note: string;
}

/** The merged picture of everything the downstreams offer. Never changed: a change makes a new one. */
export interface Catalog {
  readonly routes: ReadonlyMap<string, ToolRoute>;
  readonly notes: readonly CatalogNote[];
  /** The `result` of tools/list, ready to send, as each era has it. */
  readonly listResult: { readonly legacy: Buffer; readonly modern: Buffer };
}

export interface CatalogSource {
  readonly downstream: Downstream;
  /** Undefined while the downstream has not given one yet. */
  readonly list: ToolList | undefined;
}

interface Candidate {
  downstream: Downstream;
  originalName: string;
  tool: ListedTool;
  paramHeaders: readonly ParamHeader[];
  names: readonly string[];
  /** The first of its names is prefix + original name, unchanged. */
  isPlain: boolean;
}

/** How long a list is called fresh at most: callers cannot be told of a change yet. */
const MAX_TTL_MS = 60_000;

/**
 * Merges the lists of all downstreams: in the order of the file, then by name. Two tools that would bear the same name
 * are told apart by rule and never by arrival: unchanged names come before changed ones, an earlier entry of the file
 * before a later one; the other tool gets its hash, and a note says so.
 */
export function merge(sources: readonly CatalogSource[]): Catalog {
  const notes: CatalogNote[] = [];
  const candidates = sources.flatMap((source) => readTools(source, notes));
  const nameOf = new Map<Candidate, string>();
  const taken = new Map<string, Candidate>();
  for (const candidate of [...candidates.filter((c) => c.isPlain), ...candidates.filter((c) => !c.isPlain)]) {
    const name = candidate.names.find((option) => !taken.has(option));
    if (name === undefined) {
      notes.push(noteOn(candidate, 'is left out: every name it could have is taken.'));
      continue;
    }
    taken.set(name, candidate);
    nameOf.set(candidate, name);
    const rival = taken.get(candidate.names[0] as string);
    if (rival !== undefined && rival !== candidate) {
      notes.push(
        noteOn(
          candidate,
          `is exposed as ${name}: "${rival.downstream.key}" already has ${candidate.names[0]}.`,
        ),
      );
    } else if (!candidate.isPlain) {
      notes.push(
        noteOn(candidate, `is exposed as ${name}: names have up to 64 of the characters a-z A-Z 0-9 _ -.`),
      );
    }
  }
  const routes = new Map<string, ToolRoute>();
  for (const candidate of candidates) {
    const exposedName = nameOf.get(candidate);
    if (exposedName === undefined) continue;
    const { downstream, originalName, paramHeaders, tool } = candidate;
    routes.set(exposedName, {
      exposedName,
      originalName,
      downstream,
      paramHeaders,
      tool: { ...tool, name: exposedName },
    });
  }
  return { routes, notes, listResult: writeLists(routes, sources) };
}

const noteOn = ({ downstream, originalName }: Candidate, note: string): CatalogNote => ({
  downstream: downstream.key,
  tool: originalName,
  note,
});

/** The tools of one downstream that can be offered, by name. One bad tool costs one tool. */
function readTools({ downstream, list }: CatalogSource, notes: CatalogNote[]): Candidate[] {
  if (list === undefined) return [];
  const { key, config } = downstream;
  const byName = new Map<string, Candidate>();
  for (const [index, tool] of list.tools.entries()) {
    const leaveOut = (note: string) =>
      notes.push({
        downstream: key,
        tool: typeof tool.name === 'string' ? tool.name : `#${index + 1}`,
        note,
      });
    const judgement = judgeTool(tool);
    if ('fault' in judgement) {
      leaveOut(judgement.fault);
      continue;
    }
    if (byName.has(judgement.name)) {
      leaveOut('is listed twice; the first one counts.');
      continue;
    }
    const { name: originalName, paramHeaders } = judgement;
    const names = exposedNames(key, config.prefix, originalName);
    const isPlain = names[0] === config.prefix + originalName;
    byName.set(originalName, { downstream, originalName, tool, paramHeaders, names, isPlain });
  }
  return [...byName.values()].sort((a, b) => (a.originalName < b.originalName ? -1 : 1));
}

function writeLists(
  routes: ReadonlyMap<string, ToolRoute>,
  sources: readonly CatalogSource[],
): Catalog['listResult'] {
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
