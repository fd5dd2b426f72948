import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, type ChildOptions, startNode } from './child.ts';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Runs the built command as a user does; it is ended with the test. */
export function runCli(args: readonly string[], options: ChildOptions = {}): Child {
  if (!existsSync(main)) throw new Error('dist/main.js is missing: run "npm run build" first');
  return startNode([main, ...args], options);
}

/** What a command said, but for whom it waits: on a slow machine that can be anyone. */
export const withoutWaiting = (stderr: string) => stderr.replace(/^waiting for: .*\n/m, '');

/** What a command printed, with the lines put together that it broke at spaces to fit 80 columns. */
export const unwrapped = (stdout: string) => stdout.replaceAll(/\n {4}(?! )/g, ' ');

export interface Folder extends AsyncDisposable {
  readonly path: string;
}

/** A working directory with these files; objects are written as JSON. */
export async function folderWith(files: Readonly<Record<string, string | object>>): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'switchboard-'));
  for (const [name, content] of Object.entries(files)) {
    await writeFile(
      join(path, name),
      typeof content === 'string' ? content : JSON.stringify(content, null, 2),
    );
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
