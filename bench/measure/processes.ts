// The processes of one run: started on one core, their output kept for the day one of them fails, ended by pid.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Listening } from '../targets/child.ts';
import { countable } from './callgrind.ts';

export const projectDirectory = join(import.meta.dirname, '../..');

export interface Child {
  readonly pid: number;
  readonly process: ChildProcess;
  /** Its last lines, for a message about its failure. */
  output(): string;
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly args: readonly string[];
  /** Node, where nothing is said. */
  readonly program?: string;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

export interface Launcher {
  /** One of the benchmark's own programs, and the ports it reports. */
  startServer(
    name: string,
    file: string,
    args: readonly string[],
  ): Promise<{ child: Child; ports: readonly number[] }>;
  /** One of the benchmark's own programs. */
  startOwn(name: string, file: string, args?: readonly string[]): Child;
  /** A program with these arguments. */
  start(name: string, options: StartOptions): Child;
  stopAll(): Promise<void>;
}

export interface LauncherOptions {
  /** For the output of the processes. */
  readonly directory: string;
  /** The core they all run on. */
  readonly core: number | undefined;
  /** Where to leave their CPU profiles, in a folder for each name. Absolute. */
  readonly profileDirectory: string | undefined;
  readonly how?: How;
}

/**
 * What those that are Node can do beside their work: `collectable`, collect their garbage when they are asked to, by SIGUSR2;
 * `countable`, have their instructions counted, which makes them some fifteen times slower; `simulated`, what caches and
 * branches cost them, too.
 */
export type How = 'collectable' | 'countable' | 'simulated';

const collector = "data:text/javascript,process.on('SIGUSR2', () => globalThis.gc())";

/** Of all launchers: they end with this process, however it ends. */
const everyProcess: ChildProcess[] = [];
process.on('exit', () => {
  for (const child of everyProcess) child.kill('SIGKILL');
});

export function createLauncher({ directory, core, profileDirectory, how }: LauncherOptions): Launcher {
  const children: Child[] = [];

  function start(
    name: string,
    { args, program = process.execPath, env = {}, cwd = projectDirectory }: StartOptions,
    ipc: boolean,
  ): Child {
    const file = join(directory, `${name}.log`);
    const log = openSync(file, 'a');
    const command = [...(program === process.execPath ? nodeFor(name) : [program]), ...args];
    if (core !== undefined) command.unshift('taskset', '-c', String(core));
    const [first = '', ...rest] = command;
    const child = spawn(first, rest, {
      cwd,
      // Little of our own environment: a LOG_LEVEL or NODE_OPTIONS from a shell would be measured too.
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', log, log, ...(ipc ? (['ipc'] as const) : [])],
    });
    closeSync(log);
    const started = {
      pid: child.pid ?? 0,
      process: child,
      output: () => tail(file),
      stop: () => stop(child),
    };
    children.push(started);
    everyProcess.push(child);
    return started;
  }

  function nodeFor(name: string): string[] {
    const node = process.execPath;
    if (how === 'countable' || how === 'simulated') return countable(directory, node, how === 'simulated');
    if (profileDirectory !== undefined)
      return [node, '--cpu-prof', `--cpu-prof-dir=${join(profileDirectory, name)}`];
    return how === 'collectable' ? [node, '--expose-gc', '--import', collector] : [node];
  }

  const startOwn: Launcher['startOwn'] = (name, file, args = []) =>
    start(name, { args: ['--import', 'tsx', join(import.meta.dirname, '..', file), ...args] }, true);

  return {
    startOwn,
    start: (name, options) => start(name, options, false),
    async startServer(name, file, args) {
      const child = startOwn(name, file, args);
      const ended = once(child.process, 'exit').then(() => undefined);
      const message = await Promise.race([once(child.process, 'message'), ended]);
      if (message === undefined) throw new Error(`${name} did not start:\n${child.output()}`);
      const [listening] = message as [Listening];
      return { child, ports: listening.ports };
    },
    async stopAll() {
      await Promise.all(children.map((child) => child.stop()));
    },
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(late);
}

/** Of the whole of it no text could be made: a line for each of some million calls is more than one may hold. */
function tail(file: string): string {
  const log = openSync(file, 'r');
  const last = Buffer.alloc(16 * 1024);
  const bytes = readSync(log, last, 0, last.length, Math.max(0, fstatSync(log).size - last.length));
  closeSync(log);
  return last.toString('utf8', 0, bytes).trimEnd().split('\n').slice(-20).join('\n');
}

/** A core this process may use, if processes can be held on one here. */
export function findCore(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const allowed = /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  const core = Number(allowed?.split(/[,-]/).at(-1));
  return spawnSync('taskset', ['-c', String(core), 'true']).status === 0 ? core : undefined;
}
