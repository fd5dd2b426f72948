import { isObject } from '../protocol/messages.ts';
import { ask } from './ask.ts';
import type { Connection } from './connection.ts';

/** A tool exactly as its downstream listed it. Nothing about it is certain yet, not even that it has a name. */
export type ListedTool = Record<string, unknown>;

export interface ToolList {
  tools: readonly ListedTool[];
  /** How long the downstream calls its list fresh; undefined when it does not say. */
  ttlMs: number | undefined;
  /** What the downstream tells models about itself. */
  instructions: string | undefined;
  /** What was odd about the listing, in sentences. */
  warnings: readonly string[];
}

const MAX_PAGES = 64;
const MAX_TOOLS = 10_000;
const LIST_TIMEOUT_MS = 10_000;
/** Deeper than any schema means something, and far from where writing it out would overflow the stack. */
const MAX_DEPTH = 128;

/** Whether it is too deep to be listed, kept or compared. */
export function isTooDeep(tool: unknown): boolean {
  return nestsDeeper(tool, MAX_DEPTH);
}

/**
 * Reads all pages of a downstream's tools. A list that does not end is cut, with a warning: a server that ignores the
 * cursor repeats its first page for ever, and that page is good.
 *
 * Asked over the link, as calls are: the SDK's client rejects a whole list for one malformed tool, in the modern era
 * whatever schema it is asked with.
 */
export async function listTools({ client, link }: Connection, key: string): Promise<ToolList> {
  const tools: ListedTool[] = [];
  const warnings: string[] = [];
  const seenCursors = new Set<string>();
  const deadline = performance.now() + LIST_TIMEOUT_MS;
  let ttlMs: number | undefined;
  let cursor: string | undefined;
  let tooDeep = 0;
  // A server without the capability has no tools, and may not know the method.
  const instructions = client.getInstructions();
  if (client.getServerCapabilities()?.tools === undefined) return { tools, ttlMs, instructions, warnings };

  for (let page = 1; ; page++) {
    const params = cursor === undefined ? {} : { cursor };
    const result = await ask(link, key, 'tools/list', params, Math.max(deadline - performance.now(), 1));
    for (const tool of Array.isArray(result.tools) ? result.tools : []) {
      // Such a one could not be written, and what is compared and kept is written.
      if (isTooDeep(tool)) tooDeep++;
      else tools.push(isObject(tool) ? tool : {});
    }
    if (typeof result.ttlMs === 'number' && result.ttlMs >= 0)
      ttlMs = Math.min(ttlMs ?? Infinity, result.ttlMs);
    const next = result.nextCursor;
    // Many servers write null for none. The empty string is a cursor like any other, a number is not.
    if (next === undefined || next === null) break;
    if (typeof next !== 'string') {
      warnings.push(`The tool list was taken to end after page ${page}: its next cursor is not a string.`);
      break;
    }
    if (seenCursors.has(next) || page === MAX_PAGES || tools.length > MAX_TOOLS) {
      warnings.push(`The tool list does not end; it was cut after page ${page} with ${tools.length} tools.`);
      break;
    }
    seenCursors.add(next);
    cursor = next;
  }
  if (tooDeep > 0)
    warnings.push(`${tooDeep} of its tools are left out: nested deeper than ${MAX_DEPTH} levels.`);
  return { tools: tools.slice(0, MAX_TOOLS), ttlMs, instructions, warnings };
}

function nestsDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => nestsDeeper(inner, levels - 1));
}
