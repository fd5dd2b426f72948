/**
 * `npm run conformance`: the official suite against our fixture server, direct and through the gateway; and against the
 * gateway as a client.
 *
 *     npm run conformance                                           all of it
 *     npm run conformance -- --scenario tools-list                  one scenario, at every version that has it
 *     npm run conformance -- --spec 2026-07-28 --suite 0.2.0-alpha.12
 *     npm run conformance -- --direct                               without the gateway
 *     npm run conformance -- --gateway ../other/dist/main.js        another build of it
 *     npm run conformance -- --fixture legacy                       only before this fixture: both, legacy or modern
 *     npm run conformance -- --verbose                              says what is wrong with what is "not yet"
 *     npm run conformance -- --write                                writes docs/conformance.md
 *     npm run conformance -- --jobs 4                               scenarios that run side by side
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Eras } from './fixture/fixture.ts';
import { pageText } from './page.ts';
import {
  type ClientOutcome,
  clientLines,
  isUnexpected,
  isUnexpectedClient,
  type Outcome,
  reportLines,
} from './report.ts';
import { CLIENT_RUNS, RUNS, type Run } from './scenarios.ts';
import { assertSuitesInstalled, makeSuiteFiles } from './suite.ts';
import { runClients, runServers, type Task } from './workers.ts';

const PAGE = new URL('../../docs/conformance.md', import.meta.url);

const { values: options } = parseArgs({
  options: {
    scenario: { type: 'string' },
    spec: { type: 'string' },
    suite: { type: 'string' },
    direct: { type: 'boolean', default: false },
    gateway: { type: 'string', default: fileURLToPath(new URL('../../dist/main.js', import.meta.url)) },
    fixture: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    // One more than there are processors: some scenarios wait for most of their time.
    jobs: { type: 'string', default: String(availableParallelism() + 1) },
  },
});
process.exitCode = await main();

async function main(): Promise<number> {
  assertSuitesInstalled();
  if (!options.direct && !existsSync(options.gateway)) {
    throw new Error(`${options.gateway} is missing: run "npm run build", or give --direct`);
  }
  const tasks = selectFrom(RUNS);
  if (tasks.length === 0 && selectFrom(CLIENT_RUNS).length === 0)
    throw new Error('no scenario of test/conformance/scenarios.ts is called for');

  const started = Date.now();
  const directory = await temporaryDirectory();
  const suites = await makeSuiteFiles(directory);
  const fixtures = options.direct ? [] : fixturesBehind();
  const means = {
    jobs: Math.max(1, Number(options.jobs)),
    directory,
    suites,
    gateway: options.gateway,
    fixtures,
  };
  const outcomes = await runServers(tasks, means);
  const clientOutcomes = options.direct ? [] : await runClients(selectFrom(CLIENT_RUNS), means);
  const lines = [...reportLines(RUNS, outcomes), ...clientLines(CLIENT_RUNS, clientOutcomes)];
  if (options.verbose) lines.push(...notYetLines(outcomes));
  const unexpected =
    outcomes.filter(isUnexpected).length +
    clientOutcomes.filter(isUnexpectedClient).length +
    comparePage(outcomes, clientOutcomes, lines);
  lines.push('', `${unexpected} unexpected, ${((Date.now() - started) / 1000).toFixed(0)} s`);
  process.stdout.write(`${lines.join('\n')}\n`);
  return unexpected === 0 ? 0 : 1;
}

/** Where all was run, docs/conformance.md says what came of it. Returns the number of faults. */
function comparePage(
  outcomes: readonly Outcome[],
  clientOutcomes: readonly ClientOutcome[],
  lines: string[],
): number {
  const { direct, scenario, spec, suite, fixture } = options;
  const isWhole = !direct && [scenario, spec, suite, fixture].every((it) => it === undefined);
  if (!isWhole) return 0;
  const page = pageText(outcomes, clientOutcomes);
  if (options.write) writeFileSync(PAGE, page);
  else if (readFileSync(PAGE, 'utf8') !== page) {
    lines.push('', 'docs/conformance.md says something else: npm run conformance -- --write');
    return 1;
  }
  return 0;
}

function selectFrom(runs: readonly Run[]): Task[] {
  return runs
    .filter(({ specVersion }) => options.spec === undefined || options.spec === specVersion)
    .filter(({ suite }) => options.suite === undefined || options.suite === suite)
    .flatMap((run) => Object.entries(run.scenarios).map(([name, scenario]) => ({ run, name, scenario })))
    .filter(({ name }) => options.scenario === undefined || options.scenario === name);
}

/** Removed when this process ends, also by Ctrl-C. */
async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'conformance-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
  return directory;
}

function fixturesBehind(): Eras[] {
  const { fixture } = options;
  if (fixture === undefined) return ['both', 'legacy'];
  if (fixture === 'both' || fixture === 'legacy' || fixture === 'modern') return [fixture];
  throw new Error('--fixture is one of both, legacy, modern');
}

function notYetLines(outcomes: readonly Outcome[]): string[] {
  return outcomes
    .filter((outcome) => outcome.scenario.covered !== true && !isUnexpected(outcome))
    .flatMap(({ run, name, gateways }) => [
      '',
      `not yet: ${name} (suite ${run.suite}, specification ${run.specVersion})`,
      ...gateways.flatMap(({ verdict }) => verdict.problems.map((problem) => `  ${problem}`)),
    ]);
}
