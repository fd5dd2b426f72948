import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { usualResult } from './usual.ts';
import { httpAnswer, httpHead, type Step, type Wire } from './wire.ts';

// The steps that scripts are made of. Where one takes a text, it may be made of the request: `(wire) => …`.

type Text = string | Uint8Array | ((wire: Wire) => string | Uint8Array);
type Headers = Readonly<Record<string, string>>;

const made = (text: Text, wire: Wire) => (typeof text === 'function' ? text(wire) : text);

/** The right answer, as it stands in a JSON body. */
export const good = ({ era, message }: Wire): string =>
  JSON.stringify({ jsonrpc: '2.0', id: message.id, ...usualResult(era, message) });

/** The right answer but for this; what is undefined is left out. */
export const but =
  (other: object) =>
  ({ era, message }: Wire): string =>
    JSON.stringify({ jsonrpc: '2.0', id: message.id, ...usualResult(era, message), ...other });

/** The same of its result. */
export const resultBut =
  (other: object) =>
  ({ era, message }: Wire): string => {
    const { result } = usualResult(era, message) as { result: object };
    return JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { ...result, ...other } });
  };

export const json: Headers = { 'content-type': 'application/json' };
export const stream: Headers = { 'content-type': 'text/event-stream' };

/** Bytes as they are. */
export const bytes =
  (text: Text): Step =>
  (wire) =>
    wire.send(made(text, wire));

/** A whole answer with a status. */
export const status =
  (code: number, headers: Headers = { 'content-type': 'text/plain' }, body: Text = 'boom'): Step =>
  (wire) =>
    wire.send(httpAnswer(code, headers, made(body, wire)));

/** A whole answer with 200. */
export const whole = (body: Text, headers: Headers = json) => status(200, headers, body);

/** The head of an answer whose body follows in chunks, or until the end of the connection. */
export const head = (headers: Headers = {}, code = 200) => bytes(httpHead(code, headers));
export const chunked = (headers: Headers) => head({ ...headers, 'transfer-encoding': 'chunked' });

export const chunk =
  (text: Text): Step =>
  (wire) =>
    wire.send(asChunk(made(text, wire)));
export const lastChunk = bytes('0\r\n\r\n');

const asChunk = (text: string | Uint8Array) => {
  const body = Buffer.from(text as string);
  return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')]);
};

/** An event stream in one go: the events, and its end. */
export const events = (...texts: Text[]): Step[] => [chunked(stream), ...texts.map(chunk), lastChunk];

export const event =
  (data: Text) =>
  (wire: Wire): string =>
    `data: ${made(data, wire)}\n\n`;

/** One of the notices that a request for progress may get. */
export const progress =
  (value: unknown, token?: unknown): Text =>
  ({ message }) => {
    const progressToken = token ?? message.params?._meta?.progressToken;
    const params = { progressToken, progress: value };
    return `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params })}\n\n`;
  };

/** Says nothing until the other side has had enough. */
export const silence: Step = ({ gone }) => gone;

export const fin: Step = ({ socket }) => void socket.end();
export const rst: Step = ({ socket }) => void socket.resetAndDestroy();

/** So many bytes at each tick, until the other side has had enough; or it is all out. */
export const drip =
  (text: Text, bytesATick: number, tickMs: number): Step =>
  async (wire) => {
    const all = Buffer.from(made(text, wire) as string);
    for (let from = 0; from < all.length && wire.socket.writable; from += bytesATick) {
      await wire.send(all.subarray(from, from + bytesATick));
      await sleep(tickMs);
    }
  };

/** The same piece as chunks again and again, as fast as they are taken. */
export const endless =
  (text: Text): Step =>
  async (wire) => {
    const piece = asChunk(made(text, wire));
    const { socket } = wire;
    while (socket.writable) {
      if (socket.write(piece)) await sleep(0);
      else await Promise.race([once(socket, 'drain').catch(() => {}), wire.gone]);
    }
  };

/** The same piece so many times. */
export const many =
  (times: number, text: Text): Step =>
  async (wire) => {
    const piece = asChunk(made(text, wire));
    for (let i = 0; i < times && wire.socket.writable; i++) await wire.send(piece);
  };

const bombs = new Map<string, Uint8Array>();

/** So many blanks, compressed. Made once: it takes long. */
export function bomb(size: number, encoding: 'gzip' | 'br'): Uint8Array {
  const key = `${encoding} ${size}`;
  const blanks = () => Buffer.alloc(size, 0x20);
  const made =
    bombs.get(key) ??
    (encoding === 'gzip'
      ? gzipSync(blanks())
      : brotliCompressSync(blanks(), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }));
  bombs.set(key, made);
  return made;
}
