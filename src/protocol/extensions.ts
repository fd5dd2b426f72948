import { isObject, type Params } from './messages.ts';

/**
 * Optional parts of the protocol by their identifiers, each with its settings.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning#extension-negotiation
 */
export type Extensions = Readonly<Record<string, Params>>;

export const APPS = 'io.modelcontextprotocol/ui';
export const TASKS = 'io.modelcontextprotocol/tasks';

/** Those that this gateway knows and has a part in. Of all others it passes on what nobody has to rewrite. */
const KNOWN: ReadonlySet<string> = new Set([APPS, TASKS]);

/** Told to servers where no caller is involved yet: some list their apps only to who can show them. */
export const LISTED_FOR: Extensions = { [APPS]: { mimeTypes: ['text/html;profile=mcp-app'] } };

const IDENTIFIER = /^[a-z](?:[a-z0-9.-]*[a-z0-9])?\/[a-z0-9](?:[\w.-]*[a-z0-9])?$/i;
/** More than anybody declares; it is kept in the id of a session, which is a header, and told with every request. */
const MAX_BYTES = 4096;

/** Those in somebody's capabilities; undefined where there are none. */
export function extensionsOf(capabilities: unknown): Extensions | undefined {
  const declared = isObject(capabilities) ? capabilities.extensions : undefined;
  if (!isObject(declared)) return undefined;
  const entries = Object.entries(declared).filter(
    (entry): entry is [string, Params] => IDENTIFIER.test(entry[0]) && isObject(entry[1]),
  );
  if (entries.length === 0) return undefined;
  const extensions = Object.fromEntries(entries);
  return Buffer.byteLength(JSON.stringify(extensions)) <= MAX_BYTES ? extensions : undefined;
}

/** Of what a caller declared, what its server has as well. Whether one has apps, servers need not say. */
export function sharedExtensions(
  declared: Extensions | undefined,
  offered: Extensions | undefined,
): Extensions | undefined {
  if (declared === undefined) return undefined;
  const shared = Object.entries(declared).filter(([id]) => id === APPS || offered?.[id] !== undefined);
  return shared.length === 0 ? undefined : Object.fromEntries(shared);
}

/** Whether it is one that this gateway has a part in. */
export const isKnown = (id: string) => KNOWN.has(id);

export function hasForeign(extensions: Extensions | undefined): boolean {
  return extensions !== undefined && !Object.keys(extensions).every(isKnown);
}

/** Whether a key of `_meta` is one of an extension: its identifier, or of the same vendor where that is not MCP itself. */
export function isMetaOf(extensions: Extensions, key: string): boolean {
  return Object.keys(extensions).some((id) => {
    const vendor = id.slice(0, id.indexOf('/') + 1);
    return key === id || (key.startsWith(vendor) && !isReserved(vendor));
  });
}

/** Of a prefix that belongs to MCP: `io.modelcontextprotocol/`, `dev.mcp/`, `com.mcp.tools/`. */
export function isReserved(key: string): boolean {
  return /^[\w-]+\.(?:modelcontextprotocol|mcp)(?:\.[\w.-]+)?\//i.test(key);
}
