import { ProtocolError } from '../errors.ts';
import type { Pace } from './pace.ts';
import { withoutMark } from './text.ts';
import { isDeeperThan, WRITTEN } from './written-answer.ts';

/** JSON-RPC 2.0 as MCP uses it: an id is a string or an integer, never null. */
export type RequestId = string | number;
export type Params = Record<string, unknown>;

export interface Request {
  jsonrpc: '2.0';
  id: RequestId;
  method: string;
  params?: Params;
}

export interface Notification {
  jsonrpc: '2.0';
  method: string;
  params?: Params;
}

export interface RpcError {
  code: number;
  message: string;
  data?: unknown;
}

/**
 * What answers a request: exactly one of the two. `written` is the result as its sender wrote it, where that is known;
 * `isSent` says that it has gone to the caller already, in pieces, and that nobody has it here.
 */
export type Outcome = { result: Params; written?: string; isSent?: true } | { error: RpcError };

export type Response = { jsonrpc: '2.0'; id?: RequestId | null } & Outcome;

export type Incoming =
  | { kind: 'request'; message: Request }
  | { kind: 'notification'; message: Notification }
  | { kind: 'response'; message: Response };

export const RPC = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  /** The first of those that a server may use as it likes. */
  serverError: -32000,
  /** What the SDKs say beside 404. */
  sessionNotFound: -32001,
  headerMismatch: -32020,
  missingClientCapability: -32021,
  unsupportedVersion: -32022,
  /** Of 2025-11-25 alone: addresses are to be opened first. */
  urlElicitationRequired: -32042,
} as const;

/** A longer id serves no one and would be held for as long as its call. */
const MAX_ID_CHARS = 1024;

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Reads one JSON-RPC message.
 *
 * @param maxDepth  deeper JSON is refused: it serves no tool, and overflows the stack of whoever writes it out again
 * @throws ProtocolError -32700 not JSON or nested deeper than that; -32600 not one JSON-RPC message
 */
export function readMessage(given: string, maxDepth: number): Incoming {
  const text = withoutMark(given);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError(RPC.parseError, 'The body is not valid JSON.', { cause });
  }
  if (isDeeperThan(text, maxDepth)) {
    throw new ProtocolError(
      RPC.parseError,
      `The JSON is nested deeper than ${maxDepth} levels (limits.maxJsonDepth in servers.json).`,
      idOfRequest(value),
    );
  }
  if (Array.isArray(value)) {
    throw invalid(value, 'Send one JSON-RPC message per request: batches are not accepted.');
  }
  if (!isObject(value) || value.jsonrpc !== '2.0') {
    throw invalid(value, 'The body is not a JSON-RPC 2.0 message.');
  }
  if (typeof value.method === 'string') return readCall(value);
  if (
    ('result' in value || 'error' in value) &&
    (value.id === undefined || value.id === null || isRequestId(value.id))
  ) {
    return { kind: 'response', message: value as unknown as Response };
  }
  throw invalid(value, 'The message has neither a method nor a result.');
}

function readCall(value: Record<string, unknown>): Incoming {
  const { id, params } = value;
  if (params !== undefined && !isObject(params)) {
    throw invalid(value, 'params must be an object.');
  }
  if (id === undefined) return { kind: 'notification', message: value as unknown as Notification };
  if (!isRequestId(id)) {
    throw invalid(value, 'The id must be an integer or a string of at most 1024 characters.');
  }
  return { kind: 'request', message: value as unknown as Request };
}

const invalid = (value: unknown, why: string) =>
  new ProtocolError(RPC.invalidRequest, why, idOfRequest(value));

/**
 * What a refusal of this says it answers, so that nobody waits for it. The id of a response is one of our questions, and may
 * be that of a request of the caller's as well.
 */
export function idOfRequest(value: unknown): { id?: RequestId } {
  return isObject(value) && value.method !== undefined && isRequestId(value.id) ? { id: value.id } : {};
}

export function isRequestId(id: unknown): id is RequestId {
  return typeof id === 'string' ? id.length <= MAX_ID_CHARS : Number.isSafeInteger(id);
}

/** One that has been read, and not yet looked at. */
export interface Message extends Record<string, unknown> {
  readonly [WRITTEN]?: string;
}

/**
 * What a response says; undefined where it says neither of the two things that it can.
 *
 * @param isTyped  false in the legacy era, where what bears the name of a type is a field like any other
 */
export function outcomeOf(message: Message, isTyped = true): Outcome | undefined {
  const { result, error, [WRITTEN]: written } = message;
  if (isObject(result)) {
    const { resultType = 'complete' } = result;
    if (!isTyped && resultType !== 'complete') return { result: withoutType(result) };
    return written === undefined ? { result } : { result, written };
  }
  return isRpcError(error) ? { error } : undefined;
}

function withoutType({ resultType: _ofServer, ...result }: Params): Params {
  return result;
}

export function isRpcError(value: unknown): value is RpcError {
  return isObject(value) && Number.isInteger(value.code) && typeof value.message === 'string';
}

/**
 * Whether a message may be dropped unread: there are more than the pace allows, and it is no answer and no question,
 * since these have an id.
 */
export function isFlood(json: string, pace: Pace): boolean {
  return !json.includes('"id"') && !pace.allows();
}
