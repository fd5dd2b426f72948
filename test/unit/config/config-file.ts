import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import { ConfigError } from '../../../src/config/config-error.ts';
import { loadConfig } from '../../../src/config/load.ts';

export type Files = Record<string, string | Uint8Array>;

/** A directory with these files, gone when the test ends. */
export function directoryWith(files: Files): string {
  const directory = mkdtempSync(join(tmpdir(), 'switchboard-config-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  return directory;
}

/** Loads what stands in `servers.json`: as text, or as what JSON.stringify makes of it. */
export function load(content: unknown, env: Record<string, string> = {}, files: Files = {}): Config {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  const directory = directoryWith({ ...files, 'servers.json': text });
  return loadConfig({ path: join(directory, 'servers.json'), env });
}

/** The message with which a configuration is refused, as if it were loaded in its own directory. */
export function refusal(content: unknown, env: Record<string, string> = {}, files: Files = {}): string {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  const directory = directoryWith({ ...files, 'servers.json': text });
  try {
    loadConfig({ path: join(directory, 'servers.json'), env });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.replaceAll(`${directory}/`, '');
  }
  throw new Error('the configuration was accepted');
}
