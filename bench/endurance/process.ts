import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { token } from '../scene.ts';

/** What the process of a gateway holds after its garbage was collected. */
export interface Sample {
  /** Without compiled code, of which there is more for a long time, and then less. */
  readonly heapBytes: number;
  /** Sockets, timers, pipes, processes. */
  readonly handles: number;
  /** Everything that is not over: requests, calls, listeners, questions. */
  readonly waiting: number;
}

export interface Ask {
  readonly id: number;
  readonly does: 'sample' | 'reload';
  readonly file?: string;
}

export interface GatewayProcess extends AsyncDisposable {
  /** Ends in `/mcp`. */
  readonly url: string;
  readonly pid: number;
  /** Whether it has ended, of which nothing was asked. */
  readonly hasDied: boolean;
  sample(): Promise<Sample>;
  /** Other contents of servers.json. */
  reload(servers: object): Promise<void>;
}

interface Options {
  /** Default: silent. */
  readonly level?: string;
  /** What it writes to stderr. Default: passed on. */
  readonly onStderr?: (text: string) => void;
}

const program = fileURLToPath(new URL('./gateway.ts', import.meta.url));

/** Starts a gateway with these contents of servers.json, and waits until every downstream was tried. */
export async function startGatewayProcess(servers: object, options: Options = {}): Promise<GatewayProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'endurance-'));
  const write = (contents: object, name: string) => {
    const path = join(folder, name);
    writeFileSync(path, JSON.stringify({ catalogFile: '', ...contents }));
    return path;
  };
  const child = fork(program, [write(servers, 'servers.json'), token, options.level ?? 'silent'], {
    execArgv: ['--import', 'tsx', '--expose-gc'],
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  const onStderr = options.onStderr ?? ((text: string) => void process.stderr.write(text));
  child.stderr?.setEncoding('utf8').on('data', onStderr);
  const ended = once(child, 'exit');
  const waiting = new Map<number, { resolve(sample: Sample): void; reject(error: Error): void }>();
  let asked = 0;
  const url = await new Promise<string>((resolve, reject) => {
    child.on('message', (told: { url?: string; id?: number; sample: Sample }) => {
      if (told.url !== undefined) return resolve(told.url);
      waiting.get(told.id as number)?.resolve(told.sample);
      waiting.delete(told.id as number);
    });
    child.once('exit', (code, signal) => {
      const error = new Error(`the gateway ended with ${code ?? signal}`);
      reject(error);
      for (const asked of waiting.values()) asked.reject(error);
    });
  });
  const ask = (does: Ask['does'], file?: string) =>
    new Promise<Sample>((resolve, reject) => {
      const id = ++asked;
      waiting.set(id, { resolve, reject });
      child.send({ id, does, file } as Ask, (error) => error !== null && reject(error));
    });
  return {
    url,
    pid: child.pid as number,
    get hasDied() {
      return child.exitCode !== null || child.signalCode !== null;
    },
    sample: () => ask('sample'),
    reload: async (contents) => void (await ask('reload', write(contents, 'changed.json'))),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}
