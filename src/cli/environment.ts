import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'dotenv';

export const DEFAULT_CONFIG = 'servers.json';

export type Env = Readonly<Record<string, string | undefined>>;

/** These variables and, behind them, those of `.env` in the directory. Nothing is exported. */
export function readEnvironment(directory: string, env: Env): Env {
  let text: string;
  try {
    text = readFileSync(join(directory, '.env'), 'utf8');
  } catch {
    return env;
  }
  return { ...parse(text), ...env };
}
