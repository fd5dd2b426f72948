import { dirname } from 'node:path';
import type { AuditLines } from '../caller/observing/audit-lines.ts';
import type { Config } from '../config/config.ts';
import type { Env } from '../config/expand.ts';
import { loadConfig } from '../config/load.ts';
import type { Pipes } from '../config/read-text.ts';
import { createGateway, type Gateway } from '../gateway.ts';
import { createLog, createSecrets, type Logger, type Secrets } from '../log.ts';
import { DEFAULT_CONFIG, readEnvironment } from './environment.ts';
import { printable } from './printable.ts';
import { readable } from './readable.ts';
import { stderr } from './stderr.ts';
import { UsageError } from './usage-error.ts';
import { selectionUrl, type ViewOptions } from './view.ts';

/** A person who sees nothing for longer wonders. */
const TELL_MS = 3000;
const LOOK_MS = 100;

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/**
 * @param onFile  told each file that it depends on, before that is read
 * @param pipes   for who reads again
 */
export function openConfig(
  path: string | undefined,
  env: Env,
  onFile: (path: string) => void = () => {},
  pipes: Pipes = new Map(),
): Config {
  const file = path || env.SWITCHBOARD_CONFIG || DEFAULT_CONFIG;
  // Beside the file as well: Claude Desktop and others like it start us in a directory of their own.
  return loadConfig({ path: file, env: readEnvironment(dirname(file), env, onFile), onFile, pipes });
}

/** The log on stderr: JSON lines for machines, readable ones for a terminal. */
export function openLog(env: Env, secrets: Secrets, defaultLevel = 'info'): Logger {
  const level = (env.LOG_LEVEL || defaultLevel).toLowerCase();
  if (!LEVELS.includes(level))
    throw new UsageError(`LOG_LEVEL is "${level}"; it can be ${LEVELS.join(', ')}.`);
  const write = (line: string) => stderr.write(readable(line, process.stderr.hasColors()));
  const destination = process.stderr.isTTY ? { write } : stderr;
  return createLog({ level, secrets, destination });
}

/** Where lines about calls go: beside those of the log. */
export function auditLinesBesideLog(): AuditLines | undefined {
  // A person reads it there: as the log is made readable, so are they.
  return process.stderr.isTTY ? undefined : { write: stderr.write, close: async () => {} };
}

export interface BeforeUse {
  /** The configuration is good; nothing is connected yet. */
  onOpened?(config: Config, secrets: Secrets): void;
  /** What is wanted is there, whichever downstreams are still silent. */
  hasEnough?(gateway: Gateway, config: Config): boolean;
}

/** For the commands that look and leave: connects to every downstream, uses the gateway, and closes it again. */
export async function withGateway(
  options: { config?: string } & ViewOptions,
  env: Env,
  use: (gateway: Gateway, config: Config, secrets: Secrets) => Promise<number> | number,
  { onOpened = () => {}, hasEnough = () => false }: BeforeUse = {},
): Promise<number> {
  const config = openConfig(options.config, env);
  // A mistyped one is told before anything is connected.
  selectionUrl(config, options);
  const secrets = createSecrets(config.secrets);
  // They tell what the servers say now, and leave no trace: neither lists nor a record of calls.
  const gateway = createGateway(
    { ...config, audit: { values: false } },
    { log: openLog(env, secrets, 'silent'), token: '', secrets, keepsLists: false },
  );
  try {
    onOpened(config, secrets);
    gateway.start();
    await waitForLists(gateway, () => hasEnough(gateway, config));
    return await use(gateway, config, secrets);
  } finally {
    await gateway.close();
  }
}

async function waitForLists(gateway: Gateway, hasEnough: () => boolean): Promise<void> {
  const telling = setTimeout(() => {
    const silent = Object.entries(gateway.status().downstreams)
      .filter(([, { state }]) => state === 'connecting')
      .map(([key]) => key);
    if (silent.length > 0) process.stderr.write(`${printable(`waiting for: ${silent.join(', ')}`)}\n`);
  }, TELL_MS);
  let looking: NodeJS.Timeout | undefined;
  const found = new Promise<void>((resolve) => {
    looking = setInterval(() => hasEnough() && resolve(), LOOK_MS);
  });
  await Promise.race([gateway.attempted, found]);
  clearTimeout(telling);
  clearInterval(looking);
}
