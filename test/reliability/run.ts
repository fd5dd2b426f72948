// Runs the fault table and the commands that measure, and says what came of it: npm run reliability
// With `-- --write` it writes docs/reliability.md where all is as promised, with `-- --short` the longest commands do a part of their work, with `-- --tests`
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
/** The longest of them takes a quarter of it. */
const NEVER_MS = 2 * 3_600_000;

interface Tested {
  readonly files: readonly FileResult[];
  /** Of vitest: a run can fail whose tests all pass. */
  readonly status: number | null;
}

const root = resolve(import.meta.dirname, '../..');
const page = join(root, 'docs/reliability.md');
const folder = mkdtempSync(join(tmpdir(), 'reliability-'));

try {
  const tests = runTests();
  const measured = process.argv.includes('--tests') ? [] : Object.keys(COMMANDS).map(measure);
  const faults = judgeFaults(
    SECTIONS,
    tests.files,
    new Map(measured.map(({ name, isKept }) => [`npx tsx bench/${name}.ts`, isKept])),
  );
  const failed = [
    ...(tests.status === 0 ? [] : ['the tests fail']),
    ...measured.flatMap(({ command, isKept }) =>
      isKept ? [] : [`${command} failed, is over a limit, or said nothing`],
    ),
    ...faults.flatMap(({ rows }) =>
      rows.flatMap(({ id, outcome }) => (outcome === 'fails' ? [`${id} fails`] : [])),
    ),
  ];
  const text = pageText(faults, measured, { node: process.version, cores: cpus().length });
  if (!process.argv.includes('--write')) process.stdout.write(text);
  else if (failed.length === 0) writeFileSync(page, text);
  for (const what of failed) console.error(what);
  process.exitCode = failed.length > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true });
}

/** The fault table, and the files of other tests that it names. */
function runTests(): Tested {
  const report = argumentOf('report');
  if (report !== undefined) return read(report);
  const named = SECTIONS.flatMap(({ faults }) => faults).flatMap(({ elsewhere = [] }) => elsewhere);
  const files = new Set(['test/faults/', ...named.map((reference) => reference.split(': ')[0] as string)]);
  const output = join(folder, 'tests.json');
  const { status } = run('npx', ['vitest', 'run', ...files, '--reporter=json', `--outputFile=${output}`]);
  return existsSync(output) ? { ...read(output), status } : { files: [], status };
}

function read(report: string): Tested {
  const { testResults, success } = JSON.parse(readFileSync(report, 'utf8')) as {
    testResults: FileResult[];
    success: boolean;
  };
  const files = testResults.map((result) => ({ ...result, name: result.name.slice(root.length + 1) }));
  return { files, status: success ? 0 : 1 };
}

function measure(name: string): Measured & { name: string; isKept: boolean } {
  const ran = join(argumentOf('ran') ?? folder, `${name}.txt`);
  if (existsSync(ran)) {
    const lines = readFileSync(ran, 'utf8').trimEnd().split('\n');
    return judged(name, lines[0] as string, lines, 0);
  }
  const given = isShort ? (COMMANDS[name] ?? '').split(' ').filter(Boolean) : [];
  const told = ['tsx', `bench/${name}.ts`, ...given];
  const { stdout, status } = run('npx', told);
  return judged(name, ['npx', ...told].join(' '), stdout.trimEnd().split('\n'), status);
}

function judged(name: string, command: string, lines: readonly string[], status: number | null) {
  const figures = figuresIn(lines);
  const isKept = status === 0 && figures.length > 0 && !figures.some(isOver);
  return { name, command, figures, isKept };
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

/** The status of one that was ended by a signal, or did not end in time, is null. */
function run(program: string, args: readonly string[]): { stdout: string; status: number | null } {
  console.error(`${program} ${args.join(' ')}`);
  const { stdout, status } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1e9,
    timeout: NEVER_MS,
  });
  return { stdout, status };
}
