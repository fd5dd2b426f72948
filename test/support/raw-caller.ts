import { connect, type Socket } from 'node:net';

/** A caller below HTTP: it sends bytes as they are, and writes down what comes back and when. */
export interface RawCaller extends AsyncDisposable {
  readonly socket: Socket;
  /** In milliseconds after it was connected. */
  readonly chunks: readonly { readonly at: number; readonly bytes: Buffer }[];
  /** All of them so far. */
  readonly text: string;
  send(...parts: (string | Uint8Array)[]): void;
  /**
   * Waits until this has come.
   *
   * @throws when the connection ends before it
   */
  until(pattern: RegExp): Promise<RegExpMatchArray>;
  /**
   * The next whole answer.
   *
   * @throws when the connection ends before it
   */
  next(): Promise<RawAnswer>;
  /** Resolves when the connection has ended, and how. */
  readonly ended: Promise<'closed' | 'reset'>;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came.
  readonly json: any;
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
  /** What no answer was made of yet. */
  let rest: Buffer = Buffer.alloc(0);
  const text = () => Buffer.concat(chunks.map(({ bytes }) => bytes)).toString('utf8');
  let wake = () => {};
  const more = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  let wasReset = false;
  socket.on('error', () => {
    wasReset = true;
  });
  socket.on('data', (bytes) => {
    chunks.push({ at: performance.now() - connectedAt, bytes });
    rest = Buffer.concat([rest, bytes]);
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
    send(...parts) {
      for (const part of parts) socket.write(part);
    },
    async until(pattern) {
      for (;;) {
        const match = text().match(pattern);
        if (match !== null) return match;
        if (socket.closed) throw new Error(`the connection ended without ${pattern}: ${text()}`);
        await more();
      }
    },
    async next() {
      for (;;) {
        const taken = take(rest);
        if (taken !== undefined) {
          rest = taken.rest;
          return taken.answer;
        }
        if (socket.closed) throw new Error(`closed after ${JSON.stringify(rest.toString().slice(0, 200))}`);
        await more();
      }
    },
    ended,
    async [Symbol.asyncDispose]() {
      socket.destroy();
      await ended;
    },
  };
}

/** One POST to the endpoint as it stands on the wire, or with other headers; undefined takes one away. */
export function rawPost(
  token: string,
  body: string | object,
  headers: Readonly<Record<string, string | undefined>> = {},
): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const usual = {
    host: 'localhost',
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json',
    'content-length': String(Buffer.byteLength(text)),
  };
  const lines = Object.entries({ ...usual, ...headers })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /mcp HTTP/1.1\r\n${lines.join('')}\r\n${text}`;
}

/** One answer off the beginning of what has come: all that are read so say their length. */
function take(bytes: Buffer): { answer: RawAnswer; rest: Buffer } | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [first = '', ...lines] = bytes.toString('utf8', 0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const over = end + 4 + Number(headers['content-length'] ?? 0);
  if (bytes.length < over) return undefined;
  const body = bytes.toString('utf8', end + 4, over);
  const json = body === '' ? undefined : JSON.parse(body);
  return { answer: { status: Number(first.split(' ')[1]), headers, json }, rest: bytes.subarray(over) };
}
