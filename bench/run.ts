// npm run bench -- [--quick] [--write] [--section calls,cold] [--rivals] [--only direct,limit] [--no-pin] [--profile <directory>] [--note <text>]
//
//   --quick     under 40 seconds: that everything works, not what it costs
//   --write     all of it, --rivals included, left in bench/RESULTS.md and bench/plots; some forty minutes on a quiet machine
//   --section   some of the sections
//   --rivals    installs other gateways from npm and measures them, too
//   --only      some of the targets
//   --no-pin    lets the processes use all cores
//   --note      what else is to be known of this run, for the page
//   --profile   a V8 CPU profile of each server; with --no-pin, or waiting for the core looks like work

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { openBench } from './measure/bench.ts';
import { describeMachine } from './measure/machine.ts';
import { findCore } from './measure/processes.ts';
import { writePage } from './report/page.ts';
import type { Findings, Section } from './sections/section.ts';
import { sections } from './sections/table.ts';
import { targets, variants } from './targets/table.ts';
import './signals.ts';

const flags = process.argv.slice(2);
const { values: options } = parseArgs({
  args: flags,
  options: {
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    'no-pin': { type: 'boolean', default: false },
    section: { type: 'string' },
    rivals: { type: 'boolean', default: false },
    only: { type: 'string' },
    profile: { type: 'string' },
    note: { type: 'string' },
  },
});
const only = choose('target', options.only, [...targets, ...variants]);
const chosen = choose('section', options.section, sections);
if (process.platform !== 'linux') throw new Error('CPU time is read from /proc: this needs Linux');
if (options.write && (options.quick || (only ?? chosen ?? options.profile) !== undefined))
  throw new Error('--write keeps the results of a full run only');
if (chosen?.includes('rivals') && !options.rivals) throw new Error('The section rivals needs --rivals');

const core = options['no-pin'] ? undefined : findCore();
const directory = await mkdtemp(join(tmpdir(), 'switchboard-bench-'));
// The launchers end their processes on exit, and did so before this runs.
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
const bench = await openBench({
  quick: options.quick,
  only,
  directory,
  core,
  profileDirectory: options.profile && resolve(options.profile),
});
try {
  const found = new Map<Section, Findings>();
  for (const section of sections) {
    // A run that asks no registry is the usual one.
    const isAsked = section.key === 'rivals' ? options.rivals || options.write : true;
    if (!isAsked || chosen?.includes(section.key) === false) continue;
    bench.tell(section.title);
    const startedAt = performance.now();
    found.set(section, await section.run(bench).catch((error: unknown) => failedWith(section, error)));
    bench.tell(`  ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  }
  await report(found);
} finally {
  await bench.stop();
}

/** One that fails costs its own figures, and the exit code. */
function failedWith({ key }: Section, error: unknown): Findings {
  process.exitCode = 1;
  bench.tell(
    `The section ${key} could not be measured: ${error instanceof Error ? error.stack : String(error)}`,
  );
  return { blocks: ['It could not be measured in this run.'] };
}

async function report(found: ReadonlyMap<Section, Findings>): Promise<void> {
  const page = writePage({
    found,
    machine: [...(await describeMachine(core)), ...(options.note === undefined ? [] : [options.note])],
    missing: targets.flatMap(({ missing }) => missing?.() ?? []).map((why) => `left out: ${why}`),
    command: ['npm run bench', ...(flags.length > 0 ? ['--', ...flags] : [])].join(' '),
    date: new Date().toISOString().slice(0, 10),
    withPlots: options.write,
  });
  if (!options.write) {
    process.stdout.write(page);
    return;
  }
  const plots = join(import.meta.dirname, 'plots');
  rmSync(plots, { recursive: true, force: true });
  mkdirSync(plots);
  for (const { file, svg } of [...found.values()].flatMap(({ plots = [] }) => plots))
    writeFileSync(join(plots, `${file}.svg`), svg);
  writeFileSync(join(import.meta.dirname, 'RESULTS.md'), page);
}

/** The keys that were named, all of which there are. */
function choose(
  what: string,
  named: string | undefined,
  all: readonly { key: string }[],
): string[] | undefined {
  const keys = named?.split(',');
  const unknown = keys?.find((key) => !all.some((one) => one.key === key));
  if (unknown !== undefined)
    throw new Error(`There is no ${what} "${unknown}": ${all.map(({ key }) => key).join(', ')}`);
  return keys;
}
