// What calls of a healthy server take while another one behind the same gateway misbehaves:
// npx tsx bench/neighbour.ts [rounds] [milliseconds of a slice]
// For each kind of misbehaviour slices with and without it take turns, and the p99 of all calls of one sort is set against that of the
// other. The gateway, the server that misbehaves, its callers, and who measures are four
// processes. What would be on other machines gives way to them: the server that misbehaves, and its callers.
// The circuit is off: else a server that fails would be left alone, and nothing be seen. Each kind is called as an agent calls, one
// call after the other; those that are work for the processor are called much more often, too, to see what that does: where
// both cores are busy with it, others wait. The long form takes about ten minutes.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Agent } from 'undici';
import { evilServer } from '../test/support/evil/wire.ts';
import { call } from './endurance/call.ts';
import { KINDS } from './endurance/misbehaving.ts';
import type { Misuse } from './endurance/misusing.ts';
import { startGatewayProcess } from './endurance/process.ts';
import { type Figure, report } from './figures.ts';
import { percentile } from './measure/statistics.ts';

const [rounds = 30, sliceMs = 1000] = process.argv.slice(2).map(Number);
const MOST = 1.1;
const LAST = 'connections refused';
const CALLERS = 2;
/** One of them calls again this long after it was answered. */
const PAUSE_MS = 4;
const NEVER_MS = 30_000;
/** Of the server that misbehaves. */
const AS_AN_AGENT = { callers: 1, pauseMs: 500 };
const AS_MANY = { callers: 4, pauseMs: 100 };
const HEAVY = ['bombs of gzip', 'results of 10 MB'];
const runs = [
  ...Object.keys(KINDS).map((kind) => ({ kind, pace: AS_AN_AGENT, limit: MOST as number | undefined })),
  ...HEAVY.map((kind) => ({ kind, pace: AS_MANY, limit: undefined })),
  // The server that misbehaves ends with the last.
].sort((a, b) => Number(a.kind === LAST) - Number(b.kind === LAST));

/** The least that there is. */
const BEHIND_ALL = 19;

const misbehaving = startHelper('./endurance/misbehaving.ts');
const [{ url }] = (await once(misbehaving, 'message')) as [{ url: string }];
await using well = await evilServer({ era: 'modern', remembers: false });
await using gateway = await startGatewayProcess({
  mcpServers: { evil: { url, callTimeoutMs: 1000 }, well: well.entry() },
  limits: { breakerFailures: 0 },
});
const misusing = startHelper('./endurance/misusing.ts', gateway.url);
const dispatcher = new Agent({ connections: CALLERS });
let [n, failed, last] = [0, 0, ''];
const figures: Figure[] = [];

for (const { kind, pace, limit } of runs) {
  const heard = once(misbehaving, kind === LAST ? 'exit' : 'message');
  misbehaving.send(kind);
  await heard;
  const times = { quiet: [] as number[], beside: [] as number[] };
  // What the first calls of a kind make once, is made here.
  await slice(pace);
  for (let round = 0; round < rounds; round++) {
    // Which of them is first takes turns as well.
    for (const which of round % 2 === 0 ? (['quiet', 'beside'] as const) : (['beside', 'quiet'] as const)) {
      times[which].push(...(await slice(which === 'beside' ? pace : undefined)));
    }
  }
  const [quiet, beside] = [times.quiet, times.beside].map((all) =>
    percentile(
      all.sort((a, b) => a - b),
      0.99,
    ),
  );
  const ratio = +((beside as number) / (quiet as number)).toFixed(2);
  const name = pace === AS_MANY ? `${kind}, forty a second` : kind;
  console.log(
    `${name}: p99 ${quiet?.toFixed(2)} ms without, ${beside?.toFixed(2)} ms beside; last heard: ${last}`,
  );
  figures.push({
    ...{ name: `neighbour: p99 beside ${name}`, value: ratio, unit: 'times' },
    ...(limit !== undefined && { limit }),
  });
}
await dispatcher.destroy();
misbehaving.kill();
misusing.kill();
report([...figures, { name: `neighbour: failed calls of ${n}`, value: failed, unit: 'calls', limit: 0 }]);

/** @returns what the calls of the healthy server took, in milliseconds */
async function slice(pace: typeof AS_AN_AGENT | undefined): Promise<number[]> {
  const times: number[] = [];
  const endAt = performance.now() + sliceMs;
  const beside = pace && misuse({ ...pace, forMs: sliceMs });
  await Promise.all(Array.from({ length: CALLERS }, () => measure(endAt, times)));
  await beside;
  return times;
}

async function measure(endAt: number, times: number[]): Promise<void> {
  while (performance.now() < endAt) {
    const startedAt = performance.now();
    const text = await askWell();
    times.push(performance.now() - startedAt);
    if (text !== 'well') failed++;
    // Not as fast as it can: what it waits for would be itself, or the processor.
    await sleep(PAUSE_MS);
  }
}

async function misuse(how: Misuse): Promise<void> {
  const over = once(misusing, 'message');
  misusing.send(how);
  [{ last }] = (await over) as [{ last: string }];
}

async function askWell(): Promise<string> {
  const given = { name: 'well__work', args: { n: ++n }, era: 'modern' } as const;
  const options = { dispatcher, signal: AbortSignal.timeout(NEVER_MS) };
  const { result } = await call(gateway.url, given, options);
  return result?.content[0]?.text ?? '';
}

function startHelper(file: string, ...args: string[]) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: ['--import', 'tsx'] });
  setPriority(child.pid as number, BEHIND_ALL);
  return child;
}
