/** An answer as HTTP/1.1 has it. */
export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Reads one answer off a connection, and takes nothing for one that is not. */
export class AnswerReader {
  #bytes: Buffer = Buffer.alloc(0);
  readonly #isHead: boolean;

  constructor(isHead: boolean) {
    this.#isHead = isHead;
  }

  push(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    // `Expect: 100-continue` is answered by Node itself.
    const text = this.#bytes.toString('latin1', 0, 13);
    if (!text.startsWith('HTTP/1.1 100 ')) return;
    const end = this.#bytes.indexOf('\r\n\r\n');
    if (end !== -1) this.#bytes = this.#bytes.subarray(end + 4);
  }

  get raw(): Buffer {
    return this.#bytes;
  }

  /** What is known of it when its headers have come, with as much of its body as has. */
  get head(): HttpAnswer | undefined {
    const end = this.#bytes.indexOf('\r\n\r\n');
    if (end === -1) return undefined;
    const [first = '', ...lines] = this.#bytes.toString('latin1', 0, end).split('\r\n');
    const status = /^HTTP\/1\.1 ([2-5]\d\d) [\x20-\x7e]*$/.exec(first);
    if (status === null) throw new Error(`no status line: ${JSON.stringify(first)}`);
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+): ([\t\x20-\x7e\x80-\xff]*)$/.exec(line) ?? [];
      if (name === undefined) throw new Error(`no header: ${JSON.stringify(line)}`);
      headers[name.toLowerCase()] = value as string;
    }
    return { status: Number(status[1]), headers, body: this.#bytes.subarray(end + 4) };
  }

  /**
   * The whole of it, if it has come.
   *
   * @throws where it is none
   */
  answer(isEnd: boolean): HttpAnswer | undefined {
    const { head } = this;
    if (head === undefined) {
      if (isEnd && this.#bytes.length > 0) throw new Error('it ends in its head');
      return undefined;
    }
    const { status, headers, body } = head;
    const length = headers['content-length'];
    if (this.#isHead || status === 204 || status === 304) return { ...head, body: Buffer.alloc(0) };
    if (headers['transfer-encoding'] === 'chunked') {
      const whole = unchunked(body);
      if (whole === undefined && isEnd) throw new Error('it ends in a chunk');
      return whole && { ...head, body: whole };
    }
    if (length === undefined) return isEnd ? head : undefined;
    if (body.length < Number(length)) {
      if (isEnd) throw new Error('it ends in its body');
      return undefined;
    }
    return { ...head, body: body.subarray(0, Number(length)) };
  }
}

function unchunked(bytes: Buffer): Buffer | undefined {
  const pieces: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n', at);
    if (end === -1) return undefined;
    const size = bytes.toString('latin1', at, end);
    if (!/^[\da-f]+$/i.test(size)) throw new Error(`no size of a chunk: ${JSON.stringify(size)}`);
    const from = end + 2;
    const to = from + Number.parseInt(size, 16);
    if (bytes.length < to + 2) return undefined;
    if (to === from) return Buffer.concat(pieces);
    pieces.push(bytes.subarray(from, to));
    at = to + 2;
  }
}
