import type { View } from '../catalog/view.ts';
import { ProtocolError } from '../errors.ts';
import { META } from '../protocol/eras.ts';
import { isLogLevel, LOG_LEVELS } from '../protocol/log-levels.ts';
import { isObject, type Params, type Request, RPC, type RpcError } from '../protocol/messages.ts';
import { ELICITATION_COMPLETE } from '../protocol/questions.ts';
import type { Asking, Forwarding } from '../relay/asking.ts';
import type { Rounds } from '../relay/dialogue.ts';
import type { WayBack } from '../relay/running-call.ts';
import type { Caller, Reply } from './caller.ts';
import { type Declared, readDeclared, type Session } from './session.ts';

/** What this caller can do: said with the request, or once for its session. */
export function declaredBy(params: Params, { era, session }: Caller): Declared {
  if (era === 'legacy') return session ?? NOTHING;
  return readDeclared((params._meta as Params | undefined)?.[META.clientCapabilities]);
}

const NOTHING: Declared = {};

/** Who asks, as far as relaying needs it. */
export function askingOf(params: Params, caller: Caller, view: View, rounds: Rounds): Asking {
  const { capabilities, extensions } = declaredBy(params, caller);
  const { era, headers } = caller;
  return headers === undefined
    ? { view, era, capabilities, extensions, rounds }
    : { view, era, headers, capabilities, extensions, rounds };
}

/** @throws ProtocolError -32602 no such level */
export function logLevelOf(meta: Params | undefined, { era, session }: Caller): WayBack['logLevel'] {
  if (era === 'legacy') return session?.logLevel ?? 'all';
  const level = meta?.[META.logLevel];
  if (level === undefined || isLogLevel(level)) return level;
  throw unknownLogLevel(`params._meta["${META.logLevel}"]`);
}

export const unknownLogLevel = (where: string) =>
  new ProtocolError(RPC.invalidParams, `${where} must be one of ${LOG_LEVELS.join(', ')}.`);

/** Asks on the stream of the call that the question came up in. */
export function askerOf(session: Session, forwarding: Forwarding, reply: Reply): NonNullable<WayBack['ask']> {
  return ({ method, params }, answered) => {
    // Its answer would come to nobody.
    if (session.isClosed) return undefined;
    awaitElicitation(params, forwarding, session);
    const id = session.addQuestion(answered);
    // Of what a server wrote beside these, nothing: an `id` of its own would choose whose question is answered.
    const isAsked = tryAsking(reply, { jsonrpc: '2.0', id, method, ...(params !== undefined && { params }) });
    if (!isAsked) {
      session.removeQuestion(id);
      return undefined;
    }
    return () => {
      if (!session.removeQuestion(id)) return;
      reply.notify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } });
    };
  };
}

function tryAsking(reply: Reply, question: Request): boolean {
  try {
    return reply.ask(question);
  } catch {
    // Nested too deep to be written.
    return false;
  }
}

/** Who is to open an address hears when what is to be done there is done: it alone, and on the stream of its session. */
function awaitElicitation(params: unknown, { downstream }: Forwarding, session: Session): void {
  const { mode, elicitationId } = isObject(params) ? params : {};
  if (mode !== 'url' || typeof elicitationId !== 'string') return;
  downstream.wishes.awaitElicitation(elicitationId, () => {
    session.notify?.(ELICITATION_COMPLETE, { elicitationId });
  });
}

/** The same for those that an error names. */
export function awaitAddresses(
  { code, data }: RpcError,
  forwarding: Forwarding,
  session: Session | undefined,
): void {
  if (code !== RPC.urlElicitationRequired || session === undefined || !isObject(data)) return;
  for (const params of Array.isArray(data.elicitations) ? data.elicitations : []) {
    awaitElicitation(params, forwarding, session);
  }
}
