import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { UsageError } from './usage-error.ts';

/** A socket's path has 103 bytes on macOS and 107 on Linux, of which these have the rest: `123456/worker-123456`. */
const MAX_START_BYTES = 103 - 20;

/**
 * Where the processes of one gateway meet, and nobody else: in sockets in a folder that is this user's alone, and that is
 * removed when this process ends.
 *
 * @returns  what the paths of all these sockets begin with, and how to remove them before
 * @throws UsageError  there is no place for such a folder
 */
export function makeMeetingPlace(): { prefix: string; remove(): void } {
  const isWindows = process.platform === 'win32';
  const start = join(tmpdir(), 'mcp-switchboard-');
  if (!isWindows && Buffer.byteLength(start) > MAX_START_BYTES)
    throw noPlace('which is too long for that: set TMPDIR to a shorter path.');
  let folder: string;
  try {
    folder = mkdtempSync(start);
  } catch (error) {
    const { code } = error as { code?: string };
    throw noPlace(`where no folder can be made (${code}):\nset TMPDIR to one that this user may write.`);
  }
  const remove = () => {
    process.off('exit', remove);
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', remove);
  return { prefix: isWindows ? `\\\\.\\pipe\\${basename(folder)}-` : join(folder, 'worker-'), remove };
}

const noPlace = (why: string) => new UsageError(`The processes meet in sockets below "${tmpdir()}",\n${why}`);
