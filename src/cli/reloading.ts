import { basename } from 'node:path';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import { type Differences, isSame } from '../config/differences.ts';
import type { Logger } from '../log.ts';
import { UsageError } from './usage-error.ts';
import { digestOf, watchFiles } from './watch.ts';

/** What a gateway is run by. */
export interface Settings {
  readonly config: Config;
  readonly token: string;
}

/** @param onFile  told each file that it depends on, before that is read */
export type ReadSettings = (onFile: (path: string) => void) => Settings;

/** Keeps in force what the files say. */
export interface Reloading {
  readonly config: Config;
  /** Reads them again, changed or not. */
  reload(): void;
  /** A downstream does not take what it is sent: where that has changed, it is read again. */
  reloadIfChanged(): void;
  close(): void;
}

/** A downstream that refuses us does so for every call. */
const LOOK_AGAIN_MS = 60_000;

/** Reads the settings and remembers what the files held that they came from. */
export function readWithFiles(read: ReadSettings): {
  files: ReadonlyMap<string, string>;
  settings: Settings | Error;
} {
  const files = new Map<string, string>();
  try {
    return { files, settings: read((file) => void files.set(file, digestOf(file))) };
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof UsageError)) throw error;
    return { files, settings: error };
  }
}

/**
 * Reads the files again when they change. What cannot be used leaves in force what is.
 *
 * @param first  what is in force, and the files that it came from
 */
export function reloadOnChange(
  gateway: { reload(config: Config, token: string): Promise<Differences> },
  first: { files: ReadonlyMap<string, string>; settings: Settings },
  read: ReadSettings,
  log: Logger,
): Reloading {
  let { config } = first.settings;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let isReloading = false;
  let isAskedAgain = false;
  let isClosed = false;
  const watched = watchFiles(reload, (folder) =>
    log.warn(
      { event: 'not_watched' },
      `Changes in the folder of ${basename(folder)} are not noticed: send SIGHUP to have the files read again.`,
    ),
  );
  watched.watch(first.files);

  function reload(): void {
    if (isClosed) return;
    // Of what is saved while a change takes over, only the last counts: each costs connections, and processes.
    isAskedAgain = isReloading;
    if (isReloading) return;
    const { files, settings } = readWithFiles(read);
    watched.watch(files);
    if (settings instanceof Error) {
      log.error({ event: 'reload_failed' }, settings.message);
      return;
    }
    isReloading = true;
    void gateway
      .reload(settings.config, settings.token)
      .then((changes) => {
        if (isClosed) return;
        ({ config } = settings);
        log.info({ event: 'reloaded', ...changes }, sentenceOf(config.file, changes));
      })
      .catch((err) => {
        if (err instanceof ConfigError) log.error({ event: 'reload_failed' }, err.message);
        else log.error({ event: 'reload_failed', err }, 'the new configuration could not be applied');
      })
      .finally(() => {
        isReloading = false;
        if (isAskedAgain) reload();
      });
  }

  return {
    get config() {
      return config;
    },
    reload,
    reloadIfChanged() {
      const now = performance.now();
      if (now - lookedAt < LOOK_AGAIN_MS) return;
      lookedAt = now;
      if (watched.haveChanged()) reload();
    },
    close() {
      isClosed = true;
      watched.close();
    },
  };
}

function sentenceOf(file: string, changes: Differences): string {
  const { added, removed, reconnected, reshaped, settings, nextStart } = changes;
  if (isSame(changes)) return `${file} was read again: nothing is different`;
  const parts: [what: string, keys: readonly string[]][] = [
    ['added', added],
    ['removed', removed],
    ['connected anew', reconnected],
    ['shown otherwise', reshaped],
    ['changed', settings],
    ['counts at the next start', nextStart],
  ];
  const told = parts
    .filter(([, keys]) => keys.length > 0)
    .map(([what, keys]) => `${what}: ${keys.join(', ')}`);
  return `${file} was read again; ${told.join('; ')}`;
}
