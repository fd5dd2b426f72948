// What a million calls leave behind: npx tsx bench/soak.ts [calls] [reconnects] [reloads] [seed]
// A gateway in a process of its own, before servers of both eras and a command that fail in every way, lose their sessions and cut
// their connections, while its configuration changes. After each of forty parts (twenty in a short run) all is still, its
// garbage is collected and what its heap holds is written down; a line is fitted to the second half. The long form takes about half
// an hour.

import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { status } from '../test/support/evil/steps.ts';
import { evilServer, httpAnswer, type Step } from '../test/support/evil/wire.ts';
import { type Answer, call } from './endurance/call.ts';
import { asAsked, listsTools, MISBEHAVIOURS, misbehaviourAt, TOOLS, toolFor } from './endurance/faults.ts';
import { type GatewayProcess, type Sample, startGatewayProcess } from './endurance/process.ts';
import { writeStdioServer } from './faulty.ts';
import { report } from './figures.ts';
import { fitLine } from './measure/line.ts';
import { memoryMiB } from './measure/memory.ts';
import { randomFrom } from './random.ts';
import type { Era } from './scene.ts';

const [calls = 1_000_000, reconnects = 10_000, reloads = 1000, seed = randomInt(2 ** 31)] = process.argv
  .slice(2)
  .map(Number);
const AT_ONCE = 32;
const IS_SHORT = calls < 100_000;
const PARTS = IS_SHORT ? 20 : 40;
/** What is made once is made here: compiled code, caches, connections. */
const WARM_UP = 0.5;
/**
 * The least that can be kept of a call is its place in an array or a map. In a short run not everything is made yet that is
 * made once: there it takes an object as well.
 */
const LEAST_BYTES = IS_SHORT ? 32 : 8;
/** A caller that waits longer than this was not answered. */
const NEVER_MS = 30_000;

const random = randomFrom(seed);
const unlike = new Map<string, number>();
const tally = { answered: 0, failed: 0, unanswered: 0, dropped: 0, sessionsLost: 0, cut: 0, reloads: 0 };

/** Of the legacy server: another one is in force from now on. */
let session = 1;
const openSession: Step = ({ message, send }) => {
  const result = {
    protocolVersion: '2025-11-25',
    capabilities: { tools: {} },
    serverInfo: { name: 's', version: '1' },
  };
  const headers = { 'content-type': 'application/json', 'mcp-session-id': `session-${session}` };
  return send(httpAnswer(200, headers, JSON.stringify({ jsonrpc: '2.0', id: message.id, result })));
};
const inSession: Step = (wire) =>
  wire.headers['mcp-session-id'] === `session-${session}` ? asAsked(wire) : status(404)(wire);
/** Of the modern one, those that were used since the last cut. */
const sockets = new Set<Socket>();
const overSocket: Step = (wire) => {
  sockets.add(wire.socket);
  return asAsked(wire);
};

await using modern = await evilServer({
  era: 'modern',
  on: { 'tools/list': [listsTools], 'tools/call': [overSocket] },
  remembers: false,
});
await using legacy = await evilServer({
  era: 'legacy',
  on: { initialize: [openSession], 'tools/list': [listsTools], 'tools/call': [inSession] },
  remembers: false,
});
const stdio = writeStdioServer(
  "send({ id, result: { content: [{ type: 'text', text: 'done ' + args.n }] } });",
  ['work'],
);
await using gateway = await startGatewayProcess(serversOf(0));
const dispatcher = new Agent({ connections: AT_ONCE });
const base = await gateway.sample();
const samples: [calls: number, heapBytes: number][] = [];
const startedAt = performance.now();
console.log(`${calls} calls, ${reconnects} reconnects, ${reloads} reloads, seed ${seed}`);

let made = 0;
let reloading: Promise<unknown> = Promise.resolve();
for (let part = 1; part <= PARTS; part++) {
  const until = Math.round((calls * part) / PARTS);
  await Promise.all(Array.from({ length: AT_ONCE }, () => callUntil(until)));
  await reloading;
  const { heapBytes } = await stillness(gateway);
  samples.push([made, heapBytes]);
  console.log(
    `${made} calls, ${seconds()} s: heap ${(heapBytes / 1e6).toFixed(2)} MB, RSS ${memoryMiB(gateway.pid, 'VmRSS').toFixed(0)} MiB`,
  );
}
await dispatcher.destroy();
const end = await stillness(gateway, base.handles);
stdio.remove();

const { slope, from, to } = fitLine(samples.slice(PARTS * WARM_UP));
console.log(JSON.stringify(tally));
for (const [what, count] of unlike) console.log(`${count} times ${what}`);
const round = (bytes: number) => +bytes.toFixed(3);
report([
  { name: `soak: heap per call, of ${calls}`, value: round(slope), unit: 'bytes' },
  {
    name: 'soak: the same, lower end of its 95 % interval',
    value: round(from),
    unit: 'bytes',
    limit: LEAST_BYTES,
  },
  { name: 'soak: the same, upper end', value: round(to), unit: 'bytes' },
  { name: 'soak: sessions lost and connections cut', value: tally.sessionsLost + tally.cut, unit: 'times' },
  { name: 'soak: reloads', value: tally.reloads, unit: 'times' },
  { name: 'soak: unanswered', value: tally.unanswered, unit: 'calls', limit: 0 },
  { name: 'soak: answers that no fault explains', value: sum(unlike.values()), unit: 'calls', limit: 0 },
  { name: 'soak: not over at the end', value: end.waiting, unit: 'requests', limit: 0 },
  {
    name: 'soak: handles left over',
    value: Math.max(0, end.handles - base.handles),
    unit: 'handles',
    limit: 0,
  },
]);

/** Which of its configurations is in force: a header of one server, and whether another one is there. */
function serversOf(n: number): object {
  const usual = { tools: TOOLS, repeatGraceMs: 100 };
  return {
    mcpServers: {
      modern: modern.entry({ ...usual, headers: { 'X-Key': `key-of-configuration-${n % 2}` } }),
      legacy: legacy.entry({ ...usual, description: `as in ${n % 2}` }),
      stdio: stdio.entry,
      ...(n % 2 === 1 && { goes: modern.entry(usual) }),
    },
    // Faults are what is asked for: a server that fails is not to be left alone for it.
    limits: { breakerFailures: 0, maxResultBytes: 256 * 1024, maxEventBytes: 256 * 1024 },
    drainMs: 5000,
  };
}

async function callUntil(until: number): Promise<void> {
  while (made < until) {
    const n = ++made;
    if (isTurn(n, reconnects)) reconnect();
    if (isTurn(n, reloads)) reloading = reloading.then(reload);
    await callOne(n);
  }
}

/** True `times` times of all calls, evenly. */
function isTurn(n: number, times: number): boolean {
  return Math.floor((n * times) / calls) > Math.floor(((n - 1) * times) / calls);
}

function reconnect(): void {
  if (tally.cut >= tally.sessionsLost) {
    session++;
    tally.sessionsLost++;
    return;
  }
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  tally.cut++;
}

async function reload(): Promise<void> {
  await gateway.reload(serversOf(++tally.reloads));
}

async function callOne(n: number): Promise<void> {
  const where = random();
  const downstream = where < 0.5 ? 'modern' : where < 0.9 ? 'legacy' : where < 0.95 ? 'stdio' : 'goes';
  const fault = downstream === 'stdio' ? undefined : misbehaviourAt(random());
  const era: Era = random() < 0.5 ? 'modern' : 'legacy';
  const streams = random() < 0.5;
  const isDropped = random() < 0.005;
  const before = { ...tally };
  const signal = isDropped ? AbortSignal.timeout(Math.floor(random() * 5)) : AbortSignal.timeout(NEVER_MS);
  let answer: Answer;
  try {
    const args = { n, fault };
    answer = await call(
      gateway.url,
      { name: `${downstream}__${toolFor(fault)}`, args, era, streams },
      { dispatcher, signal },
    );
  } catch (error) {
    if (isDropped) tally.dropped++;
    else {
      tally.unanswered++;
      console.log(`call ${n} of ${downstream}, ${fault}: ${error}`);
    }
    return;
  }
  const heard = heardIn(answer);
  const expected = MISBEHAVIOURS[fault ?? '']?.heard ?? `done ${n}`;
  if (heard === `done ${n}`) tally.answered++;
  else tally.failed++;
  const isExplained =
    heard === expected ||
    // Hit on their way by what befell the connection or the session of all.
    (downstream === 'legacy' && heard === 'session_lost' && tally.sessionsLost > before.sessionsLost) ||
    (downstream !== 'legacy' && /outcome_unknown|unavailable/.test(heard) && tally.cut > before.cut) ||
    (downstream === 'goes' && heard.startsWith('Unknown tool')) ||
    // Of the little time that it had nothing was left when the connection of all was there again.
    (expected === 'deadline' && /unavailable|busy/.test(heard)) ||
    // A flood can be cut at either limit, and so can a stream that is slow to come.
    (expected === 'too_large' && heard === 'deadline');
  if (isExplained) return;
  const what = `${heard} of ${downstream}, ${fault}`;
  unlike.set(what, (unlike.get(what) ?? 0) + 1);
}

function heardIn({ result, error }: Answer): string {
  const failure = result?._meta?.['mcp-switchboard/failure'];
  return failure?.reason ?? result?.content[0]?.text ?? error?.message ?? 'nothing';
}

/** What it holds when all that runs has ended, and when it has no more handles than this. */
async function stillness(of: GatewayProcess, handles = Number.POSITIVE_INFINITY): Promise<Sample> {
  let sample = await of.sample();
  // Connections that nobody uses close within seconds.
  for (let n = 0; n < 60 && (sample.waiting > 0 || sample.handles > handles); n++) {
    await sleep(200);
    sample = await of.sample();
  }
  return sample;
}

function seconds(): string {
  return ((performance.now() - startedAt) / 1000).toFixed(0);
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, number) => total + number, 0);
}
