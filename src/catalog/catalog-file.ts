import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import type { Config, DownstreamConfig } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import { identityOf } from '../config/identity.ts';
import type { Downstream } from '../downstream/downstream.ts';
import type { Listing } from '../downstream/lists/listing.ts';
import { formatBytes } from '../format-bytes.ts';
import type { Logger } from '../log.ts';
import { type Entry, MAX_ENTRY_CHARS, readCatalog, writeCatalog, writeEntry } from './catalog-text.ts';
import { replaceFile, versionOf } from './replace-file.ts';
import type { Accepted } from './weigh.ts';

/**
 * The last good list of each downstream, and what was accepted of it, on disk: a restart serves them before any
 * downstream has answered.
 */
export interface CatalogFile {
  /** The lists of those entries that are still the same servers, by key. */
  readonly restored: ReadonlyMap<string, Listing>;
  readonly accepted: ReadonlyMap<string, Accepted>;
  /** Writes down what there is now; soon, and once for many calls. */
  save(downstreams: readonly Downstream[], acceptedOf: (key: string) => Accepted | undefined): void;
  /** Calls back with what is accepted by a file that somebody else has written. */
  watch(onApproved: (accepted: ReadonlyMap<string, Accepted>) => void): void;
  /** Resolves when what was to be saved is. */
  close(): Promise<void>;
}

/** Lists arrive together at the start. */
const SAVE_DELAY_MS = 250;
/** Looked at like this it does not matter how it is replaced, or on what kind of disk it is. */
const WATCH_MS = 1000;
/** Another who writes at the same moment is heard first. */
const MAX_ATTEMPTS = 5;

const NONE: CatalogFile = {
  restored: new Map(),
  accepted: new Map(),
  save: () => {},
  watch: () => {},
  close: async () => {},
};

/**
 * @param path    undefined: nothing is kept
 * @param isKept  false: it is read for what was accepted, and left as it is
 */
export function openCatalogFile(
  path: string | undefined,
  configs: readonly DownstreamConfig[],
  log: Logger,
  isKept = true,
): CatalogFile {
  if (path === undefined) return NONE;
  const file = path;
  let found = read(file);
  let { entries } = found;
  if (isKept && found.isOurs && found.problem !== undefined) {
    log.warn(
      { event: 'catalog_not_read' },
      `${file} ${found.problem}; the lists are made anew, and it is replaced.`,
    );
  }
  const restored = new Map<string, Listing>();
  const accepted = acceptedIn(entries);
  for (const config of configs) {
    const entry = entries.get(config.key);
    if (entry?.server === identityOf(config)) restored.set(config.key, entry.list);
    else entries.delete(config.key);
  }
  if (!isKept) return { ...NONE, accepted };
  let keys = configs.map(({ key }) => key);

  let timer: NodeJS.Timeout | undefined;
  let latest: Parameters<CatalogFile['save']> = [[], () => undefined];
  let writing = Promise.resolve();
  let hasFailed = false;
  const tooLong = new Set<string>();
  let onApproved: Parameters<CatalogFile['watch']>[0] | undefined;
  /** The file as it was read or written last. */
  let version = versionOf(file);

  function flush(): void {
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(write).catch(onFailed);
  }

  async function write(): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      hearOthers();
      if (!found.isOurs) return notSaved(`${found.problem}, and is left as it is`);
      version = (await replaceFile(file, writeCatalog(current()), version)) ?? version;
      if (version === versionOf(file)) return;
    }
  }

  /** The entries as they are now, written. One that is too long would keep all of them from being kept. */
  function current(): Map<string, string> {
    const known = new Map(latest[0].map((downstream) => [downstream.key, downstream]));
    const now = new Map<string, Entry>();
    const written = new Map<string, string>();
    for (const key of keys) {
      for (const entry of entriesFor(known.get(key), entries.get(key))) {
        const text = writeEntry(entry);
        if (text === undefined) {
          onTooLong(key, known.get(key)?.config);
          continue;
        }
        now.set(key, entry);
        written.set(key, text);
        break;
      }
    }
    entries = now;
    return written;
  }

  /** The best first: that of now, or as much of it as there is room for. */
  function entriesFor(downstream: Downstream | undefined, earlier: Entry | undefined): Entry[] {
    if (downstream === undefined) return earlier === undefined ? [] : [earlier];
    const { key, config, listing, listedBy } = downstream;
    const server = identityOf(listing === undefined ? config : listedBy);
    const kept = earlier?.server === server ? [earlier] : [];
    if (listing === undefined) return kept;
    const isSame = earlier?.list === listing;
    const listedAt = isSame ? earlier.listedAt : new Date().toISOString();
    const known = latest[1](key);
    const itsAccepted = known?.server === server ? { accepted: known } : {};
    return [
      { server, listedAt, list: listing, ...itsAccepted },
      ...kept.map((entry) => ({ ...entry, ...itsAccepted })),
      ...kept,
    ];
  }

  function hearOthers(): void {
    const present = versionOf(file);
    if (present === version) return;
    version = present;
    found = read(file);
    // Where it was deleted, what was accepted stays so, and is written down with the next list.
    if (present !== undefined) onApproved?.(acceptedIn(found.entries));
  }

  function onFailed(error: unknown): void {
    const { code, message } = error as { code?: string; message: string };
    notSaved(`cannot be written (${code ?? message})`, code);
  }

  function notSaved(problem: string, code?: string): void {
    if (hasFailed) return;
    hasFailed = true;
    const fields = { event: 'catalog_not_saved', code };
    const why = `for the next start: ${file} ${problem}. Name another place with catalogFile`;
    if (latest[0].some(({ config }) => isBlocking(config)))
      log.error(fields, `What was accepted is not kept ${why}.`);
    // A read-only disk is no fault: the lists are served, they are only not there at the next start.
    else log.warn(fields, `The lists are not kept ${why}, or "" for none.`);
  }

  function onTooLong(key: string, config: DownstreamConfig | undefined): void {
    if (tooLong.has(key)) return;
    tooLong.add(key);
    const level = config !== undefined && isBlocking(config) ? 'error' : 'warn';
    log[level](
      { event: 'catalog_not_saved', downstream: key },
      `"${key}" lists more than is kept for the next start (${formatBytes(MAX_ENTRY_CHARS)}): what was kept of it before stays.`,
    );
  }

  function saveSoon(): void {
    timer ??= setTimeout(flush, SAVE_DELAY_MS);
  }

  // A server that was removed leaves it, though no list may change for weeks.
  if ([...entries.keys()].some((key) => !keys.includes(key))) saveSoon();

  return {
    restored,
    accepted,
    save(...given) {
      latest = given;
      keys = given[0].map(({ key }) => key);
      saveSoon();
    },
    watch(callback) {
      onApproved = callback;
      // Asked again, at each reload, it is looked at no more often.
      unwatchFile(file, hearOthers);
      watchFile(file, { interval: WATCH_MS, persistent: false }, hearOthers);
    },
    async close() {
      unwatchFile(file, hearOthers);
      flush();
      await writing;
    },
  };
}

const acceptedIn = (entries: ReadonlyMap<string, Entry>) =>
  new Map([...entries].flatMap(([key, { accepted }]) => (accepted === undefined ? [] : [[key, accepted]])));

/**
 * Where changes are blocked, a file that cannot be used is told at the start: without what was approved, anything would
 * be.
 *
 * @throws ConfigError
 */
export function requireApprovals({ file, catalogFile, downstreams }: Config): void {
  const blocking = downstreams.filter(isBlocking);
  if (catalogFile === undefined || blocking.length === 0) return;
  const { problem, isLost } = read(catalogFile);
  if (problem === undefined || !blocking.some(({ key }) => isLost(key))) return;
  const remedy =
    problem === FOREIGN
      ? 'name another place'
      : `put ${catalogFile} right, or delete it to accept what servers say at the next start`;
  const message = `${problem}, and "definitionChanges": "block" keeps in it what was accepted; ${remedy}`;
  throw new ConfigError(file, [{ path: 'catalogFile', message }]);
}

const isBlocking = ({ definitionChanges }: DownstreamConfig) => definitionChanges === 'block';

interface Found {
  readonly entries: Map<string, Entry>;
  /** It has lists, or what was one, or nothing: what else it may be is not written over. */
  readonly isOurs: boolean;
  /** Why it cannot be used, or not all of it. */
  readonly problem?: string;
  /** Whether it may have held something of this downstream that cannot be used. */
  isLost(key: string): boolean;
}

function read(file: string): Found {
  // What a parser says quotes the text, and in a foreign file that can be anything.
  const unusable = (problem: string, isOurs: boolean) => ({
    ...{ entries: new Map(), isOurs, problem },
    isLost: () => true,
  });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code = '' } = error as { code?: string };
    return ABSENT.has(code)
      ? { entries: new Map(), isOurs: true, isLost: () => false }
      : unusable(`cannot be read (${code})`, false);
  }
  const found = readCatalog(text);
  if (found === undefined)
    return text.trim() === '' || OURS.test(text)
      ? unusable('is not a file of lists as this version writes it', true)
      : unusable(FOREIGN, false);
  const { entries, wrong } = found;
  const isLost = (key: string) => wrong.includes(key);
  if (wrong.length === 0) return { entries, isOurs: true, isLost };
  const keys = wrong.map((key) => JSON.stringify(key)).join(', ');
  return { entries, isOurs: true, problem: `has no list that can be used of ${keys}`, isLost };
}

const FOREIGN = 'is not a file of lists';
/** How each of them begins, of this version or another. */
const OURS = /^\s*\{\s*"about":\s*"[^"]*mcp-switchboard/;
/** ENOTDIR: where its folder should be is a file. Both are told when it cannot be written. */
const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR']);
