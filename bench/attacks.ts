// What hostile downstreams and rude callers cost in memory, and how soon a call hears that it has failed:
// npx tsx bench/attacks.ts
// The gateway under attack is the built program, in a process of its own for each attack. Its memory is VmHWM of Linux,
// the highest it ever was, less what it had after 300 good calls. The last line is JSON, for docs/reliability.md.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { createGateway, createLog, createSecrets, loadConfig } from '../src/gateway.ts';
import { connected, listening, main } from '../test/cli/serving.ts';
import { startNode } from '../test/support/child.ts';
import {
  bytes,
  chunk,
  chunked,
  endless,
  fin,
  head,
  json,
  progress,
  rst,
  silence,
  stream,
} from '../test/support/evil/steps.ts';
import { type EvilServer, evilServer, httpHead, type Step } from '../test/support/evil/wire.ts';
import { legacyRequest, type Message, modernRequest } from '../test/support/messages.ts';
import { send } from '../test/support/wire-client.ts';
import { type Figure, report } from './figures.ts';
import { memoryMiB } from './measure/memory.ts';
import { token } from './scene.ts';
import './signals.ts';

const MIB = 1024 * 1024;
const CALL_TIMEOUT_MS = 3000;
/** What is garbage already is collected when there is more of it: some in a row show where that ends. */
const IN_A_ROW = 8;

const blanks = Buffer.alloc(64 * 1024, 0x20);
const bomb = gzipSync(Buffer.alloc(200 * MIB, 0x20));

/** Each is the answer to a call. */
const ATTACKS: Readonly<Record<string, readonly Step[]>> = {
  '200 MB of JSON, of a length that is told': [
    head({ ...json, 'content-length': String(200 * MIB) }),
    raw(200 * MIB),
  ],
  '200 MB of JSON, in chunks': [chunked(json), endless(blanks)],
  [`200 MB of JSON in ${Math.round(bomb.length / 1024)} KB of gzip`]: [
    bytes(
      Buffer.concat([
        Buffer.from(
          httpHead(200, { ...json, 'content-encoding': 'gzip', 'content-length': String(bomb.length) }),
        ),
        bomb,
      ]),
    ),
    silence,
  ],
  'an event without end': [chunked(stream), chunk('data: '), endless('x'.repeat(64 * 1024))],
  'events without end': [chunked(stream), endless(progress(1))],
  'comments without end': [chunked(stream), endless(': nothing to say\n'.repeat(4096))],
};

const CUTS: Readonly<Record<string, readonly Step[]>> = {
  'reset before any byte': [rst],
  'closed after the head of a stream': [chunked(stream), fin],
  'reset after an event': [chunked(stream), chunk(progress(1)), rst],
  'a stream that ends without the answer': [chunked(stream), chunk(progress(1)), bytes('0\r\n\r\n')],
  'closed in a body': [head({ ...json, 'content-length': '1000' }), bytes('{"a":'), fin],
};

let calls = 0;
const folder = mkdtempSync(join(tmpdir(), 'attacks-'));
const figures: Figure[] = [];
try {
  const worst = { first: 0, last: 0 };
  for (const [what, steps] of Object.entries(ATTACKS)) {
    const { first, last } = await growthUnder(steps);
    console.log(
      `${what}: grew by ${first.toFixed(1)} MiB at most, after ${IN_A_ROW} of them by ${last.toFixed(1)}`,
    );
    worst.first = Math.max(worst.first, first);
    worst.last = Math.max(worst.last, last);
  }
  figures.push(
    { name: 'peak memory growth under an attack', value: +worst.first.toFixed(1), unit: 'MiB', limit: 25 },
    { name: `the same, ${IN_A_ROW} in a row`, value: +worst.last.toFixed(1), unit: 'MiB', limit: 64 },
  );
  figures.push({ name: 'cut stream to error, worst', value: await worstAfterCut(), unit: 'ms', limit: 100 });
  figures.push({
    name: 'lateness past a deadline, worst',
    value: await worstLateness(),
    unit: 'ms',
    limit: 250,
  });
  figures.push({
    name: '10 000 legacy initialisations',
    value: await heapOfHandshakes(10_000),
    unit: 'MiB',
    limit: 20,
  });
} finally {
  rmSync(folder, { recursive: true });
}
report(figures);

/** So many blanks, as they are taken. */
function raw(size: number): Step {
  return async (wire) => {
    for (let sent = 0; sent < size && wire.socket.writable; sent += blanks.length) {
      await Promise.race([wire.send(blanks), wire.gone]);
    }
  };
}

/** @returns MiB, after the first one and after the last one */
async function growthUnder(steps: readonly Step[]): Promise<{ first: number; last: number }> {
  await using evil = await evilServer({ era: 'modern' });
  await using gateway = await startProcess(evil);
  for (let i = 0; i < 300; i++) expectText(await callWork(gateway.url), 'well');
  await sleep(300);
  const before = memoryMiB(gateway.pid, 'VmRSS');
  writeFileSync(`/proc/${gateway.pid}/clear_refs`, '5');
  evil.script({ 'tools/call': steps });
  const attack = async () => expectText(await callWork(gateway.url), '"isError":true');
  const grown = () => memoryMiB(gateway.pid, 'VmHWM') - before;
  await attack();
  const first = grown();
  for (let round = 1; round < IN_A_ROW; round++) await attack();
  return { first, last: grown() };
}

/** @returns milliseconds */
async function worstAfterCut(): Promise<number> {
  let worst = 0;
  for (const [what, steps] of Object.entries(CUTS)) {
    await using evil = await evilServer({ era: 'modern' });
    await using gateway = await startProcess(evil);
    for (let i = 0; i < 20; i++) expectText(await callWork(gateway.url), 'well');
    evil.script({ 'tools/call': steps });
    const times: number[] = [];
    for (let i = 0; i < 60; i++) {
      expectText(await callWork(gateway.url), '"isError":true');
      times.push(performance.now() - (evil.heard.at(-1)?.answeredAt as number));
    }
    times.sort((a, b) => a - b);
    console.log(
      `${what}: ${times.length} errors, p50 ${(times[30] ?? 0).toFixed(1)} ms, worst ${(times.at(-1) ?? 0).toFixed(1)} ms`,
    );
    worst = Math.max(worst, times.at(-1) ?? 0);
  }
  return +worst.toFixed(1);
}

/** @returns milliseconds */
async function worstLateness(): Promise<number> {
  await using evil = await evilServer({ era: 'modern' });
  await using gateway = await startProcess(evil, 1000);
  for (let i = 0; i < 50; i++) expectText(await callWork(gateway.url), 'well');
  let worst = 0;
  for (const steps of [
    [silence],
    [chunked(stream), silence],
    [head({ ...json, 'content-length': '9' }), bytes('{'), silence],
  ]) {
    evil.script({ 'tools/call': steps });
    for (let round = 0; round < 2; round++) {
      const late = await Promise.all(
        Array.from({ length: 50 }, async () => {
          const startedAt = performance.now();
          expectText(await callWork(gateway.url), 'did not answer');
          return performance.now() - startedAt - 1000;
        }),
      );
      worst = Math.max(worst, ...late);
    }
  }
  return +worst.toFixed(1);
}

/** What so many callers leave in the heap that say `initialize` and never come back. @returns MiB */
async function heapOfHandshakes(count: number): Promise<number> {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  await using evil = await evilServer({ era: 'legacy' });
  const config = loadConfig({ path: writeServers(evil), env: {} });
  const log = createLog({ level: 'silent', secrets: createSecrets(), destination: { write: () => {} } });
  const gateway = createGateway(config, { log, token });
  const { url } = await gateway.listen({ host: '127.0.0.1', port: 0 });
  await gateway.attempted;
  const params = {
    protocolVersion: '2025-11-25',
    capabilities: { elicitation: {} },
    clientInfo: { name: 'b', version: '1' },
  };
  const shakeHands = async (times: number) => {
    for (let i = 0; i < times; i += 50) {
      const answers = Array.from({ length: 50 }, () => post(url, legacyRequest('initialize', params)));
      for (const text of await Promise.all(answers)) expectText(text, '"protocolVersion":"2025-11-25"');
    }
  };
  const heap = async () => {
    for (let i = 0; i < 3; i++) {
      await sleep(100);
      gc();
    }
    return process.memoryUsage().heapUsed;
  };
  await shakeHands(500);
  const before = await heap();
  await shakeHands(count);
  const grown = (await heap()) - before;
  await gateway.close();
  return +(grown / MIB).toFixed(1);
}

async function startProcess(evil: EvilServer, callTimeoutMs = CALL_TIMEOUT_MS) {
  const config = writeServers(evil, callTimeoutMs);
  const child = startNode([main, 'serve', '--config', config, '--port', '0'], {
    cwd: folder,
    env: { HOME: folder, SWITCHBOARD_TOKEN: token, LOG_LEVEL: 'info' },
  });
  const url = await listening(child);
  await connected(child, 1);
  return { url, pid: child.process.pid as number, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}

function writeServers(evil: EvilServer, callTimeoutMs = CALL_TIMEOUT_MS): string {
  const path = join(folder, 'servers.json');
  writeFileSync(
    path,
    // One failure after the other is what is measured: the server is not to be left alone for that.
    JSON.stringify({
      mcpServers: { evil: evil.entry({ callTimeoutMs }) },
      catalogFile: '',
      limits: { breakerFailures: 0 },
    }),
  );
  return path;
}

function callWork(url: string): Promise<string> {
  const params = { name: 'evil__work', arguments: { n: ++calls }, _meta: { progressToken: 1 } };
  return post(url, modernRequest('tools/call', params));
}

async function post(url: string, [body, headers]: [Message, Record<string, string>]): Promise<string> {
  const usual = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  return (await send(url, { body, headers: { ...usual, ...headers } })).text;
}

function expectText(text: string, part: string): void {
  if (!text.includes(part)) throw new Error(`expected ${part} in ${text.slice(0, 500)}`);
}
