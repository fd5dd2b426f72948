import { isTooDeep, type Listing } from '../downstream/listing.ts';
import { isObject } from '../protocol/messages.ts';
import { digestOf } from './digest.ts';
import {
  type Accepted,
  type AcceptedDefinition,
  definitionsIn,
  isUnread,
  KINDS,
  type Kind,
} from './weigh.ts';

/** What the catalog file has of one downstream. */
export interface Entry {
  /** Which server it was: after a change of its url or command, the list is another's. */
  server: string;
  listedAt: string;
  /** As the server gave it last. */
  list: Listing;
  /** Absent where nothing is held against it. */
  accepted?: Accepted;
}

const ABOUT =
  'The last good list of each server behind mcp-switchboard, and what was accepted of it. Made by it; deleted, it is made anew, and what servers list then is accepted.';
const FORMAT = 1;

export function writeCatalog(entries: ReadonlyMap<string, Entry>): string {
  const servers = [...entries].map(([key, { accepted, ...entry }]) => [
    key,
    accepted === undefined ? entry : { ...entry, accepted: writeAccepted(accepted, entry.list) },
  ]);
  return `${JSON.stringify({ about: ABOUT, format: FORMAT, servers: Object.fromEntries(servers) }, null, 2)}\n`;
}

/** By kind and name the digest, and the definition where the list has another. */
function writeAccepted({ definitions }: Accepted, list: Listing): object {
  return Object.fromEntries(
    KINDS.flatMap((kind) => {
      const accepted = definitions[kind];
      if (accepted === undefined) return [];
      const listed = byName(list, kind);
      const written = [...accepted].map(([name, { digest, definition }]) => [
        name,
        listed.get(name)?.digest === digest ? { digest } : { digest, definition },
      ]);
      return [[kind, Object.fromEntries(written)]];
    }),
  );
}

function byName(list: Listing, kind: Kind): Map<string, AcceptedDefinition> {
  const named = new Map<string, AcceptedDefinition>();
  for (const definition of definitionsIn(list, kind)) {
    const { name } = definition;
    if (typeof name === 'string' && !named.has(name)) {
      named.set(name, { digest: digestOf(definition), definition });
    }
  }
  return named;
}

/**
 * @returns the entries that can be used, by key, and the keys of those that cannot; undefined for what is no such file
 */
export function readCatalog(text: string): { entries: Map<string, Entry>; wrong: string[] } | undefined {
  const content = parse(text);
  if (!isObject(content) || content.format !== FORMAT || !isObject(content.servers)) return undefined;
  const entries = new Map<string, Entry>();
  const wrong: string[] = [];
  for (const [key, entry] of Object.entries(content.servers)) {
    if (!isEntry(entry)) {
      wrong.push(key);
      continue;
    }
    const { server, listedAt, list } = entry;
    entries.set(key, { server, listedAt, list, accepted: readAccepted(server, list, entry.accepted) });
  }
  return { entries, wrong };
}

/** Of a file that has none, all that is listed: it was served. What does not match its digest was edited, and is not used. */
function readAccepted(server: string, list: Listing, written: unknown): Accepted {
  const definitions: Partial<Record<Kind, ReadonlyMap<string, AcceptedDefinition>>> = {};
  for (const kind of KINDS) {
    const listed = byName(list, kind);
    const given = isObject(written) ? written[kind] : undefined;
    if (!isObject(given)) {
      if (!isUnread(list, kind)) definitions[kind] = listed;
      continue;
    }
    const kept = new Map<string, AcceptedDefinition>();
    definitions[kind] = kept;
    for (const [name, item] of Object.entries(given)) {
      if (!isObject(item)) continue;
      const definition = isObject(item.definition) ? item.definition : listed.get(name)?.definition;
      if (definition === undefined || isTooDeep(definition) || definition.name !== name) continue;
      if (digestOf(definition) === item.digest) kept.set(name, { digest: item.digest, definition });
    }
  }
  return { server, definitions };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Somebody may have edited it: what is wrong is not used. */
function isEntry(value: unknown): value is Entry & Record<string, unknown> {
  if (!isObject(value) || typeof value.server !== 'string' || !isObject(value.list)) return false;
  const {
    tools,
    prompts = [],
    resources = [],
    resourceTemplates = [],
    extensions = {},
    unreadPrompts = true,
    ttlMs,
    instructions,
    warnings,
  } = value.list;
  return (
    [tools, prompts, resources, resourceTemplates].every(isList) &&
    (ttlMs === undefined || (typeof ttlMs === 'number' && ttlMs >= 0)) &&
    isObject(extensions) &&
    unreadPrompts === true &&
    (instructions === undefined || typeof instructions === 'string') &&
    Array.isArray(warnings) &&
    warnings.every((warning) => typeof warning === 'string')
  );
}

function isList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => isObject(item) && !isTooDeep(item));
}
