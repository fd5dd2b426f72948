// Instructions of a process, counted by valgrind's callgrind. They are as many on a busy machine as on a quiet one.

import { execFile, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Why nothing can be counted here, where it cannot. */
export function whyNotCountable(): string | undefined {
  return spawnSync('valgrind', ['--version']).error === undefined ? undefined : 'valgrind is not installed';
}

/** The command for Node of which `countInstructions` counts, in the same directory. */
export function countable(directory: string, node: string): string[] {
  const file = `--callgrind-out-file=${join(directory, 'callgrind.%p')}`;
  // Threads apart, since compiling beside the work is none of it; and so is all of the garbage collection in the one counted.
  return [
    ...['valgrind', '--tool=callgrind', '--instr-atstart=no', '--separate-threads=yes', file],
    ...[node, '--single-threaded-gc'],
  ];
}

/** Each command writes one file more. */
const written = new Map<number, number>();

/**
 * How many instructions its main thread takes in user space while this is done.
 *
 * @throws where the process is not countable
 */
export async function countInstructions(
  directory: string,
  pid: number,
  work: () => Promise<unknown>,
): Promise<number> {
  await control('--instr=on', pid);
  await work();
  await control('--instr=off', pid);
  await control('--dump', pid);
  const n = (written.get(pid) ?? 0) + 1;
  written.set(pid, n);
  const text = await readFile(join(directory, `callgrind.${pid}.${n}-01`), 'latin1');
  const [, total] = /^totals: (\d+)/m.exec(text) ?? [];
  if (total === undefined) throw new Error(`callgrind counted nothing of ${pid}`);
  return Number(total);
}

async function control(command: string, pid: number): Promise<void> {
  await promisify(execFile)('callgrind_control', [command, String(pid)]);
}
