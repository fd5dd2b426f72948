import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';

export type Logger = PinoLogger;

/**
 * The process's log: one line an event, to stderr in every mode, since stdout may be a protocol stream.
 *
 * @param secrets  values that are replaced wherever they would appear, whatever field they stand in
 */
export function createLog(options: {
  level: string;
  secrets: readonly string[];
  destination: DestinationStream;
}): Logger {
  const redact = createRedactor(options.secrets);
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      hooks: { streamWrite: redact },
      formatters: { level: (level) => ({ level }) },
    },
    options.destination,
  );
}

/** Shorter values occur by chance in ordinary text, and would hide it. */
const MIN_SECRET_CHARS = 6;

/** A function that replaces every secret in a text, as it is and as it looks inside JSON. */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const spellings = new Set<string>();
  for (const secret of secrets) {
    if (secret.length < MIN_SECRET_CHARS) continue;
    spellings.add(secret);
    spellings.add(JSON.stringify(secret).slice(1, -1));
  }
  if (spellings.size === 0) return (text) => text;
  // Longest first, so that a secret that contains another leaves no rest behind.
  const pattern = [...spellings]
    .sort((a, b) => b.length - a.length)
    .map((spelling) => spelling.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('|');
  const matcher = new RegExp(pattern, 'g');
  return (text) => text.replace(matcher, '[secret]');
}
