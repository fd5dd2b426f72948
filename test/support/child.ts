import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';

export interface ChildOptions {
  readonly cwd?: string;
  /** The whole environment but for PATH: nothing of the test run leaks in. */
  readonly env?: Readonly<Record<string, string>>;
  /** Adds an IPC channel. */
  readonly ipc?: boolean;
  /** What it reads from; default: a pipe. */
  readonly stdin?: Socket;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child process that is watched and, at the end of the test, ended with everything that it started. */
export interface Child extends AsyncDisposable {
  readonly process: ChildProcess;
  /** So far. */
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: Promise<Exit>;
  /**
   * Waits for a line of output.
   *
   * @throws when the child ends without it
   */
  waitFor(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpMatchArray>;
}

/** What a test run that is cut short has still to end. */
const running = new Set<number | undefined>();
process.once('exit', () => {
  for (const pid of running) endGroup(pid);
});

/** Starts `node` with these arguments in a process group of its own. */
export function startNode(args: readonly string[], options: ChildOptions = {}): Child {
  return startProgram(process.execPath, args, options);
}

/** The same for any other. */
export function startProgram(program: string, args: readonly string[], options: ChildOptions = {}): Child {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { PATH: process.env.PATH, ...options.env },
    stdio: [options.stdin ?? 'pipe', 'pipe', 'pipe', ...(options.ipc ? (['ipc'] as const) : [])],
    detached: true,
  });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
      child.emit('output');
    });
  }
  running.add(child.pid);
  // A child that is gone closes its stdin; writing to it must not end the test process.
  child.stdin?.on('error', () => {});
  const exit = once(child, 'close').then(([code, signal]): Exit => {
    running.delete(child.pid);
    return { code, signal };
  });
  return {
    process: child,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    exit,
    async waitFor(stream, pattern) {
      for (;;) {
        const match = output[stream].match(pattern);
        if (match) return match;
        const ended = await Promise.race([exit, once(child, 'output').then(() => undefined)]);
        if (ended && !pattern.test(output[stream])) {
          throw new Error(
            `the process ended (${ended.code ?? ended.signal}) without ${pattern}:\n${output.stderr}`,
          );
        }
      }
    },
    async [Symbol.asyncDispose]() {
      endGroup(child.pid);
      await exit;
    },
  };
}

/** True while a process of this id runs; one that has ended and was not yet collected by its parent does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Already gone.
  }
}
