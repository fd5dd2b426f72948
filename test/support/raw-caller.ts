import { connect, type Socket } from 'node:net';

/** A caller below HTTP: it sends bytes as they are, and writes down what comes back and when. */
export interface RawCaller extends AsyncDisposable {
  readonly socket: Socket;
  /** In milliseconds after it was connected. */
  readonly chunks: readonly { readonly at: number; readonly bytes: Buffer }[];
  /** All of them so far. */
  readonly text: string;
  send(bytes: string | Uint8Array): void;
  /**
   * Waits until this has come.
   *
   * @throws when the connection ends before it
   */
  until(pattern: RegExp): Promise<RegExpMatchArray>;
  /** Resolves when the connection has ended, and how. */
  readonly ended: Promise<'closed' | 'reset'>;
}

/** @param url  of which only host and port count */
export async function rawCaller(url: string): Promise<RawCaller> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  const connectedAt = performance.now();
  const chunks: { at: number; bytes: Buffer }[] = [];
  const text = () => Buffer.concat(chunks.map(({ bytes }) => bytes)).toString('utf8');
  let wake = () => {};
  let wasReset = false;
  socket.on('error', () => {
    wasReset = true;
  });
  socket.on('data', (bytes) => {
    chunks.push({ at: performance.now() - connectedAt, bytes });
    wake();
  });
  const ended = new Promise<'closed' | 'reset'>((resolve) => {
    socket.on('close', () => {
      resolve(wasReset ? 'reset' : 'closed');
      wake();
    });
  });
  return {
    socket,
    chunks,
    get text() {
      return text();
    },
    send: (bytes) => void socket.write(bytes),
    async until(pattern) {
      for (;;) {
        const match = text().match(pattern);
        if (match !== null) return match;
        if (socket.closed) throw new Error(`the connection ended without ${pattern}: ${text()}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    ended,
    async [Symbol.asyncDispose]() {
      socket.destroy();
      await ended;
    },
  };
}

/** One POST to the endpoint as it stands on the wire. */
export function rawPost(token: string, body: object, headers: Readonly<Record<string, string>> = {}): string {
  const json = JSON.stringify(body);
  const all = {
    host: 'localhost',
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'content-length': String(Buffer.byteLength(json)),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /mcp HTTP/1.1\r\n${lines.join('')}\r\n${json}`;
}
