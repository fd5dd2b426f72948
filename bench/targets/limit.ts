// The practical limit: the least a gateway on node:http and undici can do and still be one. The token is compared, the
// request parsed, its name mapped, the era's `_meta` and headers set, the message written anew; the answer goes back
// unparsed in one write. No limits, no deadlines, no sessions, no log, no translation of answers between the eras.

import '../../src/cli/lasting-tick.ts';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Dispatcher, Pool } from 'undici';
import { modernMeta, revision, token } from '../scene.ts';
import { reportListening } from './child.ts';
import { buildRoutes, exposedTools, readBehind } from './routes.ts';

interface Message {
  readonly id?: string | number;
  readonly method: string;
  params?: { name: string; arguments: unknown; _meta?: unknown };
}

const behind = readBehind();
const routes = buildRoutes(behind);
const pools = new Map(behind.ports.map((port) => [port, new Pool(`http://127.0.0.1:${port}`)]));
const authorization = `Bearer ${token}`;

const serverInfo = { name: 'limit', version: '1' };
const capabilities = { tools: {} };
const complete = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };
const tools = exposedTools(behind.scene);
// Bytes beforehand: a list of some 180 KB, encoded for each request, would cost more than all the rest.
const local = new Map(
  Object.entries({
    'tools/list': { ...complete, tools },
    'server/discover': { ...complete, supportedVersions: [revision.modern], capabilities, serverInfo },
    initialize: { protocolVersion: revision.legacy, capabilities, serverInfo },
  }).map(([method, result]) => [method, Buffer.from(`,"result":${JSON.stringify(result)}}`)]),
);

const server = createServer(serve);
server.keepAliveTimeout = 1_200_000;
server.listen(0, '127.0.0.1', () => reportListening([(server.address() as AddressInfo).port]));

function serve(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.authorization !== authorization) {
    response.writeHead(401).end();
    return;
  }
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (text: string) => {
    body += text;
  });
  request.on('end', () => route(JSON.parse(body) as Message, response));
}

function route(message: Message, response: ServerResponse): void {
  if (message.method === 'tools/call' && message.params !== undefined) {
    forward(message, message.params, response);
    return;
  }
  const result = local.get(message.method);
  if (message.id === undefined || result === undefined) {
    response.writeHead(message.id === undefined ? 202 : 404).end();
    return;
  }
  const head = `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)}`;
  response.cork();
  writeHead(response, 200, Buffer.byteLength(head) + result.length);
  response.write(head);
  response.end(result);
}

function forward(message: Message, params: NonNullable<Message['params']>, response: ServerResponse): void {
  const to = routes.get(params.name);
  const pool = to && pools.get(to.port);
  if (to === undefined || pool === undefined) {
    response.writeHead(404).end();
    return;
  }
  const headers = [
    'content-type',
    'application/json',
    'accept',
    'application/json, text/event-stream',
    'mcp-protocol-version',
    revision[to.downstream.era],
  ];
  if (to.downstream.era === 'modern') {
    headers.push('mcp-method', 'tools/call', 'mcp-name', to.tool);
    message.params = { name: to.tool, arguments: params.arguments, _meta: modernMeta };
  } else message.params = { name: to.tool, arguments: params.arguments };
  pool.dispatch(
    { path: to.downstream.path, method: 'POST', headers, body: JSON.stringify(message) },
    new Answer(response),
  );
}

class Answer implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  readonly #chunks: Buffer[] = [];
  #status = 502;
  #type = 'application/json';

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  // undici tells the two forms of a handler apart by the presence of this method.
  onRequestStart(): void {}

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#status = status;
    this.#type = String(headers['content-type']);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const [first = Buffer.alloc(0), ...rest] = this.#chunks;
    const body = rest.length === 0 ? first : Buffer.concat(this.#chunks);
    writeHead(this.#response, this.#status, body.length, this.#type);
    this.#response.end(body);
  }

  onResponseError(): void {
    this.#response.writeHead(502).end();
  }
}

function writeHead(
  response: ServerResponse,
  status: number,
  length: number,
  type = 'application/json',
): void {
  response.writeHead(status, ['content-type', type, 'content-length', String(length)]);
}
