import type { TaskMeta } from 'vitest';
import type { Section } from '../faults/table.ts';
// For what tests say of their neighbour in `meta`.
import '../faults/neighbour.ts';

/** One file of the report that vitest writes as JSON, as far as it is read here. */
export interface FileResult {
  /** Relative to the repository. */
  readonly name: string;
  readonly assertionResults: readonly TestResult[];
}

export interface TestResult {
  readonly fullName: string;
  readonly status: string;
  readonly meta?: TaskMeta;
}

export interface Row {
  readonly id: string;
  readonly promise: string;
  /** With paths of tests and commands, as Markdown. */
  readonly ways: readonly string[];
  readonly outcome: 'passes' | 'fails' | 'not here';
  readonly tests: number;
  readonly notHere: string | undefined;
}

export interface JudgedSection {
  readonly title: string;
  readonly rows: readonly Row[];
  readonly results: readonly TestResult[];
}

/**
 * What came of every fault: it fails if one of its tests or its command did, or none was found.
 *
 * @param kept  whether what is promised was kept, by the command that measured it; one that is not here did not run
 */
export function judgeFaults(
  sections: readonly Section[],
  files: readonly FileResult[],
  kept: ReadonlyMap<string, boolean>,
): JudgedSection[] {
  return sections.map(({ title, faults }) => {
    const results: TestResult[] = [];
    const rows = faults.map(({ id, promise, scripts = [], elsewhere = [], command, notHere }): Row => {
      const own = scripts.length === 0 ? [] : [testsOf(files, 'test/faults/', new RegExp(`^${id} `))];
      const found = [...own, ...elsewhere.map((reference) => testsNamed(files, reference))];
      const tests = found.flat().filter(({ status }) => status !== 'skipped' && status !== 'pending');
      results.push(...tests);
      const isKept = command === undefined ? undefined : kept.get(command);
      const isBad =
        isKept === false ||
        found.some((some) => some.length === 0) ||
        tests.some(({ status }) => status !== 'passed');
      const isProven = tests.length > 0 || isKept === true;
      const ways = [
        ...(own.length > 0 ? [`${scripts.length} scripts in \`test/faults\``] : []),
        ...new Set(elsewhere.map((reference) => `\`${reference.split(': ')[0]}\``)),
        ...(command === undefined ? [] : [`\`${command}\``]),
      ];
      const outcome = isBad ? 'fails' : isProven ? 'passes' : 'not here';
      const notRun = [
        ...(found.length > 0 && tests.length === 0 ? ['its tests were skipped'] : []),
        ...(command !== undefined && isKept === undefined ? ['its command was not run'] : []),
      ].join(', ');
      return { id, promise, ways, outcome, tests: tests.length, notHere: notHere ?? (notRun || undefined) };
    });
    return { title, rows, results };
  });
}

function testsNamed(files: readonly FileResult[], reference: string): TestResult[] {
  const colon = reference.indexOf(': ');
  const title = reference.slice(colon + 2).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return testsOf(files, reference.slice(0, colon), new RegExp(title.replace(/%[sjd]/g, '.*'), 's'));
}

const testsOf = (files: readonly FileResult[], path: string, title: RegExp): TestResult[] =>
  files
    .filter(({ name }) => name.startsWith(path))
    .flatMap(({ assertionResults }) => assertionResults.filter(({ fullName }) => title.test(fullName)));
