import { isUtf8 } from 'node:buffer';
import { COMPLETE, MAX_WRITTEN_DEPTH } from '../protocol/written-answer.ts';

// A large result is not held until its end: it goes on while it arrives. What it takes to know where it ends is looked at,
// and no more: brackets and texts, not whether all between them is JSON.

/** From here on a result is large. */
export const LARGE_BYTES = 256 * 1024;

/** Where a result begins, as most write an answer. */
export interface LargeHead {
  readonly start: number;
  /** What stands behind the result. */
  readonly tail: string;
  /** It begins by saying that it is complete. */
  readonly isComplete: boolean;
}

/** @param held  the beginning of an answer; undefined where it is written in another way, or is no result */
export function readLargeHead(held: Buffer, id: number): LargeHead | undefined {
  const text = held.toString('latin1', 0, 128);
  const envelope = `"jsonrpc":"2.0","id":${id}`;
  for (const [head, tail] of [
    [`{${envelope},"result":`, '}'],
    ['{"result":', `,${envelope}}`],
  ] as const) {
    if (!text.startsWith(`${head}{`)) continue;
    return { start: head.length, tail, isComplete: text.startsWith(COMPLETE, head.length) };
  }
  return undefined;
}

const MAX_TAIL_BYTES = 256;

/** Follows a result, piece by piece, to its end. */
export class LargeResult {
  readonly #tail: string;
  #behind = '';
  #depth = 0;
  #inText = false;
  #isEscaped = false;
  /** The text that begins here, as far as it may be a key. */
  #key: string | undefined;
  #lastKey = '';
  #hasEnded = false;
  /** Of a character that the last piece ended in. */
  #cut: Buffer = NOTHING;
  isError = false;

  constructor(tail: string) {
    this.#tail = tail;
  }

  /** How many bytes of this piece belong to it; undefined where it cannot be one. */
  take(piece: Buffer): number | undefined {
    if (!this.#isText(piece)) return undefined;
    let at = 0;
    while (at < piece.length && !this.#hasEnded) {
      at = this.#inText ? this.#passText(piece, at) : this.#pass(piece, at);
      if (this.#depth > MAX_WRITTEN_DEPTH) return undefined;
    }
    this.#behind += piece.toString('latin1', at);
    return this.#behind.length > MAX_TAIL_BYTES ? undefined : at;
  }

  /** Whether all of it has come, and nothing else. */
  get isWhole(): boolean {
    return this.#hasEnded && this.#behind.trim() === this.#tail;
  }

  #pass(piece: Buffer, at: number): number {
    const byte = piece[at];
    if (byte === QUOTE) {
      this.#inText = true;
      this.#key = this.#depth === 1 ? '' : undefined;
    } else if (byte === 0x7b || byte === 0x5b) this.#depth++;
    else if (byte === 0x7d || byte === 0x5d) this.#hasEnded = --this.#depth === 0;
    else if (byte === TRUE && this.#depth === 1 && this.#lastKey === 'isError') this.isError = true;
    // Between the texts of JSON a line break is a space, and in the data of an event it would be an end.
    else if (byte === 0x0a || byte === 0x0d) piece[at] = 0x20;
    return at + 1;
  }

  #passText(piece: Buffer, at: number): number {
    if (this.#isEscaped) {
      this.#isEscaped = false;
      return at + 1;
    }
    const quote = piece.indexOf(QUOTE, at);
    const end = quote === -1 ? piece.length : quote;
    const text = piece.subarray(at, end);
    // Not in JSON, and in the data of an event it would be an end.
    if (text.includes(0x0a) || text.includes(0x0d)) this.#depth = Number.POSITIVE_INFINITY;
    const backslash = text.indexOf(BACKSLASH);
    const stop = backslash === -1 ? end : at + backslash;
    if (this.#key !== undefined && this.#key.length < 16)
      this.#key += piece.toString('latin1', at, Math.min(stop, at + 16));
    if (backslash !== -1) {
      this.#isEscaped = true;
      return stop + 1;
    }
    if (quote === -1) return end;
    this.#inText = false;
    if (this.#key !== undefined) this.#lastKey = this.#key;
    return quote + 1;
  }

  #isText(piece: Buffer): boolean {
    const all = this.#cut.length === 0 ? piece : Buffer.concat([this.#cut, piece]);
    const whole = wholeCharacters(all);
    this.#cut = whole === all.length ? NOTHING : Buffer.from(all.subarray(whole));
    return isUtf8(whole === all.length ? all : all.subarray(0, whole));
  }
}

const NOTHING = Buffer.alloc(0);
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const TRUE = 0x74;

/** How many bytes there are without those of a character whose rest is still to come. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return bytes.length;
    if (byte >= 0xc0) {
      const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return needs > back ? bytes.length - back : bytes.length;
    }
  }
  return bytes.length;
}
