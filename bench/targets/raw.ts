// The raw reverse proxy: node:http and undici, nothing parsed. The first part of the path decides where a request goes, and
// bytes go on as they come, as fast as the other side takes them. No token, no names.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Dispatcher, Pool } from 'undici';
import { downstreamsOf } from '../scene.ts';
import { reportListening } from './child.ts';
import { readBehind } from './routes.ts';

const { scene, ports } = readBehind();
const pools = new Map(
  downstreamsOf(scene).map(({ key }, index) => [key, new Pool(`http://127.0.0.1:${ports[index]}`)]),
);

const server = createServer(forward);
server.keepAliveTimeout = 1_200_000;
server.listen(0, '127.0.0.1', () => reportListening([(server.address() as AddressInfo).port]));

const ofOneHop = new Set(['connection', 'keep-alive', 'transfer-encoding', 'host', 'expect']);

function forward(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? '';
  const pool = pools.get(path.slice(1, path.indexOf('/', 1)));
  if (pool === undefined) {
    response.writeHead(404).end();
    return;
  }
  const { rawHeaders } = request;
  const headers: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (!ofOneHop.has(rawHeaders[at]?.toLowerCase() ?? ''))
      headers.push(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
  const method = request.method as Dispatcher.HttpMethod;
  pool.dispatch({ path, method, headers, body: request }, new Answer(response));
}

class Answer implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;

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
    const kept = Object.entries(headers).filter(([name]) => !ofOneHop.has(name));
    this.#response.writeHead(status, Object.fromEntries(kept));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once('drain', () => controller.resume());
  }

  onResponseEnd(): void {
    this.#response.end();
  }

  onResponseError(): void {
    this.#response.destroy();
  }
}
