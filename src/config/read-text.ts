import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';

export type ReadText = { readonly text: string } | { readonly problem: string };

/**
 * The text of a file, without a byte order mark, or why there is none.
 *
 * @param regularOnly  refuses pipes and devices before opening them: a pipe that nobody writes to would be waited
 *                     for without end
 */
export function readText(path: string, limits: { maxBytes: number; regularOnly: boolean }): ReadText {
  try {
    if (limits.regularOnly && !statSync(path).isFile()) return { problem: 'is not a regular file' };
    const bytes = readUpTo(path, limits.maxBytes + 1);
    if (bytes.length > limits.maxBytes) return { problem: `is larger than ${limits.maxBytes / 1024} KiB` };
    return { text: decodeText(bytes) };
  } catch (error) {
    return { problem: explain((error as NodeJS.ErrnoException).code) };
  }
}

/**
 * Without a byte order mark.
 *
 * @throws TypeError  its code says that it is no UTF-8, for `explain`
 */
export const decodeText = (bytes: Uint8Array) => new TextDecoder('utf-8', { fatal: true }).decode(bytes);

/** By hand, because the size of a pipe or of something in /proc or /dev is not known before the end. */
function readUpTo(path: string, maxBytes: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const size = fstatSync(file).size;
    const buffer = Buffer.alloc(size > 0 ? Math.min(size + 1, maxBytes) : maxBytes);
    let length = 0;
    while (length < buffer.length) {
      const count = readSync(file, buffer, length, buffer.length - length, null);
      if (count === 0) break;
      length += count;
    }
    return buffer.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

/** Why a file cannot be read, by the code of the error. */
export function explain(code: string | undefined): string {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'does not exist';
    case 'EACCES':
    case 'EPERM':
      return 'may not be read by this user';
    case 'EISDIR':
      return 'is a directory';
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return 'is not UTF-8 text';
    default:
      return `cannot be read (${code ?? 'unknown reason'})`;
  }
}
