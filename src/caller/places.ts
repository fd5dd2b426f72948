import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Dispatcher } from './dispatch.ts';
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

/** Which of several processes answers a request. A request that another one has handed over is answered here. */
export interface Places extends Others {
  /** Comes from another process. */
  markHandedOver(connection: Socket): void;
  close(): void;
}

export function createPlaces(
  { index, pathOf, isThere }: Processes,
  dispatcher: Pick<Dispatcher, 'placeOf' | 'placeOfSessions'>,
): Places {
  const handOver = createHandOver(pathOf);
  const handedOver = new WeakSet<Socket>();
  const placeOfSession = (req: IncomingMessage) => {
    const home = homeOf(req.headers['mcp-session-id']);
    if (home === index) return undefined;
    if (home !== MAIN && isThere(home)) return home;
    // Its process has ended. What was declared with it, its id says anywhere.
    return index === MAIN ? undefined : MAIN;
  };
  return {
    markHandedOver: (connection) => void handedOver.add(connection),
    markSession: (id) => (index === MAIN ? id : `${index}~${id}`),
    unmark: (id) => id.replace(MARK, ''),
    placeOfPage(req, isMcp) {
      if (handedOver.has(req.socket)) return undefined;
      if (isMcp && req.headers['mcp-session-id'] !== undefined) return placeOfSession(req);
      return index === MAIN ? undefined : MAIN;
    },
    placeOf(incoming, era, req, selection) {
      if (handedOver.has(req.socket)) return undefined;
      const ofSession = era === 'legacy' && req.headers['mcp-session-id'] !== undefined;
      const home = ofSession ? placeOfSession(req) : undefined;
      if (home !== undefined) return home;
      if (incoming.kind !== 'request') return undefined;
      const { message } = incoming;
      if (message.method === 'tools/call') {
        const { headers } = req;
        const agent = headers['user-agent'];
        const session = undefined;
        const caller = { name: 'token', agent, era, selection, session, headers } as const;
        return dispatcher.placeOf(message, caller, index, ofSession);
      }
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
