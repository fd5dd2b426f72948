import { readFileSync, statSync, unwatchFile, watchFile } from 'node:fs';
import { rename, rm, stat, writeFile } from 'node:fs/promises';
import type { DownstreamConfig } from '../config/config.ts';
import type { Downstream } from '../downstream/downstream.ts';
import type { Listing } from '../downstream/listing.ts';
import type { Logger } from '../log.ts';
import { type Entry, readCatalog, writeCatalog } from './catalog-text.ts';
import { identityOf } from './identity.ts';
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
  let entries = read(file, isKept ? log : undefined);
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
      version = (await replaceFile(file, writeCatalog(current()), version)) ?? version;
      if (version === versionOf(file)) return;
    }
  }

  function current(): Map<string, Entry> {
    const [downstreams, acceptedOf] = latest;
    const known = new Map(downstreams.map((downstream) => [downstream.key, downstream]));
    const now = keys.flatMap((key): [string, Entry][] => {
      const { config, listing } = known.get(key) ?? {};
      const earlier = entries.get(key);
      if (config === undefined || listing === undefined) {
        const isOfAnother = config !== undefined && earlier?.server !== identityOf(config);
        return earlier === undefined || isOfAnother ? [] : [[key, earlier]];
      }
      const isSame = earlier?.list === listing;
      const listedAt = isSame ? earlier.listedAt : new Date().toISOString();
      const itsAccepted = config.definitionChanges === 'off' ? undefined : acceptedOf(key);
      return [
        [
          key,
          {
            ...{ server: identityOf(config), listedAt, list: listing },
            ...(itsAccepted !== undefined && { accepted: itsAccepted }),
          },
        ],
      ];
    });
    entries = new Map(now);
    return entries;
  }

  function hearOthers(): void {
    const found = versionOf(file);
    if (found === version || found === undefined) return;
    version = found;
    onApproved?.(acceptedIn(read(file, undefined)));
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
    accepted,
    save(...given) {
      latest = given;
      keys = given[0].map(({ key }) => key);
      saveSoon();
    },
    watch(callback) {
      onApproved = callback;
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

/** What tells a file from one that has replaced it; undefined where there is none. */
export function versionOf(file: string): string | undefined {
  try {
    const { ino, mtimeMs, size } = statSync(file);
    return `${ino} ${mtimeMs} ${size}`;
  } catch {
    return undefined;
  }
}

/**
 * Whoever reads it meets the old file or the new one, and never a half.
 *
 * @param replaces  the version that it is made from
 * @returns the new version; undefined where the file was another by now, and was left alone
 */
export async function replaceFile(
  file: string,
  text: string,
  replaces: string | undefined,
): Promise<string | undefined> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    // What a server lists for our credentials is for its operator.
    await writeFile(temporary, text, { mode: 0o600 });
    const { ino, mtimeMs, size } = await stat(temporary);
    if (versionOf(file) !== replaces) {
      await rm(temporary, { force: true });
      return undefined;
    }
    await rename(temporary, file);
    return `${ino} ${mtimeMs} ${size}`;
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

function read(file: string, log: Logger | undefined): Map<string, Entry> {
  // What a parser says quotes the text, and in a foreign file that can be anything.
  const warn = (why: string) =>
    log?.warn({ event: 'catalog_not_read' }, `${file} ${why}; the lists are made anew, and it is replaced.`);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code = '' } = error as { code?: string };
    if (!ABSENT.has(code)) warn(`cannot be read (${code})`);
    return new Map();
  }
  const found = readCatalog(text);
  if (found === undefined) {
    warn('is not a file of lists as this version writes it');
    return new Map();
  }
  const { entries, wrong } = found;
  if (wrong.length > 0)
    warn(`has no list that can be used of ${wrong.map((key) => JSON.stringify(key)).join(', ')}`);
  return entries;
}

/** ENOTDIR: where its folder should be is a file. Both are told when it cannot be written. */
const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR']);
