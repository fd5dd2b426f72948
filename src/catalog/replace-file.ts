import { statSync } from 'node:fs';
import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { trace } from '../config/links.ts';

/** What tells a file from one that has replaced it; undefined where there is none. */
export function versionOf(file: string): string | undefined {
  try {
    const { ino, mtimeMs, size } = statSync(file);
    return `${ino} ${mtimeMs} ${size}`;
  } catch {
    return undefined;
  }
}

/**
 * Whoever reads it meets the old file or the new one, and never a half. A link to it stays one.
 *
 * @param replaces  the version that it is made from
 * @returns the new version; undefined where the file was another by now, and was left alone
 */
export async function replaceFile(
  file: string,
  text: string,
  replaces: string | undefined,
): Promise<string | undefined> {
  const { end } = trace(resolve(file));
  const temporary = `${end}.${process.pid}.tmp`;
  try {
    // What a server lists for our credentials is for its operator.
    await writeFile(temporary, text, { mode: 0o600 });
    const { ino, mtimeMs, size } = await stat(temporary);
    if (versionOf(file) !== replaces) {
      await rm(temporary, { force: true });
      return undefined;
    }
    await rename(temporary, end);
    return `${ino} ${mtimeMs} ${size}`;
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}
