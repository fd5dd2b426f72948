// The ten downstreams, in one process: hand-written, stateless, answering JSON, and as cheap as node:http allows, so
// that what is measured is what stands in front. Each has a port of its own; the path alone decides which one answers.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type BenchDownstream,
  downstreams,
  resultBytes,
  resultHead,
  revision,
  toolDefinitions,
} from '../scene.ts';
import { reportListening } from './child.ts';

interface Message {
  readonly id?: string | number;
  readonly method: string;
  readonly params?: { readonly name: string; readonly arguments: { readonly n: number } };
}

const filler = 'x'.repeat(resultBytes);
const byPath = new Map(downstreams.map((downstream) => [downstream.path, downstream]));

const servers = await Promise.all(downstreams.map(() => listen(createServer(serve))));
reportListening(servers.map((server) => (server.address() as AddressInfo).port));

function listen(server: Server): Promise<Server> {
  // Longer than any pause between two slices: a connection closed under a waiting gateway would be counted as its error.
  server.keepAliveTimeout = 120_000;
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  const downstream = byPath.get(request.url ?? '');
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
  const outcome = outcomeOf(downstream, message);
  const json = `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},${outcome}}`;
  // The text is ASCII throughout: its length is its size.
  response.writeHead(200, ['content-type', 'application/json', 'content-length', String(json.length)]);
  response.end(json);
}

function outcomeOf(downstream: BenchDownstream, { method, params }: Message): string {
  const modern = downstream.era === 'modern';
  if (method === 'tools/call' && params !== undefined) {
    const head = resultHead(downstream.key, params.name, params.arguments.n);
    const text = head + filler.slice(head.length);
    return `"result":{${modern ? '"resultType":"complete",' : ''}"content":[{"type":"text","text":"${text}"}]}`;
  }
  const serverInfo = { name: downstream.key, version: '1' };
  const capabilities = { tools: {} };
  // Half an hour: longer than a run, so that whoever honours it lists once.
  const complete = modern ? { resultType: 'complete', ttlMs: 1_800_000, cacheScope: 'private' } : {};
  const result = (value: object) => `"result":${JSON.stringify({ ...complete, ...value })}`;
  if (method === 'tools/list') return result({ tools: toolDefinitions });
  if (method === 'ping') return result({});
  if (method === 'server/discover' && modern)
    return result({ supportedVersions: [revision.modern], capabilities, serverInfo });
  if (method === 'initialize' && !modern)
    return result({ protocolVersion: revision.legacy, capabilities, serverInfo });
  return '"error":{"code":-32601,"message":"Method not found"}';
}
