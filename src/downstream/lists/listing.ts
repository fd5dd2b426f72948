import type { Limits } from '../../config/config.ts';
import { DownstreamFailure } from '../../errors.ts';
import { formatBytes } from '../../format-bytes.ts';
import { type Extensions, extensionsOf } from '../../protocol/extensions.ts';
import { isObject, type Params, RPC } from '../../protocol/messages.ts';
import { ask, Refused } from '../ask.ts';
import { whatHappened } from '../causes.ts';
import type { Connection } from '../connection.ts';

/** Anything exactly as its downstream listed it. Nothing about it is certain yet, not even that it has a name. */
export type Listed = Record<string, unknown>;

/** All that one downstream offers. */
export interface Listing {
  tools: readonly Listed[];
  /** Absent, as the two below, where it does not offer the kind at all. */
  prompts?: readonly Listed[];
  resources?: readonly Listed[];
  resourceTemplates?: readonly Listed[];
  /** It says that it has no tools, and never will: its list of them is empty for want of one. */
  toolless?: true;
  /** Its prompts could not be listed so far: nobody knows which it has. */
  unreadPrompts?: true;
  /** It completes arguments. */
  completes?: true;
  /** It tells when a resource changes. */
  subscribes?: true;
  /** It logs to who asks for it. */
  logs?: true;
  /** It has the tasks of 2025-11-25 for tools, which have nothing but the name in common with the extension. */
  earlierTasks?: true;
  /** Optional parts of the protocol that it has. */
  extensions?: Extensions;
  /** How long the downstream calls its lists fresh; undefined when it does not say. */
  ttlMs: number | undefined;
  /** What the downstream tells models about itself. */
  instructions: string | undefined;
  /** What was odd about the listing, in sentences. */
  warnings: readonly string[];
}

/** How far a list is read, and for how long. */
export type ListLimits = Pick<Limits, 'maxPages' | 'maxItems' | 'maxResultBytes'> & {
  readonly listTimeoutMs: number;
};

/** Who waits for a list waits for tools. */
const SHARE_OF_OTHERS = 0.5;
/** Deeper than any schema means something, and far from where writing it out would overflow the stack. */
const MAX_DEPTH = 128;

/** Whether it is too deep to be listed, kept or compared. */
export function isTooDeep(item: unknown): boolean {
  return nestsDeeper(item, MAX_DEPTH);
}

interface Kind {
  readonly field: 'tools' | 'prompts' | 'resources' | 'resourceTemplates';
  readonly method: string;
  /** As a person calls one. */
  readonly noun: string;
}

const TOOLS: Kind = { field: 'tools', method: 'tools/list', noun: 'tool' };
const PROMPTS: Kind = { field: 'prompts', method: 'prompts/list', noun: 'prompt' };
const RESOURCES: Kind = { field: 'resources', method: 'resources/list', noun: 'resource' };
const TEMPLATES: Kind = {
  field: 'resourceTemplates',
  method: 'resources/templates/list',
  noun: 'resource template',
};

/**
 * Asks a downstream for all that it says it has. Without its tools there is no listing; of what else cannot be listed,
 * `earlier` stands.
 *
 * Asked over the link, as calls are: the SDK's client rejects a whole list for one malformed item, in the modern era
 * whatever schema it is asked with.
 *
 * @throws DownstreamFailure, Refused  the tools could not be listed
 */
export async function readListing(
  connection: Connection,
  key: string,
  limits: ListLimits,
  earlier: Listing | undefined,
): Promise<Listing> {
  const warnings: string[] = [];
  const capabilities = connection.client.getServerCapabilities() ?? {};
  const { tools, prompts, resources, completions, logging } = capabilities;
  const extensions = extensionsOf(capabilities);
  const ofOthers = { ...limits, listTimeoutMs: limits.listTimeoutMs * SHARE_OF_OTHERS };
  const further = (kind: Kind, capability: object | undefined) =>
    capability === undefined
      ? undefined
      : readPages(connection, key, kind, ofOthers, warnings).catch((error: unknown) => {
          // Many servers have resources and do not know the method for templates.
          if (error instanceof Refused && error.code === RPC.methodNotFound) return NONE;
          const why = error instanceof DownstreamFailure ? whatHappened(error) : (error as Error).message;
          warnings.push(`Its ${kind.noun} list could not be read: ${why}`);
          return { items: earlier?.[kind.field] ?? [], ttlMs: undefined, hasFailed: true };
        });
  // A server without the capability has no tools, and may not know the method.
  const [listed, ...others] = await Promise.all([
    tools === undefined ? NONE : readPages(connection, key, TOOLS, limits, warnings),
    further(PROMPTS, prompts),
    further(RESOURCES, resources),
    further(TEMPLATES, resources),
  ]);
  const [promptList, resourceList, templateList] = others;
  const wereUnread = earlier?.prompts === undefined || earlier.unreadPrompts === true;
  const ttls = [listed, ...others].flatMap((list) => list?.ttlMs ?? []);
  return {
    tools: listed.items,
    ...(promptList !== undefined && { prompts: promptList.items }),
    ...(resourceList !== undefined && { resources: resourceList.items }),
    ...(templateList !== undefined && { resourceTemplates: templateList.items }),
    ...(tools === undefined && { toolless: true as const }),
    ...(promptList?.hasFailed === true && wereUnread && { unreadPrompts: true as const }),
    ...(completions !== undefined && { completes: true }),
    ...(resources?.subscribe === true && { subscribes: true as const }),
    ...(logging !== undefined && { logs: true }),
    ...(connection.link.era === 'legacy' && runsTasks(capabilities) && { earlierTasks: true as const }),
    ...(extensions !== undefined && { extensions }),
    ttlMs: ttls.length === 0 ? undefined : Math.min(...ttls),
    instructions: connection.client.getInstructions(),
    warnings,
  };
}

function runsTasks({ tasks }: Params): boolean {
  const requests = isObject(tasks) ? tasks.requests : undefined;
  return isObject(requests) && isObject(requests.tools) && isObject(requests.tools.call);
}

interface Pages {
  readonly items: readonly Listed[];
  readonly ttlMs: number | undefined;
  /** These are those of before. */
  readonly hasFailed?: boolean;
}

const NONE: Pages = { items: [], ttlMs: undefined };

/**
 * Reads all pages of one list. One that does not end is cut, with a warning: a server that ignores the cursor repeats
 * its first page for ever, and that page is good.
 */
async function readPages(
  connection: Connection,
  key: string,
  { field, method, noun }: Kind,
  { maxPages, maxItems, maxResultBytes, listTimeoutMs }: ListLimits,
  warnings: string[],
): Promise<Pages> {
  const items: Listed[] = [];
  const seenCursors = new Set<string>();
  const deadline = performance.now() + listTimeoutMs;
  let ttlMs: number | undefined;
  let cursor: string | undefined;
  let tooDeep = 0;
  let chars = 0;
  for (let page = 1; ; page++) {
    const params = cursor === undefined ? {} : { cursor };
    const leftMs = Math.max(Math.round(deadline - performance.now()), 1);
    const result = await ask(connection, key, method, params, leftMs, 'reads');
    const given = result[field];
    const listed: unknown[] = Array.isArray(given) ? given : [];
    // Such a one could not be written, and what is compared and kept is written.
    const kept = listed.filter((item) => !isTooDeep(item));
    tooDeep += listed.length - kept.length;
    for (const item of kept) items.push(isObject(item) ? item : {});
    // 1e999 is read as Infinity, and written as null: the list could not be kept.
    if (Number.isFinite(result.ttlMs) && (result.ttlMs as number) >= 0)
      ttlMs = Math.min(ttlMs ?? Infinity, result.ttlMs as number);
    const next = result.nextCursor;
    // Many servers write null for none. The empty string is a cursor like any other, a number is not.
    if (next === undefined || next === null) break;
    if (typeof next !== 'string') {
      warnings.push(`The ${noun} list was taken to end after page ${page}: its next cursor is not a string.`);
      break;
    }
    // A catalog is made of all of it at once, and nothing else runs meanwhile. One page alone is no larger.
    for (const item of kept) chars += JSON.stringify(item).length;
    const isTooLarge = chars > maxResultBytes;
    if (isTooLarge || seenCursors.has(next) || page === maxPages || items.length > maxItems) {
      const what = isTooLarge
        ? `is larger than ${formatBytes(maxResultBytes)} (limits.maxResultBytes)`
        : 'does not end';
      warnings.push(`The ${noun} list ${what}; it was cut after page ${page} with ${items.length} ${noun}s.`);
      break;
    }
    seenCursors.add(next);
    cursor = next;
  }
  if (tooDeep > 0)
    warnings.push(`${tooDeep} of its ${noun}s are left out: nested deeper than ${MAX_DEPTH} levels.`);
  return { items: items.slice(0, maxItems), ttlMs };
}

function nestsDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => nestsDeeper(inner, levels - 1));
}
