// Runs the fault table and the commands that measure, and says what came of it: npm run reliability
// With `-- --write` it writes docs/reliability.md, with `-- --short` the longest commands do a part of their work, with `-- --tests`
// it leaves them all out. What ran already is not run again: `-- --report=<file>` is what `vitest run --reporter=json` wrote, and
// `-- --ran=<folder>` has what commands printed, a file for each: `neighbour.txt`, whose first line is the command.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isOver } from '../../bench/figures.ts';
import { SECTIONS } from '../faults/table.ts';
import { type Measured, pageText } from './page.ts';
import { type FileResult, judgeFaults } from './results.ts';

/**
 * With what is given to them in short. What is promised of each is its own limit; the page has what it said last. On two idle
 * cores the first six take some minutes each, `neighbour` five, `fuzz` and `soak` in their long forms fifteen and more.
 */
const COMMANDS: Readonly<Record<string, string>> = {
  attacks: '',
  lateness: '',
  'non-readers': '',
  duplicates: '',
  restarts: '',
  reloads: '',
  neighbour: '6 1000',
  fuzz: '20000 1',
  soak: '150000 1500 150 1',
};
const isShort = process.argv.includes('--short');

const root = resolve(import.meta.dirname, '../..');
const page = join(root, 'docs/reliability.md');
const folder = mkdtempSync(join(tmpdir(), 'reliability-'));

try {
  const faults = judgeFaults(SECTIONS, runTests());
  const measured = process.argv.includes('--tests') ? [] : Object.keys(COMMANDS).flatMap(measure);
  const text = pageText(faults, measured, { node: process.version, cores: cpus().length });
  if (process.argv.includes('--write')) writeFileSync(page, text);
  else process.stdout.write(text);
  const failed = faults.flatMap((section) => section.rows).filter(({ outcome }) => outcome === 'fails');
  const over = measured.filter(({ figures }) => figures.length === 0 || figures.some(isOver));
  for (const { id } of failed) console.error(`${id} fails`);
  for (const { command } of over) console.error(`${command} is over a limit, or said nothing`);
  process.exitCode = failed.length + over.length > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true });
}

/** The fault table, and the files of other tests that it names. */
function runTests(): readonly FileResult[] {
  const report = argumentOf('report');
  if (report !== undefined) return read(report);
  const named = SECTIONS.flatMap(({ faults }) => faults).flatMap(({ elsewhere = [] }) => elsewhere);
  const files = new Set(['test/faults/', ...named.map((reference) => reference.split(': ')[0] as string)]);
  const output = join(folder, 'tests.json');
  run('npx', ['vitest', 'run', ...files, '--reporter=json', `--outputFile=${output}`]);
  return read(output);
}

function read(report: string): readonly FileResult[] {
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as { testResults: FileResult[] };
  return testResults.map((result) => ({ ...result, name: result.name.slice(root.length + 1) }));
}

function measure(name: string): Measured[] {
  const ran = join(argumentOf('ran') ?? folder, `${name}.txt`);
  if (existsSync(ran)) {
    const lines = readFileSync(ran, 'utf8').trimEnd().split('\n');
    return [{ command: lines[0] as string, figures: figuresIn(lines) }];
  }
  const file = `bench/${name}.ts`;
  if (!existsSync(join(root, file))) return [];
  const given = isShort ? (COMMANDS[name] ?? '').split(' ').filter(Boolean) : [];
  const lines = run('npx', ['tsx', file, ...given])
    .trimEnd()
    .split('\n');
  return [{ command: ['npx tsx', file, ...given].join(' '), figures: figuresIn(lines) }];
}

function figuresIn(lines: readonly string[]): Measured['figures'] {
  try {
    return JSON.parse(lines.at(-1) ?? '').figures;
  } catch {
    // Told of as a command that said nothing.
    return [];
  }
}

function argumentOf(name: string): string | undefined {
  const start = `--${name}=`;
  return process.argv.find((argument) => argument.startsWith(start))?.slice(start.length);
}

function run(program: string, args: readonly string[]): string {
  console.error(`${program} ${args.join(' ')}`);
  return spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1e9,
  }).stdout;
}
