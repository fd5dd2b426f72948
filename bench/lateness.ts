// How late calls that hang are answered, and how soon calls whose stream is cut: npx tsx bench/lateness.ts [calls of each kind]
// Every kind of hanging is called in rounds of 50 at once, since a downstream has 64 connections.

import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openGateway, post, resultOf, writeStdioServer } from './faulty.ts';

const CALLS = Number(process.argv[2] ?? 200);
const AT_ONCE = 50;
const DEADLINE_MS = 1000;
const MAX_LATE_MS = 250;
const MAX_CUT_MS = 100;
const NEVER_MS = 60_000;

/** What the tool of this name does with its call. */
const HANGS: Readonly<
  Record<string, (res: ServerResponse, cutAt: (id: unknown) => void, id: unknown) => void>
> = {
  no_headers: () => {},
  headers_only: (res) => res.writeHead(200, { 'content-type': 'application/json' }).flushHeaders(),
  half_a_body: (res) =>
    void res.writeHead(200, { 'content-type': 'application/json' }).write('{"jsonrpc":"2.0",'),
  sse_silent: (res) => res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders(),
  cut_stream: (res, cutAt, id) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    setTimeout(() => {
      cutAt(id);
      res.destroy();
    }, 50);
  },
};

const cuts = new Map<unknown, number>();
const server = createServer((req, res) => {
  let body = '';
  req.setEncoding('utf8').on('data', (text: string) => {
    body += text;
  });
  req.on('end', () => {
    if (req.method !== 'POST') return void res.writeHead(405).end();
    const { id, method, params } = JSON.parse(body);
    if (method === 'tools/call') {
      return HANGS[params.name]?.(res, (n) => void cuts.set(n, performance.now()), params.arguments.n);
    }
    res.setHeader('content-type', 'application/json');
    res.end(JSON.stringify({ jsonrpc: '2.0', id, result: resultOf(method, Object.keys(HANGS)) }));
  });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
const stdio = writeStdioServer(`if (name === 'stdio_silent') return;`, ['stdio_silent']);
const gateway = await openGateway({
  http: { url, callTimeoutMs: DEADLINE_MS },
  // A child is told in one pipe; a second one shows that they do not wait for each other.
  stdio: { ...stdio.entry, callTimeoutMs: DEADLINE_MS },
});
const figures: { name: string; value: number; unit: string; limit: number }[] = [];
let unanswered = 0;
let n = 0;

try {
  for (const name of [...Object.keys(HANGS).filter((each) => each !== 'cut_stream'), 'stdio_silent']) {
    const exposed = `${name === 'stdio_silent' ? 'stdio' : 'http'}__${name}`;
    const late = (await callAll(exposed)).map(({ ms }) => ms - DEADLINE_MS);
    figures.push({ name: `worst lateness, ${name}`, value: worst(late), unit: 'ms', limit: MAX_LATE_MS });
  }
  const afterCut = (await callAll('http__cut_stream')).map(
    ({ answeredAt, id }) => answeredAt - (cuts.get(id) ?? 0),
  );
  figures.push({ name: 'cut stream to error', value: worst(afterCut), unit: 'ms', limit: MAX_CUT_MS });
  figures.push({ name: 'unanswered', value: unanswered, unit: 'calls', limit: 1 });
} finally {
  await gateway.close();
  server.close();
  server.closeAllConnections();
  stdio.remove();
}
for (const { name, value, unit, limit } of figures) {
  console.log(`${name}: ${value} ${unit} of ${CALLS} calls (must be below ${limit})`);
}
if (figures.some(({ value, limit }) => value >= limit)) process.exitCode = 1;
console.log(JSON.stringify({ figures }));

function worst(times: readonly number[]): number {
  return Math.round(Math.max(...times) * 10) / 10;
}

async function callAll(name: string): Promise<{ id: number; ms: number; answeredAt: number }[]> {
  const all: { id: number; ms: number; answeredAt: number }[] = [];
  for (let from = 0; from < CALLS; from += AT_ONCE) {
    const count = Math.min(AT_ONCE, CALLS - from);
    all.push(...(await Promise.all(Array.from({ length: count }, () => callOne(name)))));
  }
  return all;
}

async function callOne(name: string) {
  const id = ++n;
  const startedAt = performance.now();
  const given = AbortSignal.timeout(NEVER_MS);
  const result = await post(gateway.url, name, { n: id }, { signal: given }).catch(() => undefined);
  if (result?.isError !== true) unanswered++;
  const answeredAt = performance.now();
  return { id, ms: answeredAt - startedAt, answeredAt };
}
