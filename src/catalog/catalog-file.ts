import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import type { DownstreamConfig } from '../config/config.ts';
import type { Downstream } from '../downstream/downstream.ts';
import { isTooDeep, type Listing } from '../downstream/listing.ts';
import type { Logger } from '../log.ts';
import { isObject } from '../protocol/messages.ts';

/** The last good list of each downstream, on disk: a restart serves them before any downstream has answered. */
export interface CatalogFile {
  /** The lists of those entries that are still the same servers, by key. */
  readonly restored: ReadonlyMap<string, Listing>;
  /** Writes down what there is now; soon, and once for many calls. */
  save(downstreams: readonly Downstream[]): void;
  /** Resolves when what was to be saved is. */
  close(): Promise<void>;
}

const ABOUT =
  'The last good list of each server behind mcp-switchboard. Made by it; may be deleted at any time.';
const FORMAT = 1;
/** Lists arrive together at the start. */
const SAVE_DELAY_MS = 250;

interface Entry {
  /** Which server it was: after a change of its url or command, the list is another's. */
  server: string;
  listedAt: string;
  list: Listing;
}

/** @param path  undefined: nothing is kept */
export function openCatalogFile(
  path: string | undefined,
  configs: readonly DownstreamConfig[],
  log: Logger,
): CatalogFile {
  if (path === undefined) return { restored: new Map(), save: () => {}, close: async () => {} };
  const file = path;
  const entries = read(file, log);
  const restored = new Map<string, Listing>();
  for (const config of configs) {
    const entry = entries.get(config.key);
    if (entry?.server === identityOf(config)) restored.set(config.key, entry.list);
    else entries.delete(config.key);
  }
  const keys = configs.map(({ key }) => key);

  let timer: NodeJS.Timeout | undefined;
  let latest: readonly Downstream[] = [];
  let writing = Promise.resolve();
  let hasFailed = false;

  function flush(): void {
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    for (const { key, config, listing } of latest) {
      if (listing === undefined || entries.get(key)?.list === listing) continue;
      entries.set(key, { server: identityOf(config), listedAt: new Date().toISOString(), list: listing });
    }
    const known = keys.flatMap((key) => {
      const entry = entries.get(key);
      return entry === undefined ? [] : [[key, entry] as const];
    });
    const text = `${JSON.stringify({ about: ABOUT, format: FORMAT, servers: Object.fromEntries(known) }, null, 2)}\n`;
    writing = writing.then(() => replace(file, text)).catch(onFailed);
  }

  function onFailed(error: unknown): void {
    // A read-only disk is no fault: the lists are served, they are only not there at the next start.
    if (!hasFailed) {
      const { code } = error as { code?: string };
      log.warn(
        { event: 'catalog_not_saved', code },
        `The lists are not kept for the next start: ${file} cannot be written (${code}). Name another place with catalogFile, or "" for none.`,
      );
    }
    hasFailed = true;
  }

  function saveSoon(): void {
    timer ??= setTimeout(flush, SAVE_DELAY_MS);
  }

  // A server that was removed leaves it, though no list may change for weeks.
  if ([...entries.keys()].some((key) => !keys.includes(key))) saveSoon();

  return {
    restored,
    save(downstreams) {
      latest = downstreams;
      saveSoon();
    },
    async close() {
      flush();
      await writing;
    },
  };
}

/** Whoever reads it meets the old file or the new one, and never a half. */
async function replace(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    // What a server lists for our credentials is for its operator.
    await writeFile(temporary, text, { mode: 0o600 });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

function read(file: string, log: Logger): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  // What a parser says quotes the text, and in a foreign file that can be anything.
  const warn = (why: string) =>
    log.warn({ event: 'catalog_not_read' }, `${file} ${why}; the lists are made anew, and it is replaced.`);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code = '' } = error as { code?: string };
    if (!ABSENT.has(code)) warn(`cannot be read (${code})`);
    return entries;
  }
  const content = parse(text);
  if (!isObject(content) || content.format !== FORMAT || !isObject(content.servers)) {
    warn('is not a file of lists as this version writes it');
    return entries;
  }
  const wrong: string[] = [];
  for (const [key, entry] of Object.entries(content.servers)) {
    if (isEntry(entry)) entries.set(key, entry);
    else wrong.push(JSON.stringify(key));
  }
  if (wrong.length > 0) warn(`has no list that can be used of ${wrong.join(', ')}`);
  return entries;
}

/** ENOTDIR: where its folder should be is a file. Both are told when it cannot be written. */
const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR']);

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
    ttlMs,
    instructions,
    warnings,
  } = value.list;
  return (
    [tools, prompts, resources, resourceTemplates].every(isList) &&
    (ttlMs === undefined || (typeof ttlMs === 'number' && ttlMs >= 0)) &&
    isObject(extensions) &&
    (instructions === undefined || typeof instructions === 'string') &&
    Array.isArray(warnings) &&
    warnings.every((warning) => typeof warning === 'string')
  );
}

function isList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => isObject(item) && !isTooDeep(item));
}

/** Digested, since a url or an argument may hold a secret. */
function identityOf(config: DownstreamConfig): string {
  const identity = config.kind === 'http' ? config.url : JSON.stringify([config.command, ...config.args]);
  return createHash('sha256').update(identity).digest('hex').slice(0, 16);
}
