// What a thousand callers cost that never read what they are sent: npx tsx bench/non-readers.ts
// Each has a call running whose server reports progress without end and then answers with 64 KiB. Half are of each era. A
// caller that does read is served all along, by the same server and by another one. The last line is for programs.

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listening, stop } from '../test/cli/serving.ts';
import { startNode } from '../test/support/child.ts';
import { report } from './figures.ts';
import { memoryMiB } from './measure/memory.ts';
import { percentile } from './measure/statistics.ts';
import { modernMeta, revision, token } from './scene.ts';
import './signals.ts';

const CALLERS = 1000;
const FLOOD_MS = 12_000;
const EVENT = 'x'.repeat(8 * 1024);
const RESULT = 'x'.repeat(64 * 1024);
const MAX_GROWTH_MIB = 300;

/** Streams that are flooded, with the progress token of each. */
const flooded = new Map<ServerResponse, { id: number; progressToken: unknown }>();
let isFlooding = false;
let turn = 0;
// One in twenty at a time: each hears five times a second, and the one that reads is not held up by our own loop.
const flooding = setInterval(() => {
  if (!isFlooding) return;
  turn++;
  let n = 0;
  for (const [res, { progressToken }] of flooded) {
    if (n++ % 20 !== turn % 20 || res.writableLength > 0) continue;
    res.write(
      `event: message\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${progressToken},"progress":${turn},"message":"${EVENT}"}}\n\n`,
    );
  }
}, 10);

const complete = { resultType: 'complete', ttlMs: 600_000, cacheScope: 'private' };
const tools = ['flood', 'echo'].map((name) => ({ name, inputSchema: { type: 'object' } }));
const server = createServer((req, res) => {
  let body = '';
  req.setEncoding('utf8').on('data', (text: string) => {
    body += text;
  });
  req.on('end', () => {
    const { id, method, params } = JSON.parse(body);
    if (params?.name === 'flood') {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.on('close', () => flooded.delete(res)).on('error', () => {});
      flooded.set(res, { id, progressToken: params._meta?.progressToken });
      return;
    }
    const result =
      method === 'tools/call'
        ? { resultType: 'complete', content: [{ type: 'text', text: 'hello' }] }
        : method === 'tools/list'
          ? { ...complete, tools }
          : { ...complete, supportedVersions: [revision.modern], capabilities: { tools: {} } };
    res.setHeader('content-type', 'application/json');
    res.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
  });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const downstream = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;

const folder = mkdtempSync(join(tmpdir(), 'non-readers-'));
const config = join(folder, 'servers.json');
const entry = { url: downstream, maxInFlight: CALLERS + 10, callTimeoutMs: 600_000 };
const mcpServers = { flooding: entry, well: { url: downstream } };
writeFileSync(
  config,
  JSON.stringify({ mcpServers, catalogFile: '', limits: { maxCallerInFlight: CALLERS + 10 } }),
);
const serve = ['--import', 'tsx', 'src/main.ts', 'serve', '--config', config, '--port', '0'];
const gateway = startNode(serve, { env: { SWITCHBOARD_TOKEN: token, LOG_LEVEL: 'info' } });
const sockets: Socket[] = [];
/** A connection of its own: the one that reads. */
const agent = new Agent({ keepAlive: true });

try {
  const url = await listening(gateway);
  for (let i = 0; i < 200; i++) await call(url, 'well__echo', i);
  const before = rssMiB();
  for (let i = 0; i < CALLERS; i++) sockets.push(nonReader(url, i));
  const callersAt = performance.now();
  while (flooded.size < CALLERS && performance.now() - callersAt < 60_000) await pause(50);
  if (flooded.size < CALLERS) throw new Error(`only ${flooded.size} of ${CALLERS} calls came to run`);
  console.log(`${CALLERS} calls of callers that do not read are running`);

  isFlooding = true;
  let [peak, failed] = [0, 0];
  const times: number[] = [];
  const endAt = performance.now() + FLOOD_MS;
  let isAnswered = false;
  for (let i = 0; performance.now() < endAt + 3000; i++) {
    if (!isAnswered && performance.now() > endAt) {
      isAnswered = true;
      answerAll();
    }
    const startedAt = performance.now();
    if (!(await call(url, i % 2 === 0 ? 'well__echo' : 'flooding__echo', i))) failed++;
    times.push(performance.now() - startedAt);
    peak = Math.max(peak, rssMiB());
    await pause(20);
  }
  times.sort((a, b) => a - b);
  const p99 = percentile(times, 0.99);
  const growth = peak - before;
  console.log(`memory grew from ${before.toFixed(0)} MiB by at most ${growth.toFixed(0)} MiB`);
  console.log(`${times.length} calls of one that reads: ${failed} failed, p99 ${p99.toFixed(0)} ms`);
  report([
    { name: 'non-readers: memory growth', value: Math.round(growth), unit: 'MiB', limit: MAX_GROWTH_MIB },
    { name: 'non-readers: failed calls of a reader', value: failed, unit: 'calls', limit: 0 },
    { name: 'non-readers: p99 of a reader', value: Math.round(p99), unit: 'ms' },
  ]);
} finally {
  clearInterval(flooding);
  for (const socket of sockets) socket.destroy();
  agent.destroy();
  await stop(gateway);
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
}

function rssMiB(): number {
  return memoryMiB(gateway.process.pid as number, 'VmRSS');
}

function messageOf(
  name: string,
  id: number,
  isModern: boolean,
): { json: string; headers: Record<string, string> } {
  const meta = { ...(isModern && modernMeta), progressToken: id };
  const json = JSON.stringify({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name, arguments: { n: id }, _meta: meta },
  });
  const modern = { 'mcp-protocol-version': revision.modern, 'mcp-method': 'tools/call', 'mcp-name': name };
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'content-length': String(Buffer.byteLength(json)),
    ...(isModern && modern),
  };
  return { json, headers };
}

/** Sends a request, and leaves all that comes where it is. */
function nonReader(url: string, id: number): Socket {
  const { hostname, port, host } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) }).on('error', () => {});
  socket.pause();
  const { json, headers } = messageOf('flooding__flood', id, id % 2 === 0);
  const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`POST /mcp HTTP/1.1\r\n${lines.join('')}\r\n${json}`);
  return socket;
}

/** True when it was answered as it should. */
async function call(url: string, name: string, id: number): Promise<boolean> {
  const { json, headers } = messageOf(name, id, true);
  const sent = request(url, { method: 'POST', headers: { ...headers, accept: 'application/json' }, agent });
  sent.end(json);
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return response.statusCode === 200 && JSON.parse(text).result?.content?.[0]?.text === 'hello';
}

function answerAll(): void {
  for (const [res, { id }] of flooded) {
    const result = { resultType: 'complete', content: [{ type: 'text', text: RESULT }] };
    res.end(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
