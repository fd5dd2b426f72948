import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './markdown.ts';

/** Folders that hold nothing of ours, for a copy of the repository without git. */
const FOREIGN = /^(node_modules|dist|\.git|conformance-results)\//;

/** Every file that is committed, or would be by `git add`, relative to the root. */
export function repositoryFiles(): string[] {
  try {
    const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return list.split('\0').filter((file) => file !== '' && textOf(file) !== undefined);
  } catch {
    const list = readdirSync(root, { recursive: true, encoding: 'utf8' });
    return list.filter((file) => !FOREIGN.test(`${file}/`) && textOf(file) !== undefined);
  }
}

/** The text of a file; undefined for one that is not text, or not there any more. */
export function textOf(file: string): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(join(root, file)));
  } catch {
    return undefined;
  }
}
