import { join, resolve } from 'node:path';
import { parse } from 'dotenv';
import type { Env } from '../config/expand.ts';
import { explain, type Pipes, readText } from '../config/read-text.ts';
import { UsageError } from './usage-error.ts';

export const DEFAULT_CONFIG = 'servers.json';
export const DEFAULT_PORT = 8080;
export const HIGHEST_PORT = 65_535;

const MAX_BYTES = 1024 * 1024;
const ABSENT = explain('ENOENT');
/** Of this process. Password managers mount a `.env` as one, and the second time nobody may write to it. */
const pipes: Pipes = new Map();

/**
 * These variables and, behind them, those of `.env` in the directory. Nothing is exported.
 *
 * @param onFile  told the absolute path of that, whether it is there or not
 * @throws UsageError  it is there and cannot be read, or is no UTF-8 text: a token would be missed, and another one made
 */
export function readEnvironment(directory: string, env: Env, onFile: (path: string) => void = () => {}): Env {
  const file = resolve(directory, '.env');
  onFile(file);
  const read = readText(file, { maxBytes: MAX_BYTES, pipes });
  if ('text' in read) return { ...parse(read.text), ...env };
  if (read.problem === ABSENT) return env;
  const name = directory === process.cwd() ? '.env' : join(directory, '.env');
  throw new UsageError(`${name}: ${read.problem}`);
}

/** What the first of an option and a variable says that is set; undefined where none is. */
export function readNumber(
  given: Record<string, string | undefined>,
  from: number,
  to: number,
): number | undefined {
  // Compose files and container platforms pass what nobody set as an empty text.
  const [name, text = ''] = Object.entries(given).find(([, text]) => text) ?? [];
  if (name === undefined) return undefined;
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= from && number <= to) return number;
  throw new UsageError(`${name} is "${text}"; it must be a number from ${from} to ${to}.`);
}
