// What a process costs a processor, counted by valgrind's callgrind: as much on a busy machine as on a quiet one.

import { execFile, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Why nothing can be counted here, where it cannot. */
export function whyNotCountable(): string | undefined {
  return spawnSync('valgrind', ['--version']).error === undefined ? undefined : 'valgrind is not installed';
}

/** As most cores of servers have them: two of 32 KiB, one of code and one of data, and one of 1 MiB behind both. */
const CACHES = ['--cache-sim=yes', '--I1=32768,8,64', '--D1=32768,8,64', '--LL=1048576,8,64'];

/**
 * The command for Node of which `countEvents` counts, in the same directory.
 *
 * @param isSimulated  caches and the guessing of branches as well, which takes half as long again
 */
export function countable(directory: string, node: string, isSimulated: boolean): string[] {
  const file = `--callgrind-out-file=${join(directory, 'callgrind.%p')}`;
  // Threads apart, since compiling beside the work is none of it; and so is all of the garbage collection in the one counted.
  return [
    ...['valgrind', '--tool=callgrind', '--instr-atstart=no', '--separate-threads=yes', file],
    ...(isSimulated ? [...CACHES, '--branch-sim=yes'] : []),
    ...[node, '--single-threaded-gc'],
  ];
}

/** How many of each, by callgrind's names. */
export type Events = ReadonlyMap<string, number>;

/** Each command writes one file more. */
const written = new Map<number, number>();

/**
 * Of its main thread in user space, while this is done: `Ir` is instructions, and where it is simulated `I1mr` is reads of
 * code that the first cache does not have, `Bcm` branches guessed wrongly, and so on.
 *
 * @param isSimulated  what is simulated begins empty: the work is done once before it is counted
 * @throws where the process is not countable
 */
export async function countEvents(
  directory: string,
  pid: number,
  isSimulated: boolean,
  work: () => Promise<unknown>,
): Promise<Events> {
  await control('--instr=on', pid);
  if (isSimulated) {
    await work();
    await control('--zero', pid);
  }
  await work();
  await control('--instr=off', pid);
  await control('--dump', pid);
  const n = (written.get(pid) ?? 0) + 1;
  written.set(pid, n);
  const text = await readFile(join(directory, `callgrind.${pid}.${n}-01`), 'latin1');
  const [, names] = /^events: (.+)/m.exec(text) ?? [];
  const [, totals] = /^totals: (.+)/m.exec(text) ?? [];
  if (names === undefined || totals === undefined) throw new Error(`callgrind counted nothing of ${pid}`);
  const numbers = totals.split(' ').map(Number);
  return new Map(names.split(' ').map((name, at) => [name, numbers[at] ?? 0]));
}

async function control(command: string, pid: number): Promise<void> {
  await promisify(execFile)('callgrind_control', [command, String(pid)]);
}
