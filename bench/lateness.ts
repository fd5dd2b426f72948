// How late calls that hang are answered, and how soon calls whose stream is cut: npx tsx bench/lateness.ts [calls of each kind]
// The time is that of the caller, from sending to the answer, less the deadline. 50 calls hang at once.

import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openGateway, post, resultOf, writeStdioServer } from './faulty.ts';
import { type Figure, report } from './figures.ts';

const CALLS = Number(process.argv[2] ?? 200);
const AT_ONCE = 50;
const DEADLINE_MS = 1000;
const MAX_LATE_MS = 250;
const MAX_CUT_MS = 100;
const CUT_AFTER_MS = 50;
/** A caller that waits longer than this was not answered. */
const NEVER_MS = 60_000;

interface Call {
  readonly id: number;
  readonly sentAt: number;
  readonly answeredAt: number;
}

type Hang = (res: ServerResponse, call: { readonly id: unknown; readonly n: number }) => void;

const cutAt = new Map<number, number>();
const openStream = (res: ServerResponse) =>
  res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
const beginBody = (res: ServerResponse) => res.writeHead(200, { 'content-type': 'application/json' });

/** What becomes of a call, by the name of the tool. */
const TOOLS: Readonly<Record<string, Hang>> = {
  answers: (res, { id }) =>
    beginBody(res).end(
      JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', content: [] } }),
    ),
  no_headers: () => {},
  headers_only: (res) => beginBody(res).flushHeaders(),
  half_a_body: (res) => void beginBody(res).write('{"jsonrpc":"2.0",'),
  sse_silent: openStream,
  cut_stream(res, { n }) {
    openStream(res);
    setTimeout(() => {
      cutAt.set(n, performance.now());
      res.destroy();
    }, CUT_AFTER_MS);
  },
};
const HANGING = [
  'http__no_headers',
  'http__headers_only',
  'http__half_a_body',
  'http__sse_silent',
  'stdio__silent',
];

const server = createServer((req, res) => {
  let body = '';
  req.setEncoding('utf8').on('data', (text: string) => {
    body += text;
  });
  req.on('end', () => {
    if (req.method !== 'POST') return void res.writeHead(405).end();
    const { id, method, params } = JSON.parse(body);
    if (method === 'tools/call') return TOOLS[params.name]?.(res, { id, n: params.arguments.n });
    beginBody(res).end(JSON.stringify({ jsonrpc: '2.0', id, result: resultOf(method, Object.keys(TOOLS)) }));
  });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
const stdio = writeStdioServer('', ['silent']);
const gateway = await openGateway({
  http: { url, callTimeoutMs: DEADLINE_MS },
  stdio: { ...stdio.entry, callTimeoutMs: DEADLINE_MS },
});
const figures: Figure[] = [];
let unanswered = 0;
let last = 0;

try {
  // The first calls of a process also compile what they run, and open their connections.
  await callAll('http__answers', undefined);
  for (const name of HANGING) {
    const late = (await callAll(name, 'deadline')).map(
      ({ sentAt, answeredAt }) => answeredAt - sentAt - DEADLINE_MS,
    );
    figures.push({ name: `worst lateness, ${name}`, value: worst(late), unit: 'ms', limit: MAX_LATE_MS });
  }
  const calls = await callAll('http__cut_stream', 'outcome_unknown');
  const afterCut = calls.map(({ id, answeredAt }) => answeredAt - (cutAt.get(id) ?? 0));
  figures.push({ name: 'cut stream to error', value: worst(afterCut), unit: 'ms', limit: MAX_CUT_MS });
  figures.push({ name: 'unanswered', value: unanswered, unit: 'calls', limit: 0 });
} finally {
  await gateway.close();
  server.close();
  server.closeAllConnections();
  stdio.remove();
}
report(figures);

/** @param reason  why they are to fail */
async function callAll(name: string, reason: string | undefined): Promise<Call[]> {
  const all: Call[] = [];
  for (let from = 0; from < CALLS; from += AT_ONCE) {
    const count = Math.min(AT_ONCE, CALLS - from);
    all.push(...(await Promise.all(Array.from({ length: count }, () => callOne(name, reason)))));
  }
  return all;
}

/** @throws where it is answered otherwise: one that is refused is answered soonest */
async function callOne(name: string, reason: string | undefined): Promise<Call> {
  const id = ++last;
  const sentAt = performance.now();
  const result = await post(gateway.url, name, { n: id }, { signal: AbortSignal.timeout(NEVER_MS) }).catch(
    () => undefined,
  );
  const answeredAt = performance.now();
  if (result === undefined) unanswered++;
  else if (result._meta?.['mcp-switchboard/failure']?.reason !== reason)
    throw new Error(`${name} was answered with ${JSON.stringify(result)}`);
  return { id, sentAt, answeredAt };
}

function worst(times: readonly number[]): number {
  return Math.round(Math.max(...times) * 10) / 10;
}
