// What calls of a healthy server take while another one behind the same gateway misbehaves:
// npx tsx bench/neighbour.ts [rounds] [milliseconds of a slice]
// For each kind of misbehaviour slices with and without it take turns. The figure is the median of what the p99 of a slice is, as a
// multiple of that of the slice beside it; the interval is that of this median, and a promise is broken where all of it is over.
// The gateway, the server that misbehaves, its callers, and who measures are four processes. What would be on other
// machines gives way to them: the server that misbehaves, and its callers. The circuit is off: else a server that fails
// would be left alone, and nothing be seen. Each kind is called as an agent calls, one call after the other. Those that are
// work for the processor are set against the same work past the gateway, too: what all of them lack on two cores is not what the
// gateway takes. And they are called much more often, to see what that does. The long form takes about twelve minutes.

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
import { median, medianWithin, percentile } from './measure/statistics.ts';

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

interface Run {
  readonly kind: string;
  readonly pace: typeof AS_AN_AGENT;
  /** With what the slices beside it are compared: nothing, or the same calls sent to the server itself. */
  readonly against: 'nothing' | 'the same past the gateway';
  readonly limit?: number;
}
const runs: Run[] = [
  ...Object.keys(KINDS).map((kind): Run => {
    const limit = HEAVY.includes(kind) ? {} : { limit: MOST };
    return { kind, pace: AS_AN_AGENT, against: 'nothing', ...limit };
  }),
  ...HEAVY.flatMap((kind): Run[] => [
    { kind, pace: AS_AN_AGENT, against: 'the same past the gateway', limit: MOST },
    { kind, pace: AS_MANY, against: 'nothing' },
  ]),
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
const misusing = startHelper('./endurance/misusing.ts');
const dispatcher = new Agent({ connections: CALLERS });
let [n, failed, last] = [0, 0, ''];
const figures: Figure[] = [];

for (const { kind, pace, against, limit } of runs) {
  const heard = once(misbehaving, kind === LAST ? 'exit' : 'message');
  misbehaving.send(kind);
  await heard;
  const beside = { ...pace, url: gateway.url, forMs: sliceMs };
  const past = against === 'nothing' ? undefined : { ...beside, url };
  const [p99s, ratios]: [number[], number[]] = [[], []];
  // What the first calls of a kind make once, is made here.
  await p99Of(beside);
  const heardLast = last;
  for (let round = 0; round < rounds; round++) {
    const pair = { with: 0, without: 0 };
    // Which of them is first takes turns as well.
    for (const which of round % 2 === 0 ? (['without', 'with'] as const) : (['with', 'without'] as const))
      pair[which] = await p99Of(which === 'with' ? beside : past);
    p99s.push(pair.with);
    ratios.push(pair.with / pair.without);
  }
  const [lower, middle, upper] = medianWithin(ratios);
  const often = pace === AS_MANY ? ', forty a second' : '';
  const name = `${kind}${often}${past ? `, compared with ${against}` : ''}`;
  console.log(
    `${name}: p99 ${median(p99s).toFixed(2)} ms, ${middle.toFixed(2)} times [${lower.toFixed(2)}, ${upper.toFixed(2)}]; last heard: ${heardLast}`,
  );
  figures.push({ name: `neighbour: p99 beside ${name}`, value: +middle.toFixed(2), unit: 'times' });
  if (limit !== undefined)
    figures.push({
      name: 'the same, lower end of its 95 % interval',
      value: +lower.toFixed(2),
      unit: 'times',
      limit,
    });
}
await dispatcher.destroy();
misbehaving.kill();
misusing.kill();
report([...figures, { name: `neighbour: failed calls of ${n}`, value: failed, unit: 'calls', limit: 0 }]);

/** @returns the p99 of what the calls of the healthy server take in one slice, in milliseconds */
async function p99Of(how: Misuse | undefined): Promise<number> {
  const times: number[] = [];
  const endAt = performance.now() + sliceMs;
  const misused = how && misuse(how);
  await Promise.all(Array.from({ length: CALLERS }, () => measure(endAt, times)));
  await misused;
  return percentile(
    times.sort((a, b) => a - b),
    0.99,
  );
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
