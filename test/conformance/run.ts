/**
 * `npm run conformance`: the official suite against our fixture server, direct and through the gateway; and against the
 * gateway as a client.
 *
 *     npm run conformance                                           all of it
 *     npm run conformance -- --scenario tools-list                  one scenario, at every version that has it
 *     npm run conformance -- --spec 2026-07-28 --suite 0.2.0-alpha.12
 *     npm run conformance -- --direct                               without the gateway
 *     npm run conformance -- --gateway ../other/dist/main.js        another build of it
 *     npm run conformance -- --fixture legacy                       the fixture speaks one era to the gateway
 *     npm run conformance -- --verbose                              says what is wrong with what is "not yet"
 *     npm run conformance -- --write                                writes docs/conformance.md
 *     npm run conformance -- --jobs 4                               pairs of servers that work side by side
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Eras } from './fixture/fixture.ts';
import { judgeDirect, judgeGateway } from './judge.ts';
import { type Leg, startDirectLeg, startGatewayLeg } from './leg.ts';
import { pageText } from './page.ts';
import {
  type ClientOutcome,
  clientLines,
  isUnexpected,
  isUnexpectedClient,
  type Outcome,
  reportLines,
} from './report.ts';
import { CLIENT_RUNS, RUNS, type Run, type Scenario } from './scenarios.ts';
import { assertSuitesInstalled, runScenario } from './suite.ts';

const PAGE = new URL('../../docs/conformance.md', import.meta.url);
const TIME_LIMIT_MS = 30_000;
/** What is not held against the gateway yet may hang, and is not waited for as long. */
const NOT_YET_LIMIT_MS = 8_000;

interface Task {
  readonly run: Run;
  readonly name: string;
  readonly scenario: Scenario;
}

interface Servers {
  readonly direct: Leg;
  readonly gateway: Leg | undefined;
}

const { values: options } = parseArgs({
  options: {
    scenario: { type: 'string' },
    spec: { type: 'string' },
    suite: { type: 'string' },
    direct: { type: 'boolean', default: false },
    gateway: { type: 'string', default: fileURLToPath(new URL('../../dist/main.js', import.meta.url)) },
    fixture: { type: 'string', default: 'both' },
    verbose: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    jobs: { type: 'string', default: String(availableParallelism()) },
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
  const outcomes = await runAll(tasks, Number(options.jobs), directory);
  const clientOutcomes = options.direct ? [] : await runClients(Number(options.jobs), directory);
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
  const isWhole =
    !options.direct && [options.scenario, options.spec, options.suite].every((it) => it === undefined);
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

/** @returns in the order of `tasks`, whoever finished first */
async function runAll(tasks: readonly Task[], jobs: number, directory: string): Promise<Outcome[]> {
  const outcomes = new Map<Task, Outcome>();
  const queue = [...tasks];
  const worker = async (_: unknown, index: number): Promise<void> => {
    // Servers of its own: a journal and a recording belong to one scenario at a time.
    let servers: Servers | undefined;
    let generation = 0;
    for (let task = queue.shift(); task !== undefined; task = queue.shift()) {
      servers ??= await startServers(path.join(directory, `${index}-${generation++}`));
      const { outcome, spent } = await runTask(task, servers);
      outcomes.set(task, outcome);
      if (process.stderr.isTTY) process.stderr.write(isUnexpected(outcome) ? 'x' : '.');
      if (spent) {
        await stopServers(servers);
        servers = undefined;
      }
    }
    if (servers !== undefined) await stopServers(servers);
  };
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, worker));
  return tasks.map((task) => outcomes.get(task)).filter((outcome) => outcome !== undefined);
}

async function runClients(jobs: number, directory: string): Promise<ClientOutcome[]> {
  const tasks = selectFrom(CLIENT_RUNS);
  const outcomes = new Map<Task, ClientOutcome>();
  const queue = [...tasks];
  const worker = async (_: unknown, index: number): Promise<void> => {
    for (let task = queue.shift(); task !== undefined; task = queue.shift()) {
      const { run, name, scenario } = task;
      const result = await runScenario({
        ...run,
        scenario: name,
        url: 'client',
        directory: path.join(directory, `client-${index}`),
        timeLimitMs: TIME_LIMIT_MS,
      });
      const verdict = judgeDirect({ ...result, journal: [], exchanges: [] });
      outcomes.set(task, { run, name, scenario, verdict });
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, worker));
  return tasks.map((task) => outcomes.get(task)).filter((outcome) => outcome !== undefined);
}

async function startServers(directory: string): Promise<Servers> {
  const direct = await startDirectLeg(path.join(directory, 'direct'));
  if (options.direct) return { direct, gateway: undefined };
  return {
    direct,
    gateway: await startGatewayLeg(options.gateway, path.join(directory, 'gateway'), fixtureEras()),
  };
}

async function stopServers({ direct, gateway }: Servers): Promise<void> {
  await direct[Symbol.asyncDispose]();
  await gateway?.[Symbol.asyncDispose]();
}

function fixtureEras(): Eras {
  const { fixture } = options;
  if (fixture === 'both' || fixture === 'legacy' || fixture === 'modern') return fixture;
  throw new Error('--fixture is one of both, legacy, modern');
}

/** @returns also whether the servers are spent, because the scenario left them changed or in the middle of something */
async function runTask(
  { run, name, scenario }: Task,
  servers: Servers,
): Promise<{ outcome: Outcome; spent: boolean }> {
  const covered = scenario.covered === true;
  const direct = await servers.direct.run(run, name, TIME_LIMIT_MS);
  const gateway = await servers.gateway?.run(run, name, covered ? TIME_LIMIT_MS : NOT_YET_LIMIT_MS);
  return {
    outcome: {
      run,
      name,
      scenario,
      direct: judgeDirect(direct),
      gateway: gateway && judgeGateway(scenario, direct, gateway),
    },
    spent: scenario.changesLists === true || (direct.trouble ?? gateway?.trouble) !== undefined,
  };
}

function notYetLines(outcomes: readonly Outcome[]): string[] {
  return outcomes
    .filter((outcome) => outcome.scenario.covered !== true && !isUnexpected(outcome))
    .flatMap(({ run, name, gateway }) => [
      '',
      `not yet: ${name} (suite ${run.suite}, specification ${run.specVersion})`,
      ...(gateway?.problems ?? []).map((problem) => `  ${problem}`),
    ]);
}
