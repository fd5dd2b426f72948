import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'dotenv';

export type Env = Readonly<Record<string, string | undefined>>;

/** The variables of the process and, behind them, those of `.env` in the working directory. Nothing is exported. */
export function readEnvironment(cwd: string, env: Env): Env {
  let text: string;
  try {
    text = readFileSync(join(cwd, '.env'), 'utf8');
  } catch {
    return env;
  }
  return { ...parse(text), ...env };
}
