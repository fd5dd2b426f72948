import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startNode } from './children.ts';
import type { SpecVersion, SuiteVersion } from './scenarios.ts';
import { makeSuiteFile } from './suite-file.ts';

const PACKAGES: Readonly<Record<SuiteVersion, string>> = {
  '0.1.16': 'conformance-2025',
  '0.2.0-alpha.12': '@modelcontextprotocol/conformance',
};
const CLIENT_COMMAND = `${process.execPath} --import tsx test/conformance/client-driver.ts`;
const NODE_MODULES = fileURLToPath(new URL('../../node_modules/', import.meta.url));

export interface Check {
  readonly id: string;
  readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'INFO' | 'SKIPPED';
  readonly errorMessage?: string;
}

export interface SuiteResult {
  readonly checks: readonly Check[];
  /** Why there are no checks. */
  readonly trouble: string | undefined;
}

/** @throws Error when another version is installed: the figures and the data file belong to exactly these */
export function assertSuitesInstalled(): void {
  const require = createRequire(import.meta.url);
  for (const [version, name] of Object.entries(PACKAGES)) {
    const manifest = require(path.join(NODE_MODULES, name, 'package.json')) as { version: string };
    if (manifest.version === version) continue;
    throw new Error(
      `${name} is ${manifest.version}, test/conformance/scenarios.ts is written for ${version}. ` +
        'Make the direct run pass with it and read what is new before changing the number.',
    );
  }
}

/** Every suite as a file that can be started, by its version. */
export type SuiteFiles = Readonly<Record<SuiteVersion, string>>;

export async function makeSuiteFiles(directory: string): Promise<SuiteFiles> {
  const made = Object.entries(PACKAGES).map(async ([version, name]) => {
    const file = path.join(directory, `suite-${version}.mjs`);
    await makeSuiteFile(name, file);
    return [version, file] as const;
  });
  return Object.fromEntries(await Promise.all(made)) as Record<SuiteVersion, string>;
}

/**
 * Runs one scenario in a process of its own, so that one which hangs or crashes takes no other with it.
 *
 * @param directory  for what the suite writes; made and removed here
 */
export async function runScenario(options: {
  suites: SuiteFiles;
  suite: SuiteVersion;
  specVersion: SpecVersion;
  scenario: string;
  /** The server at this URL; or, where it is `client`, the gateway as a client. */
  url: string;
  directory: string;
  timeLimitMs: number;
}): Promise<SuiteResult> {
  const { suites, suite, specVersion, scenario, url, directory, timeLimitMs } = options;
  const tested = url === 'client' ? ['client', '--command', CLIENT_COMMAND] : ['server', '--url', url];
  // 0.1 speaks one version only and would take the flag for a filter.
  const version = suite === '0.1.16' ? [] : ['--spec-version', specVersion, '--force'];
  await mkdir(directory, { recursive: true });
  try {
    const args = [suites[suite], ...tested, '--scenario', scenario, ...version, '-o', directory];
    const child = startNode(args);
    let hung = false;
    const timer = setTimeout(() => {
      hung = true;
      void child.stop(0);
    }, timeLimitMs);
    await child.exited;
    clearTimeout(timer);

    const checks = await readChecks(directory);
    const trouble = hung
      ? `hung: ended after ${timeLimitMs / 1000} s`
      : checks === undefined
        ? `the suite wrote no result: ${child.stderr().trim() || '(nothing on stderr)'}`
        : undefined;
    return { checks: checks ?? [], trouble };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** @returns undefined when there are none, or half of them because the suite was ended while it wrote */
async function readChecks(directory: string): Promise<Check[] | undefined> {
  const files = await readdir(directory, { recursive: true });
  const file = files.find((name) => path.basename(name) === 'checks.json');
  if (file === undefined) return undefined;
  const text = await readFile(path.join(directory, file), 'utf8');
  try {
    return JSON.parse(text) as Check[];
  } catch {
    return undefined;
  }
}
