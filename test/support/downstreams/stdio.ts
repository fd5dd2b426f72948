import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isAlive } from '../child.ts';
import { programOf } from '../program.ts';
import type { ServerEntry } from './downstream.ts';
import type { StdioEvent } from './stdio/record.ts';

/** Each is a script in `stdio/`, and says there what is special about it. */
export type StdioFlavour =
  | 'tells'
  | 'v1'
  | 'v2'
  | 'v2-modern'
  | 'alone'
  | 'asks'
  | 'late'
  | 'whole'
  | 'ends-listening'
  | 'exits-on-probe'
  | 'garbles'
  | 'noisy'
  | 'dies'
  | 'unruly'
  | 'grandchild'
  | 'stubborn'
  | 'tasks';

export interface StdioDownstream extends AsyncDisposable {
  /** What to write into servers.json: command, args, and the env that the record needs. */
  entry(extra?: ServerEntry): ServerEntry;
  /** What its processes wrote down so far, oldest first. */
  readonly events: StdioEvent[];
  /** Every process that was ever started from the entry, with the processes that those started. */
  readonly pids: number[];
}

/** A server over stdio. Nothing runs until someone starts the entry; what is left running is ended with the test. */
export function stdioServer(flavour: StdioFlavour): StdioDownstream {
  const folder = mkdtempSync(join(tmpdir(), 'stdio-fixture-'));
  const record = join(folder, 'events.jsonl');
  const program = programOf(fileURLToPath(new URL(`./stdio/${flavour}.ts`, import.meta.url)));
  return {
    entry: ({ env, ...extra } = {}) => ({
      command: process.execPath,
      args: [program],
      env: { FIXTURE_EVENTS: record, ...(env as object) },
      ...extra,
    }),
    get events() {
      return readEvents(record);
    },
    get pids() {
      return readEvents(record).flatMap((event) => ('pid' in event ? [event.pid] : []));
    },
    async [Symbol.asyncDispose]() {
      for (const pid of this.pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function readEvents(file: string): StdioEvent[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  } catch {
    // Nothing was started yet.
    return [];
  }
}
