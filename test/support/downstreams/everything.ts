import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { startNode } from '../child.ts';
import type { ServerEntry } from './downstream.ts';

const script = join(
  dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/package.json')),
  'dist/index.js',
);

/** The entry that starts the official everything server over stdio; whoever starts it ends it. */
export function everythingEntry(extra: ServerEntry = {}): ServerEntry {
  return { command: process.execPath, args: [script, 'stdio'], ...extra };
}

export interface EverythingServer extends AsyncDisposable {
  readonly url: string;
  entry(extra?: ServerEntry): ServerEntry;
}

/** The official everything server over Streamable HTTP with sessions, in a child process. */
export async function everythingServer(): Promise<EverythingServer> {
  const preload = new URL('./loopback-preload.mjs', import.meta.url).href;
  const child = startNode(['--import', preload, script, 'streamableHttp'], { ipc: true });
  const early = child.exit.then(() => {
    throw new Error(`server-everything did not start:\n${child.stderr}`);
  });
  const [{ port }] = (await Promise.race([once(child.process, 'message'), early])) as [{ port: number }];
  const url = `http://127.0.0.1:${port}/mcp`;
  return {
    url,
    entry: (extra = {}) => ({ url, ...extra }),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
