import { type Era, META } from '../protocol/eras.ts';
import {
  isObject,
  type Notification,
  type Outcome,
  type Params,
  type RequestId,
  RPC,
} from '../protocol/messages.ts';
import { IMPLEMENTATION } from '../version.ts';
import type { OutgoingRequest } from './link.ts';

/**
 * Ids for our own requests. Integers, because some servers accept nothing else, and far above those of the SDK client
 * that shares the session (it counts from 0): an id in flight must be unique in its session.
 */
export function createIds(): () => number {
  let last = 1_000_000_000;
  return () => ++last;
}

/** The message as it goes out: with its id, its progress token (the id again) and the envelope of the modern era. */
export function composeRequest(id: number, request: OutgoingRequest, era: Era, version: string): string {
  let { params } = request;
  if (era === 'modern' || request.progress) {
    const meta: Params = { ...(params._meta as Params | undefined) };
    if (request.progress) meta.progressToken = id;
    if (era === 'modern') {
      meta[META.protocolVersion] = version;
      meta[META.clientInfo] = IMPLEMENTATION;
      meta[META.clientCapabilities] = capabilitiesOf(request);
      if (request.logLevel !== undefined) meta[META.logLevel] = request.logLevel;
    }
    const answers = era === 'modern' ? request.answers : undefined;
    params = { ...params, ...answers, _meta: meta };
  }
  return JSON.stringify({ jsonrpc: '2.0', id, method: request.method, params });
}

const NOTHING: Params = {};

function capabilitiesOf({ capabilities = NOTHING, extensions }: OutgoingRequest): Params {
  return extensions === undefined ? capabilities : { ...capabilities, extensions };
}

export function composeCancelled(requestId: number, reason: string): string {
  return JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId, reason } });
}

/** Our answer to a question of a downstream. */
export function composeAnswer(id: RequestId, outcome: Outcome): string {
  return JSON.stringify({ jsonrpc: '2.0', id, ...outcome });
}

/** What is asked where nobody can be asked: only `ping` has an answer. */
export function answerAlone(method: string): Outcome {
  if (method === 'ping') return { result: {} };
  return { error: { code: RPC.methodNotFound, message: `Method not found: ${method}` } };
}

/** Progress that belongs to this request, and to no other that shares the connection. */
export function isProgressOf(id: number, message: Notification): boolean {
  return (
    message.method === 'notifications/progress' &&
    isObject(message.params) &&
    message.params.progressToken === id
  );
}
