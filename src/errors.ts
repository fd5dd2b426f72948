import { briefly, cutText } from './cut.ts';
import { formatBytes } from './format-bytes.ts';
import { escapeHiddenLine } from './visible.ts';

/**
 * Every failure of a downstream, and what several places refuse with, each with its text, and what tells what a caller
 * hears of it: a tool result the model can read, a JSON-RPC error, or an HTTP status. A refusal of one place stands there.
 *
 * Texts name who, what, how much and where to change it. They never carry a downstream's body, a header value or
 * a stack: the cause travels in `cause`, for the log.
 */

/** A request that is refused as JSON-RPC: malformed, unknown, or against the rules of its era. */
export class ProtocolError extends Error {
  readonly code: number;
  readonly data: unknown;
  /** For the modern era on HTTP, whose revision ties statuses to codes; the legacy era answers most of them with 200. */
  readonly httpStatus: number;
  /** The request's id, where it could be read although the request could not. */
  readonly id: string | number | undefined;

  constructor(
    code: number,
    message: string,
    options: { data?: unknown; httpStatus?: number; id?: string | number; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'ProtocolError';
    this.code = code;
    this.data = options.data;
    this.httpStatus = options.httpStatus ?? HTTP_STATUS.get(code) ?? 200;
    this.id = options.id;
  }
}

// Spec 2026-07-28, Streamable HTTP: 404 for an unknown method, 400 where header and body checks refuse the request.
const HTTP_STATUS = new Map([
  [-32700, 400],
  [-32600, 400],
  [-32601, 404],
  [-32020, 400],
  [-32021, 400],
  [-32022, 400],
]);

const unknown = (what: string, name: string, code = -32602, data?: object) =>
  new ProtocolError(code, `${what}: ${briefly(name)}`, { data });
export const unknownMethod = (method: string) => unknown('Method not found', method, -32601);

// The same for what does not exist and what is not allowed, or of somebody else: nobody learns which it was.
export const unknownTool = (name: string) => unknown('Unknown tool', name);
export const unknownTask = (taskId: string) => unknown('Task not found', taskId);
export const unknownPrompt = (name: string) => unknown('Unknown prompt', name);

// MCP Apps: an app calls by the names of its own server, and the host does not say whose app it was.
export const ambiguousTool = (name: string, exposedNames: readonly string[]) =>
  new ProtocolError(
    -32602,
    `Unknown tool: ${name}. Several servers have one of that name: ${exposedNames.join(', ')}.`,
  );

export const unknownCursor = () =>
  new ProtocolError(-32602, 'params.cursor is not one that was given here: lists are given whole.');

// Spec 2026-07-28 gave up the code of the earlier revisions.
export const unknownResource = (uri: string, era: 'legacy' | 'modern') =>
  unknown('Resource not found', uri, era === 'modern' ? -32602 : -32002, { uri: cutText(uri, 2048) });

// Spec 2026-07-28, Streamable HTTP: what is mirrored into headers must say what the body says.
export const headerMismatch = (text: string) => new ProtocolError(-32020, `Header mismatch: ${text}`);

/** Spec 2026-07-28: who has not declared a capability hears which one it takes. */
export function missingCapability(requiredCapabilities: Record<string, object>): ProtocolError {
  const [name = '', detail] = Object.entries(requiredCapabilities)[0] ?? [];
  const what = name === 'extensions' ? Object.keys(detail ?? {})[0] : name;
  return new ProtocolError(-32021, `Missing required client capability: ${what}`, {
    data: { requiredCapabilities },
  });
}

export const internalError = (cause: unknown) =>
  new ProtocolError(-32603, 'The gateway failed at this request; its log says why.', { cause });

/** Why a downstream did not answer a request. Which of them a repetition may cure, `downstream/passage/retry-rules` says. */
export type FailureReason =
  | 'session_lost'
  | 'unavailable'
  | 'outcome_unknown'
  | 'deadline'
  | 'too_large'
  | 'bad_answer'
  | 'server_error'
  | 'refused'
  | 'headers_refused'
  | 'declined'
  | 'rate_limited'
  | 'busy'
  | 'circuit_open';

/** A request that a downstream did not answer, in one sentence a model can act on. */
export class DownstreamFailure extends Error {
  readonly downstream: string;
  readonly reason: FailureReason;
  /** Without its name and what that means for a call: `failed (HTTP 500).` */
  readonly what: string;
  /** False only when the downstream cannot have begun the work: then repeating it is safe. */
  readonly mayHaveRun: boolean;
  /** When the downstream wants to be asked again, where it said so. */
  readonly retryAfterMs: number | undefined;

  constructor(
    downstream: string,
    reason: FailureReason,
    text: string,
    mayHaveRun: boolean,
    { cause, retryAfterMs }: { cause?: unknown; retryAfterMs?: number | undefined } = {},
  ) {
    super(
      escapeHiddenLine(
        `"${downstream}" ${text}${mayHaveRun ? ' The call may have run: check before repeating it.' : ''}`,
      ),
      { cause },
    );
    this.retryAfterMs = retryAfterMs;
    this.name = 'DownstreamFailure';
    this.downstream = downstream;
    this.reason = reason;
    this.what = escapeHiddenLine(text);
    this.mayHaveRun = mayHaveRun;
  }
}

const TRY_AGAIN = 'Trying again may help.';

export const unavailable = (key: string, why: string, cause?: unknown) =>
  new DownstreamFailure(key, 'unavailable', `is not reachable right now (${why}). ${TRY_AGAIN}`, false, {
    cause,
  });

export const busy = (key: string, maxInFlight: number, maxQueue: number) =>
  new DownstreamFailure(
    key,
    'busy',
    `is busy: ${maxInFlight} requests run and ${maxQueue} wait, as many as maxInFlight and maxQueue in servers.json allow. ${TRY_AGAIN}`,
    false,
  );

export const busyUntilDeadline = (key: string, deadlineMs: number) =>
  new DownstreamFailure(
    key,
    'busy',
    `was busy for ${deadlineMs} ms with as many requests as maxInFlight in servers.json allows. ${TRY_AGAIN}`,
    false,
  );

/** @param seconds  until it is tried again; undefined while it is being tried */
export const circuitOpen = (key: string, failures: number, seconds: number | undefined) =>
  new DownstreamFailure(
    key,
    'circuit_open',
    `failed ${failures} times in a row and ${leftAlone(seconds)}`,
    false,
  );

const leftAlone = (seconds: number | undefined) =>
  seconds === undefined
    ? 'is being tried with one request. Try again in a few seconds.'
    : `is left alone for ${seconds} s. Try again then.`;

const FORGOTTEN = `no longer knows this gateway's session. ${TRY_AGAIN}`;
export const sessionLost = (key: string, cause?: DownstreamFailure) =>
  new DownstreamFailure(key, 'session_lost', FORGOTTEN, false, { cause });

export const cutOff = (key: string, cause?: unknown) =>
  new DownstreamFailure(key, 'outcome_unknown', 'closed the connection before answering.', true, { cause });

// It is we who closed the connection then.
const DRAINED =
  'did not answer before drainMs was over: its entry was removed, or this gateway stopped, or replaced its processes.';
export const drained = (key: string) => new DownstreamFailure(key, 'outcome_unknown', DRAINED, true);

const LOST = 'had not answered when the process of this gateway ended that had called it.';
export const lostWithProcess = (key: string) => new DownstreamFailure(key, 'outcome_unknown', LOST, true);

export const noAnswer = (key: string, how: string) =>
  new DownstreamFailure(key, 'bad_answer', `sent no answer (${how}).`, true);

export const notMcp = (key: string, what: string, cause?: unknown) =>
  new DownstreamFailure(key, 'bad_answer', `answered with something that is not MCP (${what}).`, true, {
    cause,
  });

// 502 and 504 are said by what stands in between, which does not know; the others by the server, of itself.
export const failedStatus = (key: string, status: number) =>
  new DownstreamFailure(
    key,
    status < 500 ? 'bad_answer' : status === 502 || status === 504 ? 'outcome_unknown' : 'server_error',
    status === 404 ? 'is not at its url (HTTP 404).' : `failed (HTTP ${status}).`,
    status >= 500,
  );

export const deadlinePassed = (key: string, exposedName: string, deadlineMs: number) =>
  new DownstreamFailure(key, 'deadline', `did not answer ${exposedName} within ${deadlineMs} ms.`, true);

export const wentSilent = (key: string, exposedName: string, idleMs: number) =>
  new DownstreamFailure(
    key,
    'deadline',
    `reported no progress of ${exposedName} for ${idleMs} ms, and no answer.`,
    true,
  );

// The same call came before, and whoever sent it is gone: nobody knows whether this one is a repetition or meant anew.
export const ranBefore = (key: string, exposedName: string) =>
  new DownstreamFailure(
    key,
    'outcome_unknown',
    `was sent this call of ${exposedName} just before, and the connection to its caller was lost before the answer.`,
    true,
  );

/** @param limit  which of `limits` says so */
export const tooLarge = (key: string, maxBytes: number, limit: string) =>
  new DownstreamFailure(
    key,
    'too_large',
    `answered with more than ${formatBytes(maxBytes)}, the limit set by limits.${limit}. Ask it for less at a time.`,
    true,
  );

// Never the caller's 401: it would throw away a token that is good.
export const credentialsRefused = (key: string, status: number) =>
  new DownstreamFailure(
    key,
    'refused',
    `refused this gateway's credentials (HTTP ${status}). Trying again will not help until its headers are corrected.`,
    false,
  );

export const rateLimited = (key: string, retryAfterS: number | undefined) =>
  new DownstreamFailure(
    key,
    'rate_limited',
    `is limiting requests (HTTP 429). Try again ${retryAfterS === undefined ? 'later' : `in ${retryAfterS} s`}.`,
    false,
    { retryAfterMs: retryAfterS && retryAfterS * 1000 },
  );

export const doesNotRead = (key: string, bytes: number) =>
  new DownstreamFailure(
    key,
    'busy',
    `does not read what it is sent (${formatBytes(bytes)} wait for it). ${TRY_AGAIN}`,
    false,
  );

export const redirected = (key: string, status: number, origin: string) =>
  new DownstreamFailure(
    key,
    'bad_answer',
    `redirects to ${origin} (HTTP ${status}), and headers are never sent to an address that is not in servers.json.`,
    false,
  );

// It was refused before anything ran, and again, if that was not the same, with what its tools ask for now.
export const headersRejected = (key: string) =>
  new DownstreamFailure(
    key,
    'headers_refused',
    'refused the request for the headers that mirror its arguments. Its tools may have changed.',
    false,
  );

export const asksForInput = (key: string) =>
  new DownstreamFailure(key, 'bad_answer', 'asked for input that cannot be given here.', true);

export const opensNoAddress = (key: string) =>
  new DownstreamFailure(key, 'bad_answer', 'asked to open something that is no http or https address.', true);

export const declinedAddress = (key: string) =>
  new DownstreamFailure(key, 'declined', 'needs something to be opened first, and that was declined.', false);

export const notAnswered = (key: string, ms: number) =>
  new DownstreamFailure(key, 'deadline', `asked for input, and nobody gave it within ${ms} ms.`, true);

// A call that had asked waits for a few minutes, in this process alone.
const TOO_LATE =
  'no longer waits for the answer to its question: it came too late, or this gateway was restarted.';
export const noLongerWaits = (key: string) => new DownstreamFailure(key, 'deadline', TOO_LATE, true);

/** What a downstream hears whose question is not put to its caller. */
export const tooManyParked = (count: number) =>
  `${count} calls wait for their callers to answer, as many as limits.maxParked in servers.json of this gateway allows.`;
export const askedTooOften = (count: number) =>
  `One call may ask ${count} times for answers, and this one has.`;
