import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { disarmJson } from './visible.ts';

export type Logger = PinoLogger;

/** Values that are printed nowhere. They can become more, never fewer: what was secret once stays so. */
export interface Secrets {
  add(values: Iterable<string>): void;
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
  secrets: Secrets | readonly string[];
  destination: DestinationStream;
}): Logger {
  const secrets = 'redact' in options.secrets ? options.secrets : createSecrets(options.secrets);
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      hooks: { streamWrite: (line) => disarmJson(secrets.redact(line)) },
      formatters: { level: (level) => ({ level }) },
    },
    options.destination,
  );
}

/** Where a log writes: for lines that are made elsewhere. */
export function destinationOf(log: Logger): DestinationStream {
  return (log as unknown as Record<symbol, DestinationStream>)[pino.symbols.streamSym] as DestinationStream;
}

/** Shorter values occur by chance in ordinary text, and would hide it. */
const MIN_SECRET_CHARS = 6;

export function createSecrets(values: Iterable<string> = []): Secrets {
  const known = new Set<string>();
  let matcher: RegExp | undefined;
  const secrets: Secrets = {
    add(more) {
      const before = known.size;
      for (const value of more) if (value.length >= MIN_SECRET_CHARS) known.add(value);
      if (known.size > before) matcher = matcherFor(known);
    },
    redact: (text) => (matcher === undefined ? text : text.replace(matcher, '[secret]')),
  };
  secrets.add(values);
  return secrets;
}

function matcherFor(values: ReadonlySet<string>): RegExp {
  const spellings = new Set([...values].flatMap(spellingsOf));
  // Longest first, so that a secret that contains another leaves no rest behind.
  const pattern = [...spellings]
    .sort((a, b) => b.length - a.length)
    .map((spelling) => spelling.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('|');
  return new RegExp(pattern, 'g');
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
  const inUrl = value.isWellFormed() ? encodeURIComponent(value) : value;
  return [
    value,
    inJson(value),
    inJson(inJson(value)),
    inUrl,
    inUrl.replaceAll('%20', '+'),
    inUrl.replaceAll(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase()),
    ...encoded,
  ].filter((spelling) => spelling.length >= MIN_SECRET_CHARS);
}
