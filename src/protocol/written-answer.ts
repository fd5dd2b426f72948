import { withoutMark } from './text.ts';

// Most answers go on as they came. Their text is kept for that: writing them anew costs as much as reading them, and
// changes what JSON has and JavaScript has not (12345678901234567890, 1.0).

/** Of a message: its result as the sender wrote it. A symbol, since what arrives has none. */
export const WRITTEN = Symbol('result as written');

/** How a complete result of the modern era begins, as many write it and we do. */
export const COMPLETE = '{"resultType":"complete",';
/** How it ends, as the servers of the SDK write it. */
const COMPLETE_LAST = ',"resultType":"complete"}';

/** A complete result as it was written, but for its type; undefined where that stands elsewhere. */
export function withoutType(written: string): string | undefined {
  if (written.startsWith(COMPLETE)) return `{${written.slice(COMPLETE.length)}`;
  return written.endsWith(COMPLETE_LAST) ? `${written.slice(0, -COMPLETE_LAST.length)}}` : undefined;
}

/** Deeper results do not go on as text: they are written anew, which fails where it is too deep for others as well. */
export const MAX_WRITTEN_DEPTH = 512;

/**
 * Parses one message. Of an answer whose envelope is written in one of the two usual orders, without spaces, the result is
 * kept as text as well. That text is known to be one JSON value, on one line: nothing in it can end the message it is put in.
 *
 * @throws SyntaxError  no JSON
 */
export function parseMessage(given: string): unknown {
  // RFC 8259: it must not be written, and may be ignored.
  const text = withoutMark(given);
  return readResultLast(text) ?? readResultFirst(text) ?? JSON.parse(text);
}

/** `{"jsonrpc":"2.0","id":1,"result":{…}}` */
function readResultLast(text: string): object | undefined {
  if (!text.startsWith(ID_FIRST) || !text.endsWith('}}')) return undefined;
  const idEnd = text.indexOf(',', ID_FIRST.length);
  if (!text.startsWith(THEN_RESULT, idEnd)) return undefined;
  return answerOf(text.slice(ID_FIRST.length, idEnd), text.slice(idEnd + THEN_RESULT.length - 1, -1));
}

const ID_FIRST = '{"jsonrpc":"2.0","id":';
const THEN_RESULT = ',"result":{';

/** `{"result":{…},"jsonrpc":"2.0","id":1}` */
function readResultFirst(text: string): object | undefined {
  if (!text.startsWith(RESULT_FIRST)) return undefined;
  const resultEnd = text.lastIndexOf(THEN_ID);
  if (resultEnd < RESULT_FIRST.length - 1 || !text.endsWith('}')) return undefined;
  return answerOf(
    text.slice(resultEnd + THEN_ID.length, -1),
    text.slice(RESULT_FIRST.length - 1, resultEnd + 1),
  );
}

const RESULT_FIRST = '{"result":{';
const THEN_ID = '},"jsonrpc":"2.0","id":';

/** An id of ours: digits. Undefined where the parts are not what they seem to be. */
function answerOf(id: string, written: string): object | undefined {
  if (!/^[1-9]\d{0,14}$/.test(id) || written.includes('\n') || written.includes('\r')) return undefined;
  let result: unknown;
  try {
    result = JSON.parse(written);
  } catch {
    return undefined;
  }
  if (isDeeperThan(written, MAX_WRITTEN_DEPTH)) return undefined;
  const answer: { [WRITTEN]?: string } = { jsonrpc: '2.0', id: Number(id), result } as object;
  // Not within the literal: where V8 has once forgotten the shape of those, each takes the slow way from then on.
  answer[WRITTEN] = written;
  return answer;
}

/** The id of an answer that cannot be read whole, where it stands at its beginning or its end as in most. */
export function idOfUnread(text: string): number | undefined {
  const { id, method } = endsOfUnread(text);
  return method === undefined && typeof id === 'number' ? id : undefined;
}

/**
 * Of a message that cannot be read whole, the members at its beginning and its end that say what it is. What lies between
 * has ids as well, and others may have chosen them.
 */
export function endsOfUnread(given: string): { id?: unknown; method?: unknown } {
  const text = withoutMark(given);
  const [, first = ''] = BEGINNING.exec(text.slice(0, MAX_BEGINNING_CHARS)) ?? [];
  const [, last = ''] = END.exec(text.slice(-MAX_END_CHARS)) ?? [];
  return { ...JSON.parse(`{${first.slice(0, -1)}}`), ...JSON.parse(`{${last.slice(1)}}`) };
}

const STRING = String.raw`"(?:[^"\\\p{Cc}]|\\["\\/bfnrt])*"`;
/** Of JSON: JavaScript has more, which the reading of what was found would refuse. */
const SPACE = String.raw`[ \t\r\n]*`;
const MEMBER = String.raw`${SPACE}"(?:jsonrpc|id|method)"${SPACE}:${SPACE}(?:-?(?:0|[1-9]\d*)|${STRING})${SPACE}`;
const BEGINNING = new RegExp(String.raw`^${SPACE}\{((?:${MEMBER},)*)`, 'u');
const END = new RegExp(String.raw`((?:,${MEMBER})+)\}${SPACE}$`, 'u');
const MAX_BEGINNING_CHARS = 1024;
const MAX_END_CHARS = 256;

/** Whether a text, which is JSON, is nested so deep. Over the text: no recursion, and nothing is allocated. */
export function isDeeperThan(json: string, limit: number): boolean {
  // Each level takes two characters, and few texts have so many brackets at all.
  if (json.length <= 2 * limit || !opensMoreThan(json, limit)) return false;
  let depth = 0;
  for (let i = 0; i < json.length; i++) {
    const char = json.charCodeAt(i);
    if (char === QUOTE) i = endOfString(json, i + 1);
    else if (char === 0x7b || char === 0x5b) {
      if (++depth > limit) return true;
    } else if (char === 0x7d || char === 0x5d) depth--;
  }
  return false;
}

/** Brackets in texts count as well. */
function opensMoreThan(json: string, limit: number): boolean {
  let left = limit;
  for (const bracket of ['{', '[']) {
    for (let at = json.indexOf(bracket); at !== -1; at = json.indexOf(bracket, at + 1)) {
      if (--left < 0) return true;
    }
  }
  return false;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Where its closing quote stands: one with an even number of backslashes before it. */
function endOfString(json: string, start: number): number {
  for (let end = json.indexOf('"', start); ; end = json.indexOf('"', end + 1)) {
    let escapes = end;
    while (json.charCodeAt(escapes - 1) === BACKSLASH) escapes--;
    if ((end - escapes) % 2 === 0) return end;
  }
}
