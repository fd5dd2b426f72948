// Whether a write runs twice: npx tsx bench/duplicates.ts [writes] [seed]
// Servers of both eras and a process write down every run, and fail as the plan of each call says; callers cut their calls and
// send them again, and repeat what is called retryable. A cut comes while the server works: an answer that crosses with the end of
// its connection is lost, and nobody on this side of it can know.

import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, Client } from 'undici';
import { type CallResult, openGateway, post, resultOf, writeStdioServer } from './faulty.ts';
import { report } from './figures.ts';
import { randomFrom } from './random.ts';
import type { Era } from './scene.ts';

const FAULTS = [
  'none',
  'cut_before',
  'cut_after',
  '502_before',
  '502_after',
  '503',
  '429',
  'session_lost',
] as const;
const OF_CALLERS = ['dropped', 'dropped_twice'] as const;
const OF_PROCESSES = ['none', 'dies_before', 'dies_after'] as const;
type Fault = (typeof FAULTS)[number] | (typeof OF_CALLERS)[number] | (typeof OF_PROCESSES)[number];

interface Write {
  readonly n: number;
  readonly fault: Fault;
}

export interface Duplicates {
  readonly writes: number;
  readonly duplicates: number;
  readonly unanswered: number;
  /** Answers that say that nothing ran, of calls that did; or that it did, of calls that did not. */
  readonly untrue: number;
  readonly outcomeUnknown: number;
  readonly byFault: ReadonlyMap<string, number>;
  /** Of each write that ran more than once, what it was to meet. */
  readonly ranAgain: readonly string[];
  /** All of it is one process: when it stands still for longer than a grace, repetitions come too late. */
  readonly longestPauseMs: number;
}

/** How long callers go on repeating what is called retryable. */
const PATIENCE_MS = 60_000;

/** @param atOnce  calls that run at a time */
export async function findDuplicates(writes: number, seed: number, atOnce = 100): Promise<Duplicates> {
  const random = randomFrom(seed);
  const pick = <T>(choices: readonly T[]) => choices[Math.floor(random() * choices.length)] as T;
  const folder = mkdtempSync(join(tmpdir(), 'duplicates-'));
  const ledgerFile = join(folder, 'runs');
  const runs = new Map<number, number>();
  const run = ({ n }: Write) => void runs.set(n, (runs.get(n) ?? 0) + 1);
  /** What cuts a call, told by the server when it works. */
  const cutters = new Map<number, () => void>();
  const servers: Server[] = [];

  async function serve(era: Era): Promise<string> {
    const met = new Set<number>();
    let session = '';
    const server = createServer((req, res) => {
      let body = '';
      req.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      req.on('error', () => {});
      req.on('end', async () => {
        if (req.method !== 'POST') return res.writeHead(405).end();
        const { id, method, params } = JSON.parse(body);
        if (id === undefined) return res.writeHead(202).end();
        const answer = (result: object) => {
          res.setHeader('content-type', 'application/json');
          res.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
        };
        if (method === 'initialize' && era === 'legacy') {
          session = `session-${random()}`;
          res.setHeader('mcp-session-id', session);
        } else if (era === 'legacy' && req.headers['mcp-session-id'] !== session) {
          return res.writeHead(404).end();
        }
        if (method !== 'tools/call') return answer(resultOf(method, ['write'], era));
        const write = params.arguments as Write;
        const isFirst = !met.has(write.n);
        met.add(write.n);
        const { fault } = write;
        if (fault === 'cut_before') return res.destroy();
        if (fault === '502_before') return res.writeHead(502).end();
        if (fault === '429' && isFirst) return res.writeHead(429, { 'retry-after': '0' }).end();
        if (fault === 'session_lost' && isFirst && era === 'legacy') {
          session = '';
          return res.writeHead(404).end();
        }
        run(write);
        if (fault === 'cut_after') return res.destroy();
        if (fault === '502_after') return res.writeHead(502).end();
        if (fault === '503') return res.writeHead(503).end();
        if (cutters.has(write.n)) {
          await sleep(10);
          cutters.get(write.n)?.();
          if (fault === 'dropped_twice') {
            await sleep(250);
            cutters.get(write.n)?.();
          }
          await sleep(100 + (write.n % 5) * 200);
        }
        if (!res.destroyed)
          answer({
            content: [{ type: 'text', text: 'written' }],
            ...(era === 'modern' && { resultType: 'complete' }),
          });
      });
    });
    servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  }

  const stdio = writeStdioServer(
    `if (args.fault === 'dies_before') process.exit(1);
    appendFileSync(${JSON.stringify(ledgerFile)}, args.n + '\\n');
    if (args.fault === 'dies_after') process.exit(1);
    send({ id, result: { content: [{ type: 'text', text: 'written' }] } });`,
    ['write'],
  );
  const gateway = await openGateway({
    modern: { url: await serve('modern') },
    legacy: { url: await serve('legacy') },
    stdio: stdio.entry,
  });
  const { origin } = new URL(gateway.url);
  const dispatcher = new Agent({ connections: atOnce * 2 });
  const ends = new Map<number, CallResult | undefined>();
  const plans = new Map<number, string>();
  const pauses = monitorEventLoopDelay({ resolution: 20 });
  pauses.enable();
  const byFault = new Map<string, number>();

  /** As callers do it: what was cut is sent again, a few times, and so is what is called retryable. */
  async function call(downstream: string, era: Era, write: Write): Promise<CallResult | undefined> {
    let drops = write.fault === 'dropped' ? 1 : write.fault === 'dropped_twice' ? 2 : 0;
    const givesUpAt = performance.now() + PATIENCE_MS;
    let last: CallResult | undefined;
    let wasCut = false;
    while (wasCut || performance.now() < givesUpAt) {
      const cut = new AbortController();
      if (drops > 0) cutters.set(write.n, () => cut.abort());
      else cutters.delete(write.n);
      // Whoever was cut comes back on a new connection, as OpenAI does.
      const own = write.fault.startsWith('dropped') ? new Client(origin) : undefined;
      const options = { era, signal: cut.signal, dispatcher: own ?? dispatcher };
      try {
        last = await post(gateway.url, `${downstream}__write`, write, options);
        wasCut = false;
        if (failureOf(last)?.retryable !== true) return last;
        await sleep(200);
      } catch {
        if (!cut.signal.aborted) return undefined;
        wasCut = true;
        drops--;
        // At once, or when it was given up here.
        await sleep(write.n % 3 === 0 ? 700 : write.n % 50);
      } finally {
        void own?.destroy();
      }
    }
    return last;
  }

  let next = 0;
  async function work(): Promise<void> {
    while (next < writes) {
      const n = next++;
      const where = random();
      const downstream = where < 0.45 ? 'modern' : where < 0.9 ? 'legacy' : 'stdio';
      const isFaulty = random() < 0.5;
      // A process that dies is away for a while: a few do.
      const fault: Fault =
        downstream === 'stdio'
          ? random() < 0.002
            ? pick(OF_PROCESSES)
            : 'none'
          : !isFaulty
            ? 'none'
            : random() < 0.2
              ? pick(OF_CALLERS)
              : pick(FAULTS);
      byFault.set(fault, (byFault.get(fault) ?? 0) + 1);
      plans.set(n, `${n}: ${fault}, ${downstream}`);
      ends.set(n, await call(downstream, random() < 0.5 ? 'modern' : 'legacy', { n, fault }));
    }
  }

  try {
    await Promise.all(Array.from({ length: atOnce }, work));
  } finally {
    await dispatcher.destroy();
    await gateway.close();
    for (const server of servers) server.close().closeAllConnections();
    for (const n of linesOf(ledgerFile)) run({ n: Number(n), fault: 'none' });
    stdio.remove();
    rmSync(folder, { recursive: true });
  }
  const results = [...ends];
  return {
    writes,
    duplicates: [...runs.values()].filter((times) => times > 1).length,
    unanswered: results.filter(([, result]) => result === undefined).length,
    untrue: results.filter(([n, result]) => result !== undefined && !isTrue(result, runs.get(n) ?? 0)).length,
    outcomeUnknown: results.filter(([, result]) => failureOf(result)?.mayHaveRun === true).length,
    byFault,
    ranAgain: [...runs].filter(([, times]) => times > 1).map(([n]) => plans.get(n) ?? String(n)),
    longestPauseMs: Math.round(pauses.max / 1e6),
  };
}

const failureOf = (result: CallResult | undefined) => result?._meta?.['mcp-switchboard/failure'];

function isTrue(result: CallResult, runs: number): boolean {
  const failure = failureOf(result);
  if (failure === undefined) return runs > 0;
  return failure.mayHaveRun || runs === 0;
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    // No process got so far.
    return [];
  }
}

if (process.argv[1] === import.meta.filename) {
  const writes = Number(process.argv[2] ?? 100_000);
  const seed = Number(process.argv[3] ?? randomInt(2 ** 31));
  console.log(`${writes} writes, seed ${seed}`);
  const startedAt = performance.now();
  const found = await findDuplicates(writes, seed);
  const { duplicates, unanswered, untrue, outcomeUnknown, byFault, ranAgain, longestPauseMs } = found;
  console.log(
    [...byFault]
      .map(([fault, count]) => `${fault} ${count}`)
      .sort()
      .join(', '),
  );
  console.log(`${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  console.log(`longest pause of the process: ${longestPauseMs} ms`);
  for (const plan of ranAgain) console.log(`ran again: ${plan}`);
  const none = { unit: 'calls', limit: 0 };
  report([
    { name: 'duplicates', value: duplicates, ...none },
    { name: 'unanswered', value: unanswered, ...none },
    { name: 'answers that are not true', value: untrue, ...none },
    { name: 'outcome unknown', value: outcomeUnknown, unit: 'calls', limit: writes },
  ]);
}
