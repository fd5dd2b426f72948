import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ServerEntry } from '../downstreams/downstream.ts';
import { programOf } from '../program.ts';
import type { Era } from './usual.ts';

/** One thing that a script of a child does. In what is written, `%answer` is the right answer and `%id` its id. */
export type StdioStep =
  | { readonly write: string }
  | { readonly bytes: readonly number[] }
  | { readonly times: number; readonly piece: string; readonly to: 'stdout' | 'stderr' }
  | { readonly does: 'exit' | 'die' | 'close stdout' | 'read no more' };

export interface EvilChild extends AsyncDisposable {
  entry(extra?: ServerEntry): ServerEntry;
  /** Scripts from the next request on, by method; with none it is as good a server as any. */
  script(on: Readonly<Record<string, readonly StdioStep[]>>): void;
  /** Of all its processes so far. */
  readonly pids: readonly number[];
}

const source = fileURLToPath(new URL('./stdio-child.ts', import.meta.url));

/** A server on stdio that answers by scripts. Nothing runs until someone starts the entry. */
export function evilChild(era: Era): EvilChild {
  const folder = mkdtempSync(join(tmpdir(), 'evil-'));
  const [scriptFile, pidFile] = [join(folder, 'script.json'), join(folder, 'pids')];
  const script = (on: object) => writeFileSync(scriptFile, JSON.stringify(on));
  script({});
  writeFileSync(pidFile, '');
  return {
    entry: (extra = {}) => ({
      command: process.execPath,
      args: [programOf(source), scriptFile, pidFile, era],
      ...extra,
    }),
    script,
    get pids() {
      return readFileSync(pidFile, 'utf8').split('\n').filter(Boolean).map(Number);
    },
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
