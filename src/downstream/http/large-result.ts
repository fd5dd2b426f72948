import { isUtf8 } from 'node:buffer';
import { COMPLETE, MAX_WRITTEN_DEPTH } from '../../protocol/written-answer.ts';

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
    const isComplete = text.startsWith(COMPLETE, head.length);
    // To a caller it would be another one.
    if (!isComplete && text.startsWith(TYPED, head.length)) return undefined;
    return { start: head.length, tail, isComplete };
  }
  return undefined;
}

const TYPED = '{"resultType":';
const MAX_TAIL_BYTES = 256;

/** Follows a result, piece by piece, to its end. */
export class LargeResult {
  readonly #tail: string;
  #behind = '';
  #depth = 0;
  #inText = false;
  #isEscaped = false;
  /** The text that has begun here as it is written, where it may be a key or the type. */
  #written: string | undefined;
  #lastText = '';
  #key = '';
  #hasEnded = false;
  /** Of a character that the last piece ended in. */
  #cut: Buffer = NOTHING;
  isError = false;
  /** Why it cannot be one. */
  problem = 'invalid JSON';

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
      this.#written = this.#depth === 1 ? '' : undefined;
    } else if (byte === 0x7b || byte === 0x5b) this.#depth++;
    else if (byte === 0x7d || byte === 0x5d) {
      if (this.#depth === 1) this.#endMember();
      this.#hasEnded = --this.#depth === 0;
    } else if (byte === COLON && this.#depth === 1) this.#key = this.#lastText;
    else if (byte === COMMA && this.#depth === 1) this.#endMember();
    else if (byte === TRUE && this.#depth === 1 && this.#key === 'isError') this.isError = true;
    // Between the texts of JSON a line break is a space, and in the data of an event it would be an end.
    else if (byte === 0x0a || byte === 0x0d) piece[at] = 0x20;
    return at + 1;
  }

  #passText(piece: Buffer, at: number): number {
    if (this.#isEscaped) {
      this.#isEscaped = false;
      if (piece[at] === 0x0a || piece[at] === 0x0d) this.#depth = Number.POSITIVE_INFINITY;
      this.#keep(piece, at, at + 1);
      return at + 1;
    }
    const quote = piece.indexOf(QUOTE, at);
    const end = quote === -1 ? piece.length : quote;
    const text = piece.subarray(at, end);
    // Not in JSON, and in the data of an event it would be an end.
    if (text.includes(0x0a) || text.includes(0x0d)) this.#depth = Number.POSITIVE_INFINITY;
    const backslash = text.indexOf(BACKSLASH);
    const stop = backslash === -1 ? end : at + backslash + 1;
    this.#keep(piece, at, stop);
    if (backslash !== -1) {
      this.#isEscaped = true;
      return stop;
    }
    if (quote === -1) return end;
    this.#inText = false;
    if (this.#written !== undefined) this.#lastText = unescaped(this.#written);
    return quote + 1;
  }

  #keep(piece: Buffer, start: number, end: number): void {
    if (this.#written !== undefined && this.#written.length < MAX_KEPT)
      this.#written += piece.toString('latin1', start, Math.min(end, start + MAX_KEPT));
  }

  /** Only a complete result goes on unread, and whatever it says is what its caller reads. */
  #endMember(): void {
    if (this.#key === 'resultType' && this.#lastText !== 'complete') {
      this.problem = 'a result of two types';
      this.#depth = Number.POSITIVE_INFINITY;
    }
    this.#key = '';
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
const COLON = 0x3a;
const COMMA = 0x2c;
const TRUE = 0x74;
/** More than the longest name that counts here, each character of it written as an escape. */
const MAX_KEPT = 128;

/** What a text of JSON says; itself where that is nothing. */
function unescaped(written: string): string {
  if (!written.includes('\\')) return written;
  try {
    return String(JSON.parse(`"${written}"`));
  } catch {
    return written;
  }
}

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
