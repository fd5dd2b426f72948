// A caller's HTTP/1.1 client: one connection, one request at a time, and nothing else. The usual ones cost several times
// what the cheaper targets do, and the generator shares a core with them.

import { connect, type Socket } from 'node:net';

export interface Answer {
  readonly status: number;
  /** The header block as it came. */
  readonly head: string;
  readonly body: string;
}

/** Something that takes a whole HTTP request and gives its answer. */
export interface Line {
  roundTrip(request: string): Promise<Answer>;
  /** When the first byte of the last answer was there. */
  readonly firstByteAt: number;
  close(): void;
}

const lastChunk = Buffer.from('0\r\n\r\n');

export class Connection implements Line {
  firstByteAt = 0;
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #size = 0;
  /** The answer is whole when it has so many bytes, or, with Infinity, when it ends like a chunked body. */
  #needed = 0;
  #waiting: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () =>
      this.#fail(new Error('The connection was closed before the answer was complete')),
    );
  }

  static async open(port: number): Promise<Connection> {
    return new Connection(await openSocket(port));
  }

  roundTrip(request: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(request, 'latin1');
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    if (this.#chunks.push(chunk) === 1) this.firstByteAt = performance.now();
    this.#size += chunk.length;
    if (this.#needed === Number.POSITIVE_INFINITY ? !this.#endsAsChunked() : this.#size < this.#needed)
      return;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    this.#chunks = [bytes];
    const read = readAnswer(bytes);
    if (typeof read === 'number') {
      this.#needed = read;
      return;
    }
    this.#chunks = [];
    this.#size = 0;
    this.#needed = 0;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(read);
  }

  /** What ends so may still go on; what does not, does. */
  #endsAsChunked(): boolean {
    let tail: Buffer = Buffer.alloc(0);
    for (let at = this.#chunks.length - 1; at >= 0 && tail.length < lastChunk.length; at--)
      tail = Buffer.concat([this.#chunks[at]?.subarray(-lastChunk.length) ?? tail, tail]);
    return tail.subarray(-lastChunk.length).equals(lastChunk);
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}

export function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

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
    return bytes.length < stop ? stop : { status, head, body: bytes.toString('utf8', start, stop) };
  }
  if (headerOf(head, 'transfer-encoding') === 'chunked') {
    const body = readChunks(bytes, start);
    return body === undefined ? Number.POSITIVE_INFINITY : { status, head, body };
  }
  return { status, head, body: '' };
}

function readChunks(bytes: Buffer, start: number): string | undefined {
  const chunks: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const next = lineEnd + 2 + size + 2;
    if (bytes.length < next) return undefined;
    if (size === 0) return Buffer.concat(chunks).toString();
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
