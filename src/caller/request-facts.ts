import { META } from '../protocol/eras.ts';
import { isLogLevel } from '../protocol/log-levels.ts';
import type { Params } from '../protocol/messages.ts';
import type { WayBack } from '../relay/running-call.ts';
import type { Caller, Reply } from './caller.ts';
import { type Declared, readDeclared, type Session } from './session.ts';

/** What this caller can do: said with the request, or once for its session. */
export function declaredBy(params: Params, { era, session }: Caller): Declared {
  if (era === 'legacy') return session ?? NOTHING;
  return readDeclared((params._meta as Params | undefined)?.[META.clientCapabilities]);
}

const NOTHING: Declared = {};

export function logLevelOf(meta: Params | undefined, { era, session }: Caller): WayBack['logLevel'] {
  if (era === 'legacy') return session?.logLevel ?? 'all';
  const level = meta?.[META.logLevel];
  return isLogLevel(level) ? level : undefined;
}

/** Asks on the stream of the call that the question came up in. */
export function askerOf(session: Session, reply: Reply): NonNullable<WayBack['ask']> {
  return (question, answered) => {
    const id = session.addQuestion(answered);
    if (!reply.ask({ jsonrpc: '2.0', id, ...question })) {
      session.removeQuestion(id);
      return undefined;
    }
    return () => {
      if (!session.removeQuestion(id)) return;
      reply.notify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } });
    };
  };
}
