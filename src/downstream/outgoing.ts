import { type Era, META } from '../protocol/eras.ts';
import {
  isObject,
  type Notification,
  type Outcome,
  type Params,
  type RequestId,
  RPC,
} from '../protocol/messages.ts';
import { remembering } from '../protocol/text.ts';
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

const quoted = remembering(JSON.stringify);

/** How requests are written on one link. */
export type Composer = (id: number, request: OutgoingRequest) => string;

/**
 * The message as it goes out: with its id, its progress token (the id again) and the envelope of the modern era. Put
 * together from what is text already, which is most of it: to write a call anew costs as much as to read it.
 */
export function createComposer(era: Era, version: string): Composer {
  const envelope = { [META.protocolVersion]: version, [META.clientInfo]: IMPLEMENTATION };
  /** Of a request that says nothing of its own there; in the legacy era it has none. */
  const plainMeta =
    era === 'legacy' ? undefined : JSON.stringify({ ...envelope, [META.clientCapabilities]: {} });
  /** The rest of it behind a progress token. */
  const plainRest = plainMeta === undefined ? '}' : `,${plainMeta.slice(1)}`;

  function metaOf(id: number, request: OutgoingRequest): string | undefined {
    const { params, progress, logLevel, capabilities, extensions } = request;
    const { _meta: passedOn } = params;
    const saysMore = logLevel !== undefined || capabilities !== undefined || extensions !== undefined;
    if (passedOn === undefined && (era === 'legacy' || !saysMore))
      return progress ? `{"progressToken":${id}${plainRest}` : plainMeta;
    const meta: Params = { ...(passedOn as Params | undefined) };
    if (progress) meta.progressToken = id;
    if (era === 'modern') {
      Object.assign(meta, envelope);
      meta[META.clientCapabilities] =
        extensions === undefined ? (capabilities ?? {}) : { ...capabilities, extensions };
      if (logLevel !== undefined) meta[META.logLevel] = logLevel;
    }
    return JSON.stringify(meta);
  }

  return (id, request) => {
    const { method, argumentsJson, answers } = request;
    const params =
      era === 'legacy' || answers === undefined ? request.params : { ...request.params, ...answers };
    let members = '';
    let comma = '';
    for (const field in params) {
      if (field === '_meta') continue;
      const value = params[field];
      let json: string | undefined;
      if (field === 'arguments') json = argumentsJson ?? JSON.stringify(value);
      else json = typeof value === 'string' ? quoted(value) : JSON.stringify(value);
      if (json === undefined) continue;
      members += `${comma}${quoted(field)}:${json}`;
      comma = ',';
    }
    const meta = metaOf(id, request);
    if (meta !== undefined) members += `${comma}"_meta":${meta}`;
    return `{"jsonrpc":"2.0","id":${id},"method":${quoted(method)},"params":{${members}}}`;
  };
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
