import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { CUT, cutText } from './cut.ts';
import { disarmJson } from './visible.ts';

export type Logger = PinoLogger;

/** Values that are printed nowhere. They can become more, never fewer: what was secret once stays so. */
export interface Secrets {
  add(values: Iterable<string>): void;
  /** How many there are: what was redacted when they were fewer may show one. */
  readonly size: number;
  /** The text without any of them, whichever way they are spelled in it. */
  redact(text: string): string;
}

/**
 * The process's log: one line an event, to stderr in every mode, since stdout may be a protocol stream.
 *
 * @param secrets  what is replaced wherever it would appear, whatever field it stands in
 */
export function createLog(options: {
  level: string;
  secrets: Secrets;
  destination: DestinationStream;
}): Logger {
  const { level, secrets, destination } = options;
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      hooks: { streamWrite: (line) => shownJson(line, secrets.redact) },
      formatters: { level: (level) => ({ level }) },
      serializers: { err: (error: unknown) => tell(error) },
    },
    destination,
  );
}

const MAX_MESSAGE_CHARS = 500;
const MAX_CAUSES = 8;

/** Of an error no more than this: what else there is in it, or in a long message, may be the body of an answer. */
function tell(error: unknown, causes = MAX_CAUSES): unknown {
  if (!(error instanceof Error)) return error;
  const { code, message, stack } = error as Error & { code?: unknown };
  // The message stands at its beginning as well.
  const frames = stack?.split('\n').filter((line) => line.startsWith('    at '));
  return {
    type: error.constructor.name,
    code,
    message: cutText(message.replace(QUOTED_JSON, 'it is not valid JSON'), MAX_MESSAGE_CHARS),
    stack: frames?.join('\n'),
    cause: causes > 0 ? tell(causeOf(error), causes - 1) : undefined,
  };
}

/** What is behind an error; of several that are behind one, the first. */
const causeOf = (error: Error): unknown => (error instanceof AggregateError ? error.errors[0] : error.cause);

/** What `JSON.parse` says quotes what it was given, some twenty characters of it. Without a bound, each quote is one to begin at. */
const QUOTED_JSON = /(?:\.{3})?".{0,64}?"(?:\.{3})? is not valid JSON/gs;

/** Where a log writes: for lines that are made elsewhere. */
export function destinationOf(log: Logger): DestinationStream {
  return (log as unknown as Record<symbol, DestinationStream>)[pino.symbols.streamSym] as DestinationStream;
}

/** Shorter values occur by chance in ordinary text, and would hide it. */
const MIN_SECRET_CHARS = 6;

export function createSecrets(values: Iterable<string> = []): Secrets {
  const known = new Set<string>();
  /** Longest first, so that a secret that contains another leaves no rest behind. */
  let spelled: readonly string[] = [];
  let heads = headsOf([]);
  const secrets: Secrets = {
    add(more) {
      const before = known.size;
      for (const value of more) {
        for (const part of [value, ...linesOf(value)]) if (part.length >= MIN_SECRET_CHARS) known.add(part);
      }
      if (known.size === before) return;
      spelled = [...new Set([...known].flatMap(spellingsOf))].sort((a, b) => b.length - a.length);
      heads = headsOf(spelled);
    },
    get size() {
      return known.size;
    },
    redact(text) {
      const whole = withoutWhole(text, heads);
      return whole.includes(CUT) ? withoutRests(whole, spelled) : whole;
    },
  };
  secrets.add(values);
  return secrets;
}

const SHOWN = '[secret]';

const HEAD_CHARS = 3;
/** For no more than these a regular expression is made. It may not be of any size, and says so with all that is in it. */
const MAX_EXPRESSED = 256;

interface Heads {
  /** Finds where one may be; absent where there are too many. */
  readonly finder: RegExp | undefined;
  /** What begins with each, the longest first. */
  readonly spelled: ReadonlyMap<string, readonly string[]>;
}

/** Looked for is what they begin with: there may be thousands, each of many thousand characters. */
function headsOf(spelled: readonly string[]): Heads {
  const byHead = new Map<string, string[]>();
  for (const spelling of spelled) {
    const head = spelling.slice(0, HEAD_CHARS);
    const others = byHead.get(head);
    if (others === undefined) byHead.set(head, [spelling]);
    else others.push(spelling);
  }
  const escaped = [...byHead.keys()].map((head) => head.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const finder = byHead.size <= MAX_EXPRESSED ? new RegExp(escaped.join('|') || '$^', 'g') : undefined;
  return { finder, spelled: byHead };
}

function withoutWhole(text: string, { finder, spelled }: Heads): string {
  const next = (from: number) => {
    if (finder === undefined) return from;
    finder.lastIndex = from;
    return finder.exec(text)?.index ?? text.length;
  };
  let shown = '';
  let end = 0;
  for (let at = next(0); at < text.length; ) {
    const secret = spelled.get(text.slice(at, at + HEAD_CHARS))?.find((one) => text.startsWith(one, at));
    if (secret !== undefined) {
      shown += text.slice(end, at) + SHOWN;
      end = at + secret.length;
    }
    at = next(secret === undefined ? at + 1 : end);
  }
  return end === 0 ? text : shown + text.slice(end);
}

/** The value as JSON without any secret, and still JSON: in its text a secret may be a number, or part of the syntax. */
export function redactedJson(value: unknown, redact: Secrets['redact'], indent?: number): string {
  const shown = (_key: string, part: unknown): unknown => {
    if (typeof part === 'string') return redact(part);
    if (typeof part === 'number') return redact(String(part)) === String(part) ? part : SHOWN;
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).map(([key, each]) => [redact(key), each]));
  };
  return JSON.stringify(value, shown, indent);
}

/**
 * The same of JSON that is written already, a line of the log say, and without what is hidden in it: read only where a
 * secret was part of its syntax.
 */
export function shownJson(json: string, redact: Secrets['redact']): string {
  const shown = redact(json);
  const isSafe = shown === json || isJson(shown);
  return disarmJson(
    isSafe ? shown : redactedJson(JSON.parse(json), redact) + (json.endsWith('\n') ? '\n' : ''),
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A key in a file has several, also where they are written as `\\n`, and is printed line by line. */
function linesOf(value: string): string[] {
  return value.split(/[\r\n]+|(?:\\[rn])+/).map((line) => line.replace(/^[\s",]+|[\s",]+$/g, ''));
}

/** Shorter ones say nothing. */
const MIN_REST_CHARS = 4;

/** Who cuts a text does so where secrets are not known, and they are no longer whole in it. */
function withoutRests(text: string, spelled: readonly string[]): string {
  const pieces = text.split(CUT);
  return pieces
    .map((piece, index) => {
      const end = index < pieces.length - 1 ? longest(spelled, (spelling) => overlap(piece, spelling)) : 0;
      const left = end > 0 ? piece.slice(0, -end) + SHOWN : piece;
      const start = index > 0 ? longest(spelled, (spelling) => overlap(spelling, left)) : 0;
      return start > 0 ? SHOWN + left.slice(start) : left;
    })
    .join(CUT);
}

const longest = (spelled: readonly string[], measure: (spelling: string) => number) =>
  spelled.reduce((most, spelling) => Math.max(most, measure(spelling)), 0);

/** How much of its end is the beginning of the other one. */
function overlap(text: string, next: string): number {
  let chars = Math.min(text.length, next.length);
  while (chars >= MIN_REST_CHARS && !text.endsWith(next.slice(0, chars))) chars--;
  return chars >= MIN_REST_CHARS ? chars : 0;
}

const inJson = (text: string) => JSON.stringify(text).slice(1, -1);

/**
 * As it is, inside JSON, also where that stands inside JSON, in a URL, and in base64, alone or with something before it
 * (`Basic` has a user's name).
 */
function spellingsOf(value: string): string[] {
  const bytes = Buffer.from(value, 'utf8');
  const encoded = [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    // What at its ends depends on its neighbours is not the secret's own.
    const own = text.slice(Math.ceil((before * 4) / 3), Math.floor(((before + bytes.length) * 4) / 3));
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
  const escaped = inJsons(value);
  return [value, ...escaped, ...escaped.map(inJson), ...inUrls(value), ...encoded].filter(
    (spelling) => spelling.length >= MIN_SECRET_CHARS,
  );
}

/** Each of those who write JSON escapes other characters beside those that must be. */
function inJsons(value: string): string[] {
  const json = inJson(value);
  const inAscii = json.replace(/[\x80-\uffff]/g, (found) => `\\u${hexOf(found)}`);
  return [
    json,
    // Python; and PHP, with all characters or with those of ASCII.
    inAscii,
    ...[json, inAscii].map((one) => one.replaceAll('/', '\\/')),
    // Go, and Gson of Java.
    ...[/[<>&]/g, /[<>&=']/g].map((which) => json.replace(which, (found) => `\\u${hexOf(found)}`)),
    // .NET
    json.replace(/\\"|[<>&'+`\x7f-\uffff]/g, (found) => `\\u${hexOf(found).toUpperCase()}`),
  ];
}

const hexOf = (found: string) =>
  found
    .charCodeAt(found.length - 1)
    .toString(16)
    .padStart(4, '0');

/** Each of those who write URLs leaves other characters as they are. */
function inUrls(value: string): string[] {
  if (!value.isWellFormed()) return [];
  const form = String(new URLSearchParams([['', value]])).slice(1);
  const escaped = [
    encodeURIComponent(value),
    encodeURI(value),
    form.replaceAll('+', '%20'),
    new URL(`http://x/${value}`).href.slice('http://x/'.length),
    new URL(`http://x/?${value}`).href.slice('http://x/?'.length),
  ];
  return escaped.flatMap((url) => {
    const lower = url.replaceAll(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase());
    return [url, url.replaceAll('%20', '+'), lower, lower.replaceAll('%20', '+')];
  });
}
