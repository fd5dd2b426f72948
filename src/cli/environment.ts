import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'dotenv';

export const DEFAULT_CONFIG = 'servers.json';

export type Env = Readonly<Record<string, string | undefined>>;

/**
 * These variables and, behind them, those of `.env` in the directory. Nothing is exported.
 *
 * @param onFile  told the absolute path of that, whether it is there or not
 */
export function readEnvironment(directory: string, env: Env, onFile: (path: string) => void = () => {}): Env {
  let text: string;
  const file = resolve(directory, '.env');
  onFile(file);
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return env;
  }
  return { ...parse(text), ...env };
}
