import path from 'node:path';
import type { Eras } from './fixture/fixture.ts';
import { judgeDirect, judgeGateway } from './judge.ts';
import { type Leg, startDirectLeg, startGatewayLeg } from './leg.ts';
import { type ClientOutcome, isUnexpected, type Outcome } from './report.ts';
import type { Run, Scenario } from './scenarios.ts';
import { runScenario, type SuiteFiles } from './suite.ts';

const TIME_LIMIT_MS = 60_000;
/** What is not held against the gateway yet may hang, and is not waited for as long. */
const NOT_YET_LIMIT_MS = 8_000;

export interface Task {
  readonly run: Run;
  readonly name: string;
  readonly scenario: Scenario;
}

export interface Means {
  /** So many work side by side. */
  readonly jobs: number;
  /** For what is written meanwhile. */
  readonly directory: string;
  readonly suites: SuiteFiles;
  /** Its built file. */
  readonly gateway: string;
  /** What the servers behind a gateway speak, each behind one of its own; none runs the direct leg alone. */
  readonly fixtures: readonly Eras[];
}

interface Servers {
  readonly direct: Leg;
  readonly gateways: readonly { readonly eras: Eras; readonly leg: Leg }[];
}

/** Runs server scenarios, direct and through the gateway. */
export function runServers(tasks: readonly Task[], means: Means): Promise<Outcome[]> {
  return sideBySide(tasks, means.jobs, async (next, index) => {
    // Servers of its own: a journal and a recording belong to one scenario at a time.
    let servers: Servers | undefined;
    let generation = 0;
    await next(async (task) => {
      servers ??= await startServers(path.join(means.directory, `${index}-${generation++}`), means);
      const { outcome, spent } = await runTask(task, servers);
      if (process.stderr.isTTY) process.stderr.write(isUnexpected(outcome) ? 'x' : '.');
      if (spent) {
        await stopServers(servers);
        servers = undefined;
      }
      return outcome;
    });
    if (servers !== undefined) await stopServers(servers);
  });
}

/** Runs scenarios whose server tests the gateway as its client. */
export function runClients(
  tasks: readonly Task[],
  { jobs, directory, suites }: Means,
): Promise<ClientOutcome[]> {
  return sideBySide(tasks, jobs, (next, index) =>
    next(async ({ run, name, scenario }) => {
      const result = await runScenario({
        ...run,
        suites,
        scenario: name,
        url: 'client',
        directory: path.join(directory, `client-${index}`),
        timeLimitMs: TIME_LIMIT_MS,
      });
      const verdict = judgeDirect({ ...result, journal: [], exchanges: [] });
      return { run, name, scenario, verdict };
    }),
  );
}

type Next<T> = (run: (task: Task) => Promise<T>) => Promise<void>;

/** @returns in the order of `tasks`, whoever finished first */
async function sideBySide<T>(
  tasks: readonly Task[],
  jobs: number,
  worker: (next: Next<T>, index: number) => Promise<void>,
): Promise<T[]> {
  const outcomes = new Map<Task, T>();
  const queue = [...tasks];
  const next: Next<T> = async (run) => {
    for (let task = queue.shift(); task !== undefined; task = queue.shift())
      outcomes.set(task, await run(task));
  };
  await Promise.all(Array.from({ length: jobs }, (_, index) => worker(next, index)));
  return tasks.flatMap((task) => outcomes.get(task) ?? []);
}

async function startServers(directory: string, { suites, gateway, fixtures }: Means): Promise<Servers> {
  const direct = await startDirectLeg(path.join(directory, 'direct'), suites);
  const gateways = fixtures.map(async (eras) => ({
    eras,
    leg: await startGatewayLeg(gateway, path.join(directory, eras), suites, eras),
  }));
  return { direct, gateways: await Promise.all(gateways) };
}

async function stopServers({ direct, gateways }: Servers): Promise<void> {
  await direct[Symbol.asyncDispose]();
  for (const { leg } of gateways) await leg[Symbol.asyncDispose]();
}

/** @returns also whether the servers are spent, because the scenario left them changed or in the middle of something */
async function runTask(
  { run, name, scenario }: Task,
  servers: Servers,
): Promise<{ outcome: Outcome; spent: boolean }> {
  const limitMs = scenario.covered === true ? TIME_LIMIT_MS : NOT_YET_LIMIT_MS;
  const direct = await servers.direct.run(run, name, TIME_LIMIT_MS);
  let isTroubled = direct.trouble !== undefined;
  const gateways: Outcome['gateways'][number][] = [];
  for (const { eras, leg } of servers.gateways) {
    const record = await leg.run(run, name, limitMs);
    isTroubled ||= record.trouble !== undefined;
    gateways.push({ eras, verdict: judgeGateway(scenario, direct, record, eras) });
  }
  return {
    outcome: { run, name, scenario, direct: judgeDirect(direct), gateways },
    spent: scenario.changesLists === true || isTroubled,
  };
}
