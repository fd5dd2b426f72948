import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Limits } from '../../config/config.ts';
import { callerOf } from '../caller.ts';
import type { Dispatcher } from '../dispatch.ts';
import { createHandOver, type Others } from './hand-over.ts';
import { MAIN, type Processes } from './processes.ts';

/** What any process knows as well as another. */
const ANYWHERE: ReadonlySet<string> = new Set([
  'ping',
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
]);

/** Which of several processes answers a request. What the first one is handed over it answers. */
export interface Places extends Others {
  /** Comes from another process. */
  markHandedOver(connection: Socket): void;
  close(): void;
}

export function createPlaces(
  { index, pathOf, isThere, isAlive }: Processes,
  dispatcher: Pick<Dispatcher, 'placeOf' | 'placeOfSessions'>,
  limits: Pick<Limits, 'unsentTimeoutMs'>,
): Places {
  const handOver = createHandOver(pathOf, limits);
  const handedOver = new WeakSet<Socket>();
  /** Others have taken over: what is offered here counts no more, and only what runs here is still this one's. */
  const isLeaving = () => index !== MAIN && !isThere(index);
  const placeOfSession = (req: IncomingMessage, isFit = isThere) => {
    const home = homeOf(req.headers['mcp-session-id']);
    if (home === index) return index === MAIN || isFit(index) ? undefined : MAIN;
    if (home !== MAIN && isFit(home)) return home;
    // Its process has ended. What was declared with it, its id says anywhere.
    return index === MAIN ? undefined : MAIN;
  };
  return {
    markHandedOver: (connection) => void handedOver.add(connection),
    markSession: (id) => (index === MAIN ? id : `${index}~${id}`),
    ofLostCalls: index === MAIN ? undefined : MAIN,
    unmark: (id) => id.replace(MARK, ''),
    placeOfPage(req, isMcp) {
      if (handedOver.has(req.socket)) return undefined;
      if (isMcp && req.headers['mcp-session-id'] !== undefined) return placeOfSession(req);
      return index === MAIN ? undefined : MAIN;
    },
    placeOf(incoming, era, req, selection) {
      const ofSession = era === 'legacy' && req.headers['mcp-session-id'] !== undefined;
      const wasHandedOver = handedOver.has(req.socket);
      // At the home of its session a call may turn out to be one for the first process.
      if (wasHandedOver && (index === MAIN || !ofSession)) return undefined;
      // What a notification is about runs on where it began.
      const isNotice = incoming.kind === 'notification';
      const isAway = ofSession && !wasHandedOver;
      const home = isAway ? placeOfSession(req, isNotice ? isAlive : isThere) : undefined;
      if (home !== undefined) return home;
      if (incoming.kind !== 'request') return undefined;
      const { message } = incoming;
      if (message.method === 'tools/call') {
        const caller = callerOf(req, era, selection, undefined);
        return dispatcher.placeOf(message, caller, { index, isLeaving: isLeaving() }, ofSession);
      }
      if (isLeaving()) return MAIN;
      if (index === MAIN || ofSession || ANYWHERE.has(message.method)) return undefined;
      return message.method === 'initialize' ? dispatcher.placeOfSessions(message, selection) : MAIN;
    },
    pass: handOver.pass,
    close: handOver.close,
  };
}

const MARK = /^(\d{1,9})~/;

/** Where the session of this id lives. */
function homeOf(id: unknown): number {
  const [, index] = MARK.exec(String(id)) ?? [];
  return index === undefined ? MAIN : Number(index);
}
