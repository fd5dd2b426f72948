import { createHash } from 'node:crypto';
import { type FSWatcher, readFileSync, realpathSync, statSync, watch } from 'node:fs';
import { dirname } from 'node:path';

/** Files whose contents are of interest, whichever way they are replaced. */
export interface WatchedFiles {
  /** From now on it is these, with what they hold. */
  watch(files: ReadonlyMap<string, string>): void;
  /** Whether one of them holds something else. */
  haveChanged(): boolean;
  close(): void;
}

/** Who saves a file does so in several steps. */
const SETTLE_MS = 200;

/**
 * Watches the folders that the files are in: editors rename a new file over the old one, and Kubernetes exchanges a link
 * to a folder beside it.
 *
 * @param onChange  one of them holds something else
 * @param onBlind   this folder cannot be watched
 */
export function watchFiles(onChange: () => void, onBlind: (folder: string) => void): WatchedFiles {
  const watchers = new Map<string, FSWatcher>();
  let held: ReadonlyMap<string, string> = new Map();
  let timer: NodeJS.Timeout | undefined;

  const haveChanged = () => [...held].some(([file, digest]) => digestOf(file) !== digest);

  function onEvent(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      if (haveChanged()) onChange();
    }, SETTLE_MS).unref();
  }

  function open(folder: string): FSWatcher | undefined {
    try {
      const watcher = watch(folder, { persistent: false }, onEvent);
      watcher.on('error', () => {
        watcher.close();
        watchers.delete(folder);
      });
      return watcher;
    } catch (error) {
      // A folder that is not there yet is no fault of this machine's.
      if ((error as { code?: string }).code !== 'ENOENT') onBlind(folder);
      return undefined;
    }
  }

  return {
    watch(files) {
      held = files;
      const folders = new Set([...files.keys()].flatMap(foldersOf));
      for (const [folder, watcher] of watchers) {
        if (folders.has(folder)) continue;
        watcher.close();
        watchers.delete(folder);
      }
      for (const folder of folders) {
        if (watchers.has(folder)) continue;
        const watcher = open(folder);
        if (watcher !== undefined) watchers.set(folder, watcher);
      }
      // What has come between the reading and the watching.
      onEvent();
    },
    haveChanged,
    close() {
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}

/** Its own, and that of the file it leads to. */
function foldersOf(file: string): string[] {
  try {
    return [dirname(file), dirname(realpathSync(file))];
  } catch {
    return [dirname(file)];
  }
}

/** A pipe is read once, and not by this. */
export function digestOf(file: string): string {
  try {
    return statSync(file).isFile() ? createHash('sha256').update(readFileSync(file)).digest('base64') : '';
  } catch (error) {
    return String((error as { code?: string }).code);
  }
}
