import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';

const STDERR_TAIL_CHARACTERS = 4000;
const running = new Set<ChildProcess>();

// However this process ends, nothing that it started stays behind.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface Child {
  readonly exited: Promise<void>;
  hasExited(): boolean;
  /** The end of what it wrote to stderr. */
  stderr(): string;
  /** @returns when it is gone: asked first, killed after `graceMs` */
  stop(graceMs: number): Promise<void>;
}

/** Starts this Node with `args`; stdout is thrown away. */
export function startNode(args: readonly string[], options: SpawnOptions = {}): Child {
  const child = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  running.add(child);
  let tail = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    tail = (tail + chunk).slice(-STDERR_TAIL_CHARACTERS);
  });
  const exited = once(child, 'exit').then(() => {
    running.delete(child);
  });
  return {
    exited,
    hasExited: () => !running.has(child),
    stderr: () => tail,
    async stop(graceMs) {
      if (!running.has(child)) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await exited;
      clearTimeout(timer);
    },
  };
}
