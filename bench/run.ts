// npm run bench -- [--quick] [--write] [--no-pin] [--only direct,limit] [--profile <directory>]
//
//   --quick     under 40 seconds: that everything works, not what it costs
//   --write     leaves the results in bench/RESULTS.md instead of printing them
//   --no-pin    lets the processes use all cores
//   --only      some of the targets
//   --profile   a V8 CPU profile of each server; with --no-pin, or waiting for the core looks like work

import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createLoad } from './measure/load.ts';
import { describeMachine } from './measure/machine.ts';
import { planRun } from './measure/plan.ts';
import { createLauncher, findCore } from './measure/processes.ts';
import { writeReport } from './measure/report.ts';
import { type Running, runRounds, waitUntilReady, warmUp } from './measure/rounds.ts';
import { summarize } from './measure/summary.ts';
import { targets } from './targets/table.ts';

const flags = process.argv.slice(2);
const { values: options } = parseArgs({
  args: flags,
  options: {
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    'no-pin': { type: 'boolean', default: false },
    only: { type: 'string' },
    profile: { type: 'string' },
  },
});
const only = options.only?.split(',');
const unknown = only?.find((name) => !targets.some(({ key }) => key === name));
if (unknown !== undefined) throw new Error(`There is no target "${unknown}"`);
if (process.platform !== 'linux') throw new Error('CPU time is read from /proc: this needs Linux');
if (options.write && (options.quick || only !== undefined || options.profile !== undefined))
  throw new Error('--write keeps the results of a full run only');

const plan = planRun(options.quick);
const core = options['no-pin'] ? undefined : findCore();
const directory = await mkdtemp(join(tmpdir(), 'switchboard-bench-'));
const launcher = createLauncher({ directory, core, profileDirectory: options.profile });
// The launcher ends its processes on exit, and did so before this runs.
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
try {
  const report = await measure();
  if (options.write) await writeFile(join(import.meta.dirname, 'RESULTS.md'), report);
  else process.stdout.write(report);
} finally {
  await launcher.stopAll();
}

async function measure(): Promise<string> {
  const { child, ports } = await launcher.startServer('fixture', 'targets/fixture.ts', []);
  const load = createLoad(launcher.startOwn('load', 'load/generator.ts'));
  const ground = { launcher, directory, fixture: { pid: child.pid, ports } };
  const running: Running[] = [];
  for (const target of targets) {
    if (only?.includes(target.key) === false) continue;
    const one = { target, ...(await target.start(ground)) };
    await waitUntilReady(load, one);
    running.push(one);
  }
  tell('warming up');
  await warmUp(load, running, plan);
  const samples = await runRounds(load, running, plan, (round) => tell(`round ${round} of ${plan.rounds}`));
  return writeReport({
    summary: summarize(samples),
    plan,
    machine: await describeMachine(core),
    command: ['npm run bench', ...(flags.length > 0 ? ['--', ...flags] : [])].join(' '),
    date: new Date().toISOString().slice(0, 10),
  });
}

function tell(what: string): void {
  process.stderr.write(`${what}\n`);
}
