import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import type { ServerEntry } from '../downstreams/downstream.ts';
import type { Message } from '../messages.ts';
import { type Era, usualResult } from './usual.ts';

/** One request on its bare connection, for a script to answer below HTTP. */
export interface Wire {
  readonly era: Era;
  readonly message: Message;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly socket: Socket;
  /** Resolves when the bytes have left, or never will. */
  send(bytes: string | Uint8Array): Promise<void>;
  /** Resolves when the connection has ended, whoever ended it. */
  readonly gone: Promise<void>;
}

/** One thing that a script does. */
export type Step = (wire: Wire) => unknown;

/** What was heard, in order. */
export interface Heard {
  readonly method: string;
  readonly message: Message;
  readonly headers: Readonly<Record<string, string>>;
  readonly at: number;
  /** When its script had done its last step. */
  answeredAt: number | undefined;
}

export interface EvilServer extends AsyncDisposable {
  /** Ends in `/mcp`. */
  readonly url: string;
  readonly heard: readonly Heard[];
  /** Connections so far, and those that are open. */
  readonly connections: { readonly total: number; readonly open: number };
  /** Other scripts from now on; with none it is as good a server as any. */
  script(on: Scripts): void;
  entry(extra?: ServerEntry): ServerEntry;
}

/** By method, or `GET` and `DELETE`. What is not here is answered as a good server would, in JSON. */
export type Scripts = Readonly<Record<string, readonly Step[]>>;

export interface EvilOptions {
  readonly era: Era;
  /** Default: none. */
  readonly on?: Scripts;
  /** Hands out a session id. */
  readonly sessions?: boolean;
  /** False: what it hears is not kept. For a million calls. */
  readonly remembers?: boolean;
}

/** A server on node:net, that can do what no HTTP library would: each request is answered by the steps of a script. */
export async function evilServer(options: EvilOptions): Promise<EvilServer> {
  const { era, on = {}, sessions = false, remembers = true } = options;
  let scripts = on;
  const heard: Heard[] = [];
  const sockets = new Set<Socket>();
  let total = 0;

  const server = createServer((socket) => {
    total++;
    sockets.add(socket);
    // Small pieces leave when they are sent, and the other side going away is what is tested.
    socket.setNoDelay(true);
    socket.on('error', () => {});
    const gone = new Promise<void>((resolve) => {
      socket.on('close', () => {
        sockets.delete(socket);
        resolve();
      });
    });
    let unread: Buffer = Buffer.alloc(0);
    let answering = Promise.resolve();
    socket.on('data', (chunk) => {
      unread = Buffer.concat([unread, chunk]);
      for (let request = readRequest(unread); request !== undefined; request = readRequest(unread)) {
        unread = request.rest;
        const { verb, headers, body } = request;
        const message: Message = body === '' ? { jsonrpc: '2.0' } : JSON.parse(body);
        const entry: Heard = {
          method: message.method ?? verb,
          message,
          headers,
          at: performance.now(),
          answeredAt: undefined,
        };
        if (remembers) heard.push(entry);
        const wire = {
          era,
          message,
          headers,
          socket,
          gone,
          send: (bytes: string | Uint8Array) => write(socket, bytes),
        };
        answering = answering.then(async () => {
          for (const step of scripts[entry.method] ?? [usual(verb, sessions)]) await step(wire);
          entry.answeredAt = performance.now();
        });
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  return {
    url,
    heard,
    get connections() {
      return { total, open: sockets.size };
    },
    script(other) {
      scripts = other;
    },
    entry: (extra = {}) => ({ url, ...extra }),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function usual(verb: string, sessions: boolean): Step {
  return ({ era, message, send }) => {
    if (verb === 'GET') return send(httpAnswer(405, {}, ''));
    if (message.id === undefined || message.method === undefined) return send(httpAnswer(202, {}, ''));
    const session: Record<string, string> =
      sessions && message.method === 'initialize' ? { 'mcp-session-id': 'evil-session' } : {};
    const answer = usualResult(era, message);
    const status = era === 'modern' && 'error' in answer ? 400 : 200;
    const body = JSON.stringify({ jsonrpc: '2.0', id: message.id, ...answer });
    return send(httpAnswer(status, { 'content-type': 'application/json', ...session }, body));
  };
}

/** A whole answer, of a length that is told. */
export function httpAnswer(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array,
): Uint8Array {
  const bytes = Buffer.from(body as string);
  return Buffer.concat([
    Buffer.from(httpHead(status, { ...headers, 'content-length': String(bytes.length) })),
    bytes,
  ]);
}

export function httpHead(status: number, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Whatever\r\n${lines.join('')}\r\n`;
}

function readRequest(bytes: Buffer) {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [line = '', ...rest] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = Object.fromEntries(
    rest.map((text) => {
      const colon = text.indexOf(':');
      return [text.slice(0, colon).toLowerCase(), text.slice(colon + 1).trim()];
    }),
  );
  const length = Number(headers['content-length'] ?? 0);
  const from = end + 4;
  if (bytes.length < from + length) return undefined;
  const body = bytes.subarray(from, from + length).toString('utf8');
  return { verb: line.split(' ')[0] ?? '', headers, body, rest: bytes.subarray(from + length) };
}

function write(socket: Socket, bytes: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (!socket.writable) return resolve();
    socket.write(bytes, () => resolve());
  });
}
