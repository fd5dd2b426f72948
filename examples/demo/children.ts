/** The processes that the demo starts, and ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Something the person at the terminal can put right: printed as a sentence, without a stack. */
export class DemoProblem extends Error {}

export interface Children {
  /** Runs `node` with these arguments. With `ipc` the child can send messages here. */
  start(name: string, args: string[], options?: { env?: NodeJS.ProcessEnv; ipc?: boolean }): ChildProcess;
  /** Ends every child, and resolves when all are gone. */
  stop(): Promise<void>;
  /** Rejects when a child ends that nobody asked to end, with the last lines it wrote. */
  readonly failed: Promise<never>;
}

export function createChildren(): Children {
  const running = new Set<ChildProcess>();
  let stopping = false;
  let fail: (problem: DemoProblem) => void;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {});

  return {
    failed,

    start(name, args, { env, ipc } = {}) {
      const child = spawn(process.execPath, args, {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])],
      });
      running.add(child);
      let lastWords = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        lastWords = (lastWords + text).slice(-2000);
      });
      child.once('close', (code, signal) => {
        running.delete(child);
        const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
        const problem = new DemoProblem(`${name} ${how}.\n\n${lastWords}`.trimEnd());
        // Ctrl-C reaches the children as well, sometimes before it reaches us: then this is no failure.
        setTimeout(() => stopping || fail(problem), 300);
      });
      return child;
    },

    async stop() {
      stopping = true;
      await Promise.all(
        [...running].map(async (child) => {
          const closed = once(child, 'close');
          child.kill('SIGTERM');
          const impatient = setTimeout(() => child.kill('SIGKILL'), 3000);
          await closed;
          clearTimeout(impatient);
        }),
      );
    },
  };
}
