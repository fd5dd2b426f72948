import { ProtocolError } from '@modelcontextprotocol/client';
import { errors } from 'undici';
import { DownstreamFailure } from '../errors.ts';
import { RPC } from '../protocol/messages.ts';
import { ConnectFailed } from './connection.ts';

const NOT_MCP = 'it does not speak MCP at this URL';

/** For who has an authority of their own. */
const TRUSTED = '; NODE_EXTRA_CA_CERTS names what else is trusted';

/** What a person calls the error codes of a connection that did not come about. */
const WORDS = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['ECONNRESET', 'connection reset'],
  ['ENOTFOUND', 'host name not found'],
  ['EAI_AGAIN', 'host name not resolved'],
  ['EHOSTUNREACH', 'no route to the host'],
  ['ENETUNREACH', 'no route to the network'],
  ['ETIMEDOUT', 'connecting timed out'],
  ['UND_ERR_CONNECT_TIMEOUT', 'connecting timed out'],
  ['UND_ERR_SOCKET', 'connection closed'],
  ['UND_ERR_DESTROYED', 'this gateway has closed its connections'],
  ['CERT_HAS_EXPIRED', 'its TLS certificate has expired'],
  ['CERT_NOT_YET_VALID', 'its TLS certificate is not valid yet, or the clock here is wrong'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', `its TLS certificate is self-signed${TRUSTED}`],
  ['SELF_SIGNED_CERT_IN_CHAIN', `its TLS certificate chain is self-signed${TRUSTED}`],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', `its TLS certificate cannot be verified${TRUSTED}`],
  [
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    `its TLS certificate is by an authority that is not known here${TRUSTED}`,
  ],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'its TLS certificate is for another host'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'it speaks no TLS there: is its url one of http?'],
  // Codes of the SDK's client.
  ['REQUEST_TIMEOUT', 'it did not answer in time'],
  ['CLIENT_HTTP_UNEXPECTED_CONTENT', NOT_MCP],
  ['CLIENT_HTTP_NOT_IMPLEMENTED', NOT_MCP],
  ['INVALID_RESULT', NOT_MCP],
  ['ENOENT', 'command not found'],
  ['ENOTDIR', 'command not found'],
  ['EACCES', 'command not executable'],
  ['E2BIG', 'its args and env are too long for this system'],
  ['EMFILE', 'too many files are open here'],
]);

const IS_TLS = /^(ERR_SSL|ERR_TLS)/;
/** Of the system, or of a certificate. */
const IS_CODE = /^(E[A-Z0-9]+|(CERT|UNABLE_TO)_[A-Z_]+)$/;

/** The reason behind a failed connection in a few words. Never a message of the other side: it may hold anything. */
export function describeCause(error: unknown): string {
  for (const cause of causesOf(error)) {
    const { code, status } = cause as { code?: unknown; status?: unknown };
    if (status === 401 || status === 403) return `it refused the credentials: HTTP ${status}`;
    if (status === 404) return 'nothing is at its url: HTTP 404';
    if (typeof status === 'number' && status > 0) return `HTTP ${status}`;
    if (cause instanceof ConnectFailed) return cause.message;
    if (code === RPC.unsupportedVersion) return 'it speaks no version of MCP that is spoken here';
    if (cause instanceof ProtocolError) return `it answered initialize with error ${code}`;
    // The SDK's client passes on what its parsers throw.
    if (cause instanceof SyntaxError || cause.name === 'ZodError') return NOT_MCP;
    if (isMalformed(cause)) return 'it answers with malformed HTTP';
    if (typeof code === 'string') {
      const words = WORDS.get(code);
      if (words !== undefined) return words;
      if (IS_TLS.test(code)) return `TLS failed: ${code}`;
      if (IS_CODE.test(code)) return `connecting failed: ${code}`;
    }
  }
  return 'connecting failed';
}

/** What its operator is to do about a redirect to another server; undefined for what is none. The rest of it may be secret. */
export function describeRedirect(status: number, location: unknown, from: URL): string | undefined {
  const { protocol, origin } = targetOf(status, location, from) ?? from;
  if (!/^https?:$/.test(protocol) || origin === from.origin) return undefined;
  return `it redirects to ${origin} (HTTP ${status}): put that address into url`;
}

/** Where a redirect leads that does not leave its server; undefined for any other, and for what is none. */
export function redirectWithin(status: number, location: unknown, from: URL): URL | undefined {
  const target = targetOf(status, location, from);
  return target?.origin === from.origin ? target : undefined;
}

function targetOf(status: number, location: unknown, from: URL): URL | undefined {
  if (status < 300 || status >= 400 || typeof location !== 'string') return undefined;
  return URL.canParse(location, from.href) ? new URL(location, from) : undefined;
}

/** What it sent back cannot be read as HTTP. A connection that ends in the middle of it is something else. */
export function isMalformed(error: unknown): boolean {
  return error instanceof errors.HTTPParserError && !error.message.includes('EOF');
}

/** Nobody listens there, or who did has gone in the middle of it: as long as a server takes to start again. */
export function isCutOff(error: unknown): boolean {
  return causesOf(error).some((cause) => CUT_OFF.has((cause as { code?: unknown }).code));
}
const CUT_OFF: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ECONNRESET', 'UND_ERR_SOCKET']);

/** It was reached, and gave an answer that is none, or none in time: of what it would say to another question that tells nothing. */
export function isOddAnswer(error: unknown): boolean {
  const status = statusOf(error);
  if (status !== undefined) return status === 500 || status === 501;
  return causesOf(error).some((cause) => {
    const { code, name } = cause as { code?: unknown; name: string };
    const isNotMcp = typeof code === 'string' && WORDS.get(code) === NOT_MCP;
    return isNotMcp || code === 'REQUEST_TIMEOUT' || name === 'SyntaxError' || name === 'ZodError';
  });
}

/** Whoever should answer was not reached, or said nothing: of what they are, that tells nothing. */
export function isUnanswered(error: unknown): boolean {
  return causesOf(error).some((cause) => {
    const { code } = cause as { code?: unknown };
    return typeof code === 'string' && (IS_TLS.test(code) || (WORDS.get(code) ?? NOT_MCP) !== NOT_MCP);
  });
}

/** The HTTP status that it was refused with, where it was. */
export function statusOf(error: unknown): number | undefined {
  const statuses = causesOf(error).map((cause) => (cause as { status?: unknown }).status);
  return statuses.find((status): status is number => typeof status === 'number' && status > 0);
}

/** It is certain that nothing was sent. */
export function isUnreached(error: unknown): boolean {
  return error instanceof DownstreamFailure && error.reason === 'unavailable';
}

/** What has happened, in a few words: what a caller may do about it comes behind that. */
export function whatHappened({ what }: DownstreamFailure): string {
  const [happened] = what.split(/\.(?: |$)/);
  return `it ${happened}`;
}

export function isSessionLost(error: unknown): boolean {
  return error instanceof DownstreamFailure && error.reason === 'session_lost';
}

/** The error and what caused it. */
function causesOf(error: unknown): Error[] {
  const causes: Error[] = [];
  for (
    let cause = telling(error);
    cause instanceof Error && causes.length < 8;
    cause = telling(cause.cause)
  ) {
    causes.push(cause);
  }
  return causes;
}

/** Of the addresses of one host, who was reached and refused tells more than one to which there is no way. */
function telling(error: unknown): unknown {
  if (!(error instanceof AggregateError)) return error;
  return error.errors.find(({ code }) => CUT_OFF.has(code)) ?? error.errors[0];
}
