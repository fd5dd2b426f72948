// All downstreams, in one process: hand-written, stateless, answering JSON, and as cheap as node:http allows, so that what
// is measured is what stands in front. There are ports to have one for each; the path alone decides which one answers.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BenchDownstream, downstreamAt } from '../scene.ts';
import { callResult, type Message, otherOutcome } from './answers.ts';
import { reportListening } from './child.ts';

const PORTS = 50;
const PARTS = 16;

const byPath = new Map<string, BenchDownstream | undefined>();

const servers = await Promise.all(Array.from({ length: PORTS }, () => listen(createServer(serve))));
reportListening(servers.map((server) => (server.address() as AddressInfo).port));

function listen(server: Server): Promise<Server> {
  // Longer than any pause between two slices: a connection closed under a waiting gateway would be counted as its error.
  server.keepAliveTimeout = 1_200_000;
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? '';
  if (!byPath.has(path)) byPath.set(path, downstreamAt(path));
  const downstream = byPath.get(path);
  if (request.method !== 'POST' || downstream === undefined) {
    response.writeHead(downstream === undefined ? 404 : 405).end();
    return;
  }
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (text: string) => {
    body += text;
  });
  request.on('end', () => answer(downstream, JSON.parse(body) as Message, response));
}

function answer(downstream: BenchDownstream, message: Message, response: ServerResponse): void {
  if (message.id === undefined) {
    response.writeHead(202).end();
    return;
  }
  const id = JSON.stringify(message.id);
  if (message.method === 'tools/call' && message.params !== undefined) {
    const { arguments: args } = message.params;
    const json = `{"jsonrpc":"2.0","id":${id},${callResult(downstream, message.params)}}`;
    if (args.sse === true) {
      response.writeHead(200, ['content-type', 'text/event-stream']);
      response.end(`event: message\ndata: ${json}\n\n`);
    } else if (args.paceMs === undefined) writeJson(response, json);
    else void writeSlowly(response, json, args.paceMs);
    return;
  }
  const json = `{"jsonrpc":"2.0","id":${id},${otherOutcome(downstream, message)}}`;
  if (downstream.slowMs === 0) writeJson(response, json);
  else setTimeout(writeJson, downstream.slowMs, response, json);
}

function writeJson(response: ServerResponse, json: string): void {
  writeHead(response, json);
  response.end(json);
}

async function writeSlowly(response: ServerResponse, json: string, paceMs: number): Promise<void> {
  writeHead(response, json);
  const part = Math.ceil(json.length / PARTS);
  for (let at = 0; at < json.length; at += part) {
    if (at > 0) await sleep(paceMs / (PARTS - 1));
    response.write(json.slice(at, at + part));
  }
  response.end();
}

function writeHead(response: ServerResponse, json: string): void {
  // The text is ASCII throughout: its length is its size.
  response.writeHead(200, ['content-type', 'application/json', 'content-length', String(json.length)]);
}
