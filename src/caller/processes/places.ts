import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { View } from '../../catalog/view.ts';
import type { Limits } from '../../config/config.ts';
import type { Era } from '../../protocol/eras.ts';
import type { Incoming, Params, Request } from '../../protocol/messages.ts';
import { type Caller, callerOf } from '../caller.ts';
import type { Dispatcher } from '../dispatch.ts';
import { declaredBy } from '../request-facts.ts';
import type { Selection } from '../selection.ts';
import { readDeclared, type Session } from '../session.ts';
import { createHandOver, type HandOver } from './hand-over.ts';
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
export interface Places extends HandOver {
  /** Comes from another process. */
  markHandedOver(connection: Socket): void;
  /** Where what is no POST of a message belongs; undefined where it belongs here, or comes from another process. */
  placeOfPage(req: IncomingMessage, isMcp: boolean): number | undefined;
  /**
   * The same for this POST.
   *
   * @param sessionHere  the session that it names, of which this process has what is live from then on
   */
  placeOf(
    incoming: Incoming,
    era: Era,
    req: IncomingMessage,
    selection: Selection,
    sessionHere: () => Session | undefined,
  ): number | undefined;
  /** Where a call of a session that lives here may run that is not known here; undefined where that is nowhere else. */
  readonly ofLostCalls: number | undefined;
  /** The id of a session that begins here. */
  markSession(id: string): string;
  /** The id without that mark. */
  unmark(id: string): string;
}

/** @param isSettled  whether it is known what there is */
export function createPlaces(
  { index, pathOf, isThere, isAlive }: Processes,
  dispatcher: Pick<Dispatcher, 'viewOf' | 'mayRunElsewhere' | 'placeOfSame'>,
  isSettled: () => boolean,
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

  /** @param ofSession  one that lives here: as long as it stays, nothing of it runs elsewhere */
  function placeOfCall({ params = {} }: Request, caller: Caller, ofSession: boolean): number {
    if (index !== MAIN && comesBack(params, caller)) return MAIN;
    const isHere = index === MAIN || (!isLeaving() && runsAnywhere(params, dispatcher.viewOf(caller)));
    const isAlone = ofSession ? !isLeaving() : isHere && !dispatcher.mayRunElsewhere;
    const same = isAlone ? undefined : dispatcher.placeOfSame(params, caller, index);
    return same ?? (isHere ? index : MAIN);
  }

  function placeOfOther({ method, params }: Request, selection: Selection, ofSession: boolean): number {
    if (index === MAIN || isLeaving()) return MAIN;
    if (ofSession || ANYWHERE.has(method)) return index;
    const begins = method === 'initialize' && isSettled();
    return begins && livesAnywhere(params, dispatcher.viewOf({ selection })) ? index : MAIN;
  }

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
    placeOf(incoming, era, req, selection, sessionHere) {
      const ofSession = era === 'legacy' && req.headers['mcp-session-id'] !== undefined;
      const wasHandedOver = handedOver.has(req.socket);
      // At the home of its session a call may turn out to be one for the first process.
      if (wasHandedOver && (index === MAIN || !ofSession)) return undefined;
      const isCall = incoming.kind === 'request' && incoming.message.method === 'tools/call';
      // What a notification is about runs on where it began, and so does what a call repeats.
      const isFit = isCall || incoming.kind === 'notification' ? isAlive : isThere;
      const home = ofSession && !wasHandedOver ? placeOfSession(req, isFit) : undefined;
      if (home !== undefined) return home;
      if (incoming.kind !== 'request') return undefined;
      const session = isCall && ofSession && isLeaving() ? sessionHere() : undefined;
      const place = isCall
        ? placeOfCall(incoming.message, callerOf(req, era, selection, session), ofSession)
        : placeOfOther(incoming.message, selection, ofSession);
      return place === index ? undefined : place;
    },
    pass: handOver.pass,
    close: handOver.close,
  };
}

/** Whether a call may be asked something, or was: the answer comes back to who asked for it. */
const comesBack = (params: Params, caller: Caller) =>
  params.requestState !== undefined || declaredBy(params, caller).capabilities !== undefined;

const runsAnywhere = ({ name }: Params, { routes }: View) =>
  routes.get(name as string)?.downstream.isStateless === true;

/** Whether any process can do for a session that begins with these all that it may ask of this view. */
const livesAnywhere = (initialize: Params | undefined, { capabilities, downstreams }: View) =>
  readDeclared(initialize?.capabilities).capabilities === undefined &&
  capabilities.logging === undefined &&
  Object.keys(capabilities).every((name) => name === 'tools' || name === 'extensions') &&
  [...downstreams.values()].every(({ isStateless }) => isStateless);

const MARK = /^(\d{1,9})~/;

/** Where the session of this id lives. */
function homeOf(id: unknown): number {
  const [, index] = MARK.exec(String(id)) ?? [];
  return index === undefined ? MAIN : Number(index);
}
