import { escapeHiddenLine } from '../visible.ts';

type Fields = Readonly<Record<string, unknown>>;

const COLOURS: Readonly<Record<string, number>> = { info: 32, warn: 33, error: 31, fatal: 31 };
const GREY = 90;
const PLAIN = 39;

/**
 * A line of the log as a person at a terminal reads it: when, how bad, what; then what that does not say.
 *
 * @param isColoured  the terminal shows colours, and its owner wants them
 */
export function readable(line: string, isColoured: boolean): string {
  const { level, time, event, msg, err, ...fields } = JSON.parse(line);
  const paint = (colour: number, text: string) =>
    isColoured ? `\x1b[${colour}m${text}\x1b[${PLAIN}m` : text;
  const what: string = msg ?? (event === 'call' ? escapeHiddenLine(sentenceOf(fields)) : event);
  const others = escapeHiddenLine(event === 'call' ? argumentsOf(fields) : unsaid(fields, what));
  const cause = err === undefined ? '' : causeOf(err, level === 'error' || level === 'fatal');
  const head = `${new Date(time).toTimeString().slice(0, 8)} ${paint(COLOURS[level] ?? GREY, level.toUpperCase().padEnd(5))} ${what}`;
  return `${others === '' ? head : `${head} ${paint(GREY, others)}`}\n${cause}`;
}

/** Of a call what tells it from others; a record for programs has it all. */
function sentenceOf({ tool, name, method, outcome, reason, code, ms, agent }: Fields): string {
  const why = reason ?? code;
  const how = why === undefined ? outcome : `${outcome} (${why})`;
  return `${tool ?? name ?? method}: ${how} after ${ms} ms${agent === undefined ? '' : `, for ${agent}`}`;
}

const argumentsOf = ({ arguments: given }: Fields) => (given === undefined ? '' : JSON.stringify(given));

function unsaid(fields: Fields, what: string): string {
  const isSaid = (value: unknown) => typeof value === 'string' && what.includes(value);
  return Object.entries(fields)
    .filter(([, value]) => !(Array.isArray(value) ? value.every(isSaid) : isSaid(value)))
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}

interface Told {
  readonly type?: string;
  readonly message?: string;
  readonly stack?: string;
  readonly cause?: Told;
}

/** What was thrown need not be an error. */
function causeOf(err: Told, hasStack: boolean): string {
  const { type, message, stack, cause } = err;
  const said = escapeHiddenLine(message === undefined ? JSON.stringify(err) : `${type}: ${message}`);
  const frames = hasStack && stack ? `${stack}\n` : '';
  return `    ${said}\n${frames}${cause === undefined ? '' : causeOf(cause, hasStack)}`;
}
