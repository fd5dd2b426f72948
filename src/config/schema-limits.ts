import * as z from 'zod';
import type { Limits } from './config.ts';
import { must, wholeNumber } from './schema-fields.ts';

const MIB = 1024 * 1024;
const LARGEST_BYTES = 256 * MIB;
const HOUR_MS = 3_600_000;

type Rule = Omit<Parameters<typeof wholeNumber>[0], 'fallback'> & { readonly fallback: number };

const bytes = (description: string, fallback: number): Rule => ({
  description,
  fallback,
  from: 1024,
  to: LARGEST_BYTES,
  unit: 'bytes',
});
const ms = (description: string, fallback: number, from = 100, to = HOUR_MS): Rule => ({
  description,
  fallback,
  from,
  to,
  unit: 'milliseconds',
});
const count = (description: string, fallback: number, from = 1, to = 1_000_000): Rule => ({
  description,
  fallback,
  from,
  to,
});

/** In this order they are told: one message, the connections of callers, one caller, one server. */
const RULES: Readonly<Record<keyof Limits, Rule>> = {
  maxRequestBytes: bytes('Largest body of one request from a caller.', 4 * MIB),
  maxHeaderBytes: { ...bytes('Largest header block of one request from a caller.', 16 * 1024), to: MIB },
  maxJsonDepth: count('How deep the JSON of a caller may be nested.', 128, 8, 1000),
  maxResultBytes: bytes('Largest answer of one server, after decompression.', 8 * MIB),
  maxEventBytes: bytes('Largest event in the stream of a server; an answer counts for both.', 8 * MIB),
  maxLineBytes: bytes('Largest line of a server on stdio; an answer counts for both.', 10 * MIB),

  maxConnections: count('Connections that callers may have open.', 10_000),
  headersTimeoutMs: ms('How long a caller may take to send the headers of a request.', 15_000),
  requestTimeoutMs: ms('How long a caller may take to send a whole request.', 30_000),
  keepAliveTimeoutMs: ms('How long a connection without a request is kept open.', 65_000),

  maxCallerInFlight: count('Requests of one caller that run at once, those that listen not counted.', 1024),
  maxRequestsPerMinute: count('Requests of one caller in a minute; 0 for any number.', 0, 0),
  maxListeners: count('Streams of changes that callers may have open.', 1024),
  maxSessions: count('Sessions of callers of which something is remembered.', 1000),
  sessionIdleMs: ms('When what is remembered of a session is forgotten.', 600_000, 1000, 24 * HOUR_MS),
  keepAliveCommentMs: ms('How often an open stream of a caller bears a comment, for proxies to see.', 15_000),
  maxParked: count('Calls that wait for their callers to come back with answers.', 256),
  maxUnsentBytes: bytes(
    'A caller is told no more than answers and changes while this much waits for it, and one on stdio is not read from.',
    256 * 1024,
  ),
  unsentTimeoutMs: ms('A stream that is not read for this long while something waits is cut.', 30_000),

  maxInFlight: count('Requests to one server that run at once.', 64),
  maxQueue: count('Requests to one server that wait for one of those to end.', 64, 0),
  maxNoticesPerSecond: count('What a server says on one stream beside its answers; more is dropped.', 1000),
  firstListMs: ms('How long the first lists ever are waited for, and those of new servers.', 2500, 0, 60_000),
  maxPages: count('Pages of one list of a server.', 64),
  maxItems: count('Items of one list of a server.', 10_000),
  breakerFailures: count('So many failures in a row, and a server is not called for a while; 0 never.', 5, 0),
  breakerOpenMs: ms('How long that is at first; each further time it is as much longer.', 30_000),
  breakerMaxOpenMs: ms('How long that is at most.', 300_000),
};

const NAMES = Object.keys(RULES) as (keyof Limits)[];
type Field = ReturnType<typeof wholeNumber>;

export const limits = z
  .strictObject(
    Object.fromEntries(NAMES.map((name) => [name, wholeNumber(RULES[name])])) as Record<keyof Limits, Field>,
    must('an object'),
  )
  .optional()
  .meta({ description: 'Sizes, times and counts at which something ends. Default: those of its fields.' });

/** The same two for one server: what the file says of all is their default. */
export const ofOneServer = (name: 'maxInFlight' | 'maxQueue') =>
  wholeNumber({ ...RULES[name], fallback: `limits.${name}` });

/** Every limit: what the file says, or else its default. */
export function readLimits(written: { readonly [Name in keyof Limits]?: number | undefined } = {}): Limits {
  const entries = NAMES.map((name) => [name, written[name] ?? RULES[name].fallback]);
  return Object.fromEntries(entries) as Record<keyof Limits, number>;
}
