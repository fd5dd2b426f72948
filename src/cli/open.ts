import { dirname } from 'node:path';
import { pino } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { createLog, type Logger } from '../log.ts';
import { type Env, readEnvironment } from './environment.ts';
import { UsageError } from './usage-error.ts';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

export const DEFAULT_CONFIG = 'servers.json';

export function openConfig(path: string | undefined, env: Env): Config {
  const file = path || env.SWITCHBOARD_CONFIG || DEFAULT_CONFIG;
  // Beside the file as well: Claude Desktop and others like it start us in a directory of their own.
  return loadConfig({ path: file, env: readEnvironment(dirname(file), env) });
}

/** The log on stderr: JSON lines for machines, readable ones for a terminal. */
export function openLog(config: Config, env: Env, token: string, defaultLevel = 'info'): Logger {
  const level = env.LOG_LEVEL || defaultLevel;
  if (!LEVELS.includes(level))
    throw new UsageError(`LOG_LEVEL is "${level}"; it can be ${LEVELS.join(', ')}.`);
  // Synchronous: what was logged last before a crash is what is wanted most.
  const destination = process.stderr.isTTY
    ? pretty({ destination: 2, sync: true, ignore: 'event', translateTime: 'SYS:HH:MM:ss' })
    : pino.destination({ dest: 2, sync: true });
  return createLog({ level, secrets: [...config.secrets, token], destination });
}
