import type { IncomingHttpHeaders } from 'node:http';
import {
  credentialsRefused,
  type DownstreamFailure,
  failedStatus,
  headersRejected,
  noAnswer,
  rateLimited,
  redirected,
  sessionLost,
} from '../../errors.ts';
import { isRpcError, type Message, RPC } from '../../protocol/messages.ts';
import { firstOf } from './http-headers.ts';

/** Statuses that say it all; for the others the body is read, since both eras put JSON-RPC errors under 4xx. */
export function judgeStatus(
  key: string,
  status: number,
  headers: IncomingHttpHeaders,
  hasSession: boolean,
): DownstreamFailure | undefined {
  if (status === 202 || status === 204) return noAnswer(key, `HTTP ${status}`);
  if (status >= 300 && status < 400) return judgeRedirect(key, status, firstOf(headers.location));
  if (status === 401 || status === 403) return credentialsRefused(key, status);
  // Spec 2025-11-25, session management: 404 to a known session means that it is gone.
  if (status === 404 && hasSession) return sessionLost(key);
  if (status === 429) return rateLimited(key, secondsOf(headers['retry-after']));
  return undefined;
}

/**
 * What is said with 400 and a JSON-RPC error of our own hop, and would be wrong in the caller's ears: it is we who wrote those
 * headers and chose that version.
 */
export function judgeRefusal(key: string, code: number, isModern: boolean): DownstreamFailure | undefined {
  if (code === RPC.headerMismatch && isModern) return headersRejected(key);
  return code === RPC.unsupportedVersion ? sessionLost(key) : undefined;
}

/** With which a lost session is told, beside 404. */
const SAID_OF_SESSIONS: ReadonlySet<number> = new Set([400, 401]);
const OF_SESSIONS: ReadonlySet<number> = new Set([RPC.serverError, RPC.sessionNotFound]);

/**
 * 404 is the status for it, but the servers built on widely copied examples say 400, with a code of their own, those on
 * earlier Python SDKs with a text and no message, and those on earlier Rust SDKs 401.
 *
 * @param message  what it has said with that status; undefined where that was no message
 */
export function mayTellOfLostSession(status: number, message: Message | undefined): boolean {
  if (!SAID_OF_SESSIONS.has(status)) return false;
  return message === undefined || (isRpcError(message.error) && OF_SESSIONS.has(message.error.code));
}

/** Spec 2025-11-25, transports: the error in the body of a refusal has no id. Some have `null`, or a name of their own. */
export function tellsWhyRefused(status: number, { error }: Message): boolean {
  return status === 400 && isRpcError(error) && !OF_SESSIONS.has(error.code);
}

function judgeRedirect(key: string, status: number, location: string | undefined): DownstreamFailure {
  if (location === undefined) return failedStatus(key, status);
  if (!URL.canParse(location)) return redirected(key, status, 'another path');
  const { protocol, origin } = new URL(location);
  return /^https?:$/.test(protocol) ? redirected(key, status, origin) : failedStatus(key, status);
}

/** RFC 9110, 10.2.3: seconds, or a date. What is neither, or is weeks away, says nothing. */
function secondsOf(retryAfter: string | undefined): number | undefined {
  if (retryAfter === undefined) return undefined;
  if (/^\d{1,6}$/.test(retryAfter)) return Number(retryAfter);
  const seconds = / GMT$/.test(retryAfter) ? Math.ceil((Date.parse(retryAfter) - Date.now()) / 1000) : NaN;
  return seconds >= 0 && seconds < 1_000_000 ? seconds : undefined;
}
