// A caller's HTTP/1.1 client: one connection, one request at a time, and nothing else. The usual ones cost several times
// what the cheaper targets do, and the generator shares a core with them.

import { connect, type Socket, type TcpNetConnectOpts } from 'node:net';

export interface Answer {
  readonly status: number;
  /** The header block as it came. */
  readonly head: string;
  /** Of the body, as long as nothing else is asked over its connection. */
  readonly bytes: Buffer;
}

/** Something that takes a whole HTTP request and gives its answer. */
export interface Line {
  roundTrip(request: string): Promise<Answer>;
  /** When the first byte of the last answer was there. */
  readonly firstByteAt: number;
  close(): void;
}

const lastChunk = Buffer.from('0\r\n\r\n');

/** What connections that were closed have read into: new memory costs more than what is read into it. */
const places: Buffer[] = [];
const LEAST_PLACE = 64 * 1024;

export class Connection implements Line {
  firstByteAt = 0;
  readonly #socket: Socket;
  /** What has come of the answer, from its beginning. */
  #place = places.pop() ?? Buffer.allocUnsafeSlow(LEAST_PLACE);
  #size = 0;
  /** The answer is whole when it has so many bytes, or, with Infinity, when it ends like a chunked body. */
  #needed = 0;
  #waiting: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;

  private constructor(port: number) {
    this.#socket = connectTo(port, {
      onread: { buffer: () => this.#room(), callback: (count) => this.#receive(count) },
    });
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () =>
      this.#fail(new Error('The connection was closed before the answer was complete')),
    );
  }

  static async open(port: number): Promise<Connection> {
    const connection = new Connection(port);
    await connected(connection.#socket);
    return connection;
  }

  roundTrip(request: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(request, 'latin1');
    });
  }

  close(): void {
    if (this.#socket.destroyed) return;
    this.#socket.destroy();
    places.push(this.#place);
  }

  #room(): Buffer {
    if (this.#size === this.#place.length) this.#place = Buffer.concat([this.#place], 2 * this.#place.length);
    return this.#place.subarray(this.#size);
  }

  #receive(count: number): boolean {
    if (this.#size === 0) this.firstByteAt = performance.now();
    this.#size += count;
    const bytes = this.#place.subarray(0, this.#size);
    // What ends like a chunked body may still go on; what does not, does.
    const isWhole =
      this.#needed === Number.POSITIVE_INFINITY
        ? bytes.subarray(-lastChunk.length).equals(lastChunk)
        : this.#size >= this.#needed;
    if (!isWhole) return true;
    const read = readAnswer(bytes);
    if (typeof read === 'number') {
      this.#needed = read;
      return true;
    }
    this.#size = 0;
    this.#needed = 0;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(read);
    return true;
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}

export async function openSocket(port: number): Promise<Socket> {
  const socket = connectTo(port);
  await connected(socket);
  return socket;
}

function connectTo(port: number, more: Pick<TcpNetConnectOpts, 'onread'> = {}): Socket {
  return connect({ port, host: '127.0.0.1', noDelay: true, ...more });
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve();
    });
  });
}

const NOTHING = Buffer.alloc(0);

/** The whole answer, or what it needs to be one. */
function readAnswer(bytes: Buffer): Answer | number {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return 0;
  const head = bytes.toString('latin1', 0, end);
  const status = Number(head.slice(9, 12));
  const start = end + 4;
  const length = headerOf(head, 'content-length');
  if (length !== undefined) {
    const stop = start + Number(length);
    return bytes.length < stop ? stop : { status, head, bytes: bytes.subarray(start, stop) };
  }
  if (headerOf(head, 'transfer-encoding') === 'chunked') {
    const whole = readChunks(bytes, start);
    return whole === undefined ? Number.POSITIVE_INFINITY : { status, head, bytes: whole };
  }
  return { status, head, bytes: NOTHING };
}

function readChunks(bytes: Buffer, start: number): Buffer | undefined {
  const chunks: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const next = lineEnd + 2 + size + 2;
    if (bytes.length < next) return undefined;
    if (size === 0) return Buffer.concat(chunks);
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = next;
  }
}

/** @param name  in lower case */
export function headerOf(head: string, name: string): string | undefined {
  // Names come in any case; values, such as the id of a session, stay as they are.
  const at = head.toLowerCase().indexOf(`\r\n${name}:`);
  if (at < 0) return undefined;
  const end = head.indexOf('\r\n', at + 2);
  return head.slice(at + name.length + 3, end < 0 ? undefined : end).trim();
}
