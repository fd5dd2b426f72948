import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';

export type ReadText = { readonly text: string } | { readonly problem: string };

/** What pipes have given, by path: the second time they are empty, or waited for without end. */
export type Pipes = Map<string, ReadText>;

/**
 * The text of a file, without a byte order mark, or why there is none.
 *
 * @param pipes  what is no regular file is read once, and put here; absent: it is refused before it is opened
 */
export function readText(path: string, limits: { maxBytes: number; pipes?: Pipes }): ReadText {
  const { maxBytes, pipes } = limits;
  try {
    if (statSync(path).isFile()) return readOpened(path, maxBytes);
    if (pipes === undefined) return { problem: 'is not a regular file' };
    const read = pipes.get(path) ?? readOpened(path, maxBytes);
    pipes.set(path, read);
    return read;
  } catch (error) {
    return { problem: explain((error as NodeJS.ErrnoException).code) };
  }
}

function readOpened(path: string, maxBytes: number): ReadText {
  const bytes = readUpTo(path, maxBytes + 1);
  if (bytes.length > maxBytes) return { problem: `is larger than ${maxBytes / 1024} KiB` };
  return { text: decodeText(bytes) };
}

/**
 * Without a byte order mark.
 *
 * @throws TypeError  its code says that it is no UTF-8, for `explain`
 */
const decodeText = (bytes: Uint8Array) => new TextDecoder('utf-8', { fatal: true }).decode(bytes);

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
