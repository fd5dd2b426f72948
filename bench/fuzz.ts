// What a gateway makes of nonsense: npx tsx bench/fuzz.ts [cases] [seed] [one case, to see it again]
// Half of the cases are requests, sent below HTTP and changed in their JSON, their headers and their bytes; half are answers of
// servers, cut anywhere, in every framing that there is, and every second one of those broken. Whatever comes: the process lives,
// each request has one whole answer, a healthy server behind is called without a failure, no secret is seen, and nothing is left
// over. An answer that is not broken reaches its caller as it was. The long form, 100 000 cases, takes about ten minutes.

import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Agent } from 'undici';
import { evilServer } from '../test/support/evil/wire.ts';
import { call } from './endurance/call.ts';
import { startGatewayProcess } from './endurance/process.ts';
import { report } from './figures.ts';
import { callerCase, sendAsCaller } from './fuzz/as-caller.ts';
import { bySeed, CANARY, downstreamCase, type Payload } from './fuzz/as-downstream.ts';
import { type Dice, dice } from './fuzz/grammar.ts';
import type { HttpAnswer } from './fuzz/http-answer.ts';
import { randomFrom } from './random.ts';
import { token } from './scene.ts';

const [cases = 100_000, seed = randomInt(2 ** 31), only] = process.argv.slice(2).map(Number);
const AT_ONCE = 32;
const CALL_TIMEOUT_MS = 15_000;
/** For a request that never becomes whole. A machine that stands still must not make one of those that do. */
const REQUEST_TIMEOUT_MS = 4000;
/** A whole request is answered within this; what never becomes whole, too, since its time is short. */
const LONGEST_MS = 40_000;

const problems: string[] = [];
const tally = {
  requests: 0,
  answers: 0,
  whole: 0,
  refused: 0,
  cut: 0,
  results: 0,
  failures: 0,
  neighbour: 0,
};
const secrets = [CANARY, token];

const on = { 'tools/call': [bySeed] };
await using modern = await evilServer({ era: 'modern', on, remembers: false });
await using legacy = await evilServer({ era: 'legacy', on, remembers: false });
/** Others for what is broken: it ends connections that a good answer may be about to come over. */
await using brokenModern = await evilServer({ era: 'modern', on, remembers: false });
await using brokenLegacy = await evilServer({ era: 'legacy', on, remembers: false });
await using well = await evilServer({ era: 'modern', remembers: false });
const headers = { 'X-API-KEY': CANARY };
const entry = { headers, callTimeoutMs: CALL_TIMEOUT_MS, repeatGraceMs: 100 };
const servers = {
  mcpServers: {
    modern: modern.entry(entry),
    legacy: legacy.entry(entry),
    brokenModern: brokenModern.entry(entry),
    brokenLegacy: brokenLegacy.entry(entry),
    well: well.entry({ headers }),
  },
  limits: { breakerFailures: 0, headersTimeoutMs: REQUEST_TIMEOUT_MS, requestTimeoutMs: REQUEST_TIMEOUT_MS },
};
let lines = '';
await using gateway = await startGatewayProcess(servers, {
  level: 'debug',
  onStderr(text) {
    lines += text;
    const whole = lines.lastIndexOf('\n') + 1;
    for (const line of lines.slice(0, whole).split('\n')) judgeLine(line);
    lines = lines.slice(whole);
  },
});
const dispatcher = new Agent({ connections: AT_ONCE + 1 });
/** The last one that the gateway has given out. */
let session: string | undefined;
console.log(`${cases} cases, seed ${seed}`);
const startedAt = performance.now();

let isOver = false;
const neighbour = callNeighbour();
if (only !== undefined) await runCase(only);
else {
  let next = 0;
  const run = async () => {
    while (next < cases && problems.length < 20) await runCase(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, run));
}
isOver = true;
await neighbour;
await dispatcher.destroy();
let left = await gateway.sample();
for (let n = 0; n < 50 && left.waiting > 0; n++) {
  await sleep(200);
  left = await gateway.sample();
}

console.log(`${((performance.now() - startedAt) / 1000).toFixed(0)} s: ${JSON.stringify(tally)}`);
for (const problem of problems) console.log(problem);
const none = { limit: 0 };
report([
  { name: 'fuzz: cases', value: tally.requests + tally.answers, unit: 'cases' },
  { name: 'fuzz: cases that broke a promise', value: problems.length, unit: 'cases', ...none },
  { name: 'fuzz: processes that ended', value: gateway.hasDied ? 1 : 0, unit: 'processes', ...none },
  { name: 'fuzz: not over at the end', value: left.waiting, unit: 'requests', ...none },
]);

async function runCase(n: number): Promise<void> {
  const own = randomFrom(seed ^ Math.imul(n + 1, 0x9e3779b1));
  const given = dice(own);
  try {
    if (given.chance(0.5)) await runAsCaller(n, given);
    else await runAsDownstream(n, given);
  } catch (error) {
    fail(n, String(error));
  }
}

async function runAsCaller(n: number, given: Dice): Promise<void> {
  tally.requests++;
  const began = session;
  const sent = callerCase(given, began);
  if (only !== undefined) console.log(sent.bytes.toString('latin1'));
  const sentAt = performance.now();
  const answer = await sendAsCaller(gateway.url, sent, LONGEST_MS);
  if (only !== undefined) console.log(answer?.status, answer?.headers, answer?.body.toString());
  if (answer === undefined) {
    const tookMs = performance.now() - sentAt;
    // What is refused at its head while more of it is coming may be cut off before the refusal was read: TCP knows no better.
    if (sent.request !== undefined || tookMs >= LONGEST_MS)
      fail(n, `no answer within ${tookMs.toFixed(0)} ms`);
    tally.cut++;
    return;
  }
  session = answer.headers['mcp-session-id'] ?? session;
  const messages = messagesIn(answer);
  if (answer.status >= 400) tally.refused++;
  if (sent.request === undefined || sent.request.isListening) return;
  // Another case has ended it.
  if (answer.status === 404 && began !== undefined) {
    if (session === began) session = undefined;
    return;
  }
  tally.whole++;
  const { id } = sent.request;
  const last = messages.at(-1) as { jsonrpc?: unknown; id?: unknown; result?: unknown; error?: unknown };
  const isOne = last?.jsonrpc === '2.0' && (last.result !== undefined) !== (last.error !== undefined);
  const isIts =
    last?.id === id || (answer.status >= 400 && last?.error !== undefined && (last.id ?? null) === null);
  if (!isOne || !isIts)
    fail(n, `request ${JSON.stringify(id)} was answered by ${answer.status} ${answer.body}`);
}

/** The JSON in it. @throws where it is none */
function messagesIn({ headers, body }: HttpAnswer): unknown[] {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  for (const secret of secrets) if (text.includes(secret)) throw new Error('a secret is in an answer');
  if (text === '') return [];
  const type = headers['content-type'] ?? '';
  if (type.startsWith('application/json')) return [JSON.parse(text)];
  if (!type.startsWith('text/event-stream')) throw new Error(`an answer is ${type}`);
  const events = text.split('\n\n').filter((event) => event.includes('data: '));
  return events.map((event) => JSON.parse(event.slice(event.indexOf('data: ') + 6)));
}

async function runAsDownstream(n: number, given: Dice): Promise<void> {
  tally.answers++;
  const answerSeed = given.upTo(2 ** 31);
  const { expected } = downstreamCase(answerSeed);
  const servers = expected === undefined ? ['brokenModern', 'brokenLegacy'] : ['modern', 'legacy'];
  const name = `${given.pick(servers)}__work`;
  const era = given.pick(['modern', 'legacy'] as const);
  const args = { seed: answerSeed, n };
  const signal = AbortSignal.timeout(LONGEST_MS);
  const answer = await call(
    gateway.url,
    { name, args, era, streams: given.chance(0.5) },
    { dispatcher, signal },
  );
  if (only !== undefined) console.log(name, era, JSON.stringify(answer), JSON.stringify(expected));
  const text = JSON.stringify(answer);
  if (secrets.some((secret) => text.includes(secret))) return fail(n, `a secret is in an answer: ${text}`);
  const { result, error } = answer;
  if ((result === undefined) === (error === undefined)) return fail(n, `no answer, or two: ${text}`);
  const isFailure = result?._meta?.['mcp-switchboard/failure'] !== undefined;
  if (isFailure) tally.failures++;
  else tally.results++;
  if (expected === undefined) return;
  const { content, structuredContent } = result as unknown as Payload;
  if (!isDeepStrictEqual({ content, structuredContent }, expected)) {
    fail(n, `${JSON.stringify(expected)} came as ${text}`);
  }
}

async function callNeighbour(): Promise<void> {
  while (!isOver) {
    const n = ++tally.neighbour;
    const args = { n };
    const given = { name: 'well__work', args, era: 'modern' } as const;
    const signal = AbortSignal.timeout(LONGEST_MS);
    const text = await call(gateway.url, given, { dispatcher, signal }).then(
      ({ result }) => result?.content[0]?.text,
      (error) => String(error),
    );
    if (text !== 'well') fail(-1, `the neighbour was answered with ${text}`);
    await sleep(5);
  }
}

function judgeLine(line: string): void {
  if (secrets.some((secret) => line.includes(secret))) fail(-1, `a secret is in the log: ${line}`);
  if (line.includes('"event":"unexpected"') || /^\s+at |Warning/.test(line)) fail(-1, `the log has ${line}`);
}

function fail(n: number, what: string): void {
  const where = n < 0 ? '' : `case ${n} (npx tsx bench/fuzz.ts ${cases} ${seed} ${n}): `;
  problems.push(`${where}${what.slice(0, 1500)}`);
}
