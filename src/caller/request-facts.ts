import type { View } from '../catalog/view.ts';
import { type Era, META } from '../protocol/eras.ts';
import { extensionsOf, TASKS } from '../protocol/extensions.ts';
import { isLogLevel } from '../protocol/log-levels.ts';
import type { Params } from '../protocol/messages.ts';
import type { WayBack } from '../relay/forward.ts';
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

/** Whoever asks with the same identity at the same URL is taken for the same. */
export const identityOf = ({ session, agent = '', era, selection: { profile, toolset } }: Caller) =>
  `${session?.identity ?? agent}\n${era}\n${profile.name}\n${toolset?.name ?? ''}`;

export function offersSubscriptions({ capabilities }: View): boolean {
  return (capabilities.resources as Params | undefined)?.subscribe === true;
}

/** `tools/call` of `tools`, `completion/complete` of `completions`, `tasks/get` of an extension. */
export function offers({ capabilities }: View, method: string, era: Era): boolean {
  const feature = method.slice(0, method.indexOf('/'));
  if (feature === 'tasks') return era === 'modern' && extensionsOf(capabilities)?.[TASKS] !== undefined;
  return capabilities[feature === 'completion' ? 'completions' : feature] !== undefined;
}
