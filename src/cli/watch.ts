import { hash } from 'node:crypto';
import { type FSWatcher, readFileSync, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { trace } from '../config/links.ts';

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
 * Watches folders: editors rename a new file over the old one, and Kubernetes and deployments exchange a link to a folder
 * that is on the way to it.
 *
 * @param onChange  one of them holds something else
 * @param onBlind   this folder, which one of them is in, cannot be watched; told once
 */
export function watchFiles(onChange: () => void, onBlind: (folder: string) => void): WatchedFiles {
  let watchers: FSWatcher[] = [];
  const blind = new Set<string>();
  let held: ReadonlyMap<string, string> = new Map();
  let timer: NodeJS.Timeout | undefined;

  const haveChanged = () => [...held].some(([file, digest]) => digestOf(file) !== digest);

  function onEvent(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      // A watcher stays with its folder, also where another one has taken its place.
      open();
      if (haveChanged()) onChange();
    }, SETTLE_MS).unref();
  }

  function close(): void {
    for (const watcher of watchers) watcher.close();
    watchers = [];
  }

  function follow(path: string, names?: ReadonlySet<string>): void {
    const watcher = watch(path, { persistent: false }, (_event, name) => {
      if (name === null || names?.has(name) !== false) onEvent();
    });
    watcher.on('error', () => watcher.close());
    watchers.push(watcher);
  }

  function open(): void {
    close();
    for (const [folder, { names, files }] of foldersOf(held.keys())) {
      try {
        follow(folder, names);
      } catch (error) {
        // A folder that is not there yet is no fault of this machine's.
        const isAbsent = (error as { code?: string }).code === 'ENOENT';
        if (files.size > 0 && !isAbsent && !blind.has(folder)) {
          blind.add(folder);
          onBlind(folder);
        }
      }
      for (const file of files) {
        try {
          // One that is mounted by itself, as Docker does, is written by way of another folder.
          follow(file);
        } catch {
          // Not there yet, or there is no room for it: that of its folder is what counts.
        }
      }
    }
  }

  return {
    watch(files) {
      held = files;
      open();
      // What has come between the reading and the watching.
      onEvent();
    },
    haveChanged,
    close() {
      clearTimeout(timer);
      close();
    },
  };
}

interface Folder {
  /** Where something else has one of these names, a file is another. */
  readonly names: Set<string>;
  /** Those that are followed, and not a link or a folder on the way to them. */
  readonly files: Set<string>;
}

/** The files, the folders that they are in, and every link on the way there, by the folder that each stands in. */
function foldersOf(files: Iterable<string>): Map<string, Folder> {
  const folders = new Map<string, Folder>();
  function add(path: string): Folder {
    const at = dirname(path);
    const folder = folders.get(at) ?? { names: new Set<string>(), files: new Set<string>() };
    folders.set(at, folder);
    folder.names.add(basename(path));
    return folder;
  }
  for (const file of files) {
    const { links, end } = trace(file);
    for (const path of [...links, dirname(end)]) add(path);
    add(end).files.add(end);
  }
  return folders;
}

/** A pipe is read once, and not by this. */
export function digestOf(file: string): string {
  try {
    return statSync(file).isFile() ? hash('sha256', readFileSync(file), 'base64') : '';
  } catch (error) {
    return String((error as { code?: string }).code);
  }
}
