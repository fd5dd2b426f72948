import { isTooDeep, type Listing } from '../downstream/lists/listing.ts';
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

/** Of one server: far more than means something to any caller, and little enough that many such can be read again. */
export const MAX_ENTRY_CHARS = 32 * 1024 * 1024;
/** Down to the items of a list, of which each has one line: indented, a schema that is nested deep is mostly spaces. */
const ENTRY_LEVELS = 3;

/** @param written  by key, what `writeEntry` made */
export function writeCatalog(written: ReadonlyMap<string, string>): string {
  const servers = [...written].map(([key, text]) => `${JSON.stringify(key)}: ${text}`);
  const members = [
    `"about": ${JSON.stringify(ABOUT)}`,
    `"format": ${FORMAT}`,
    `"servers": ${inLines('{}', servers, '  ')}`,
  ];
  return `${inLines('{}', members, '')}\n`;
}

/** Undefined where it is too long to be kept. */
export function writeEntry({ accepted, ...entry }: Entry): string | undefined {
  const whole = accepted === undefined ? entry : { ...entry, accepted: writeAccepted(accepted, entry.list) };
  let text: string;
  try {
    text = write(whole, ENTRY_LEVELS, '    ');
  } catch (error) {
    // No text can be so long.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  return text.length > MAX_ENTRY_CHARS ? undefined : text;
}

/** JSON, whose outer levels have a line for each member. */
function write(value: object, levels: number, indent: string): string {
  const inner = (member: unknown) =>
    levels > 1 && typeof member === 'object' && member !== null
      ? write(member, levels - 1, `${indent}  `)
      : JSON.stringify(member);
  if (Array.isArray(value)) return inLines('[]', value.map(inner), indent);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return inLines(
    '{}',
    members.map(([key, member]) => `${JSON.stringify(key)}: ${inner(member)}`),
    indent,
  );
}

function inLines(brackets: string, members: readonly string[], indent: string): string {
  if (members.length === 0) return brackets;
  return `${brackets[0]}\n${members.map((member) => `${indent}  ${member}`).join(',\n')}\n${indent}${brackets[1]}`;
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
