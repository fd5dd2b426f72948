import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A caller that writes bytes, whatever they are, and reads the answers one by one. */
export interface RawCaller extends Disposable {
  readonly socket: Socket;
  write(...parts: (string | Uint8Array)[]): void;
  /** The next whole answer. Throws when the connection ends before it. */
  next(): Promise<RawAnswer>;
  /** Resolves when the other side has ended the connection. */
  readonly closed: Promise<unknown>;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came.
  readonly json: any;
}

export async function rawCaller(url: string): Promise<RawCaller> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on('error', () => {});
  let text = '';
  let wake = () => {};
  let isClosed = false;
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    wake();
  });
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      isClosed = true;
      wake();
      resolve();
    });
  });
  await once(socket, 'connect');
  return {
    socket,
    closed,
    write(...parts) {
      for (const part of parts) socket.write(part);
    },
    async next() {
      for (;;) {
        const taken = take(text);
        if (taken !== undefined) {
          text = taken.rest;
          return taken.answer;
        }
        if (isClosed) throw new Error(`closed after ${JSON.stringify(text.slice(0, 200))}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** Head and body of a request to `/mcp` as it should be, or with other headers; undefined takes one away. */
export function rawPost(
  token: string,
  body: string,
  headers: Record<string, string | undefined> = {},
): string {
  const usual = {
    host: 'localhost',
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json',
    'content-length': String(Buffer.byteLength(body)),
  };
  const lines = Object.entries({ ...usual, ...headers })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /mcp HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

/** One answer off the beginning of what has come: all of ours say their length. */
function take(text: string): { answer: RawAnswer; rest: string } | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const bytes = Number(headers['content-length'] ?? 0);
  const body = text.slice(end + 4, end + 4 + bytes);
  if (body.length < bytes) return undefined;
  const status = Number(first.split(' ')[1]);
  const json = body === '' ? undefined : JSON.parse(body);
  return { answer: { status, headers, json }, rest: text.slice(end + 4 + bytes) };
}
