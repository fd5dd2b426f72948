import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder for the length of one test. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'test-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** One in which a gateway keeps its catalog. */
export async function catalogFolder(): Promise<{ path: string; file: string } & AsyncDisposable> {
  const folder = await temporaryFolder();
  return { ...folder, file: join(folder.path, 'servers.catalog.json') };
}
