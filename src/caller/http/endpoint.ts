import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Limits } from '../../config/config.ts';
import { ProtocolError } from '../../errors.ts';
import { checkVersion, type Era, eraOf, MODERN_VERSIONS, type ProtocolHeaders } from '../../protocol/eras.ts';
import { type Incoming, type Response, RPC, readMessage } from '../../protocol/messages.ts';
import type { Allowance } from '../allowance.ts';
import { writeError, writeRefusal } from '../answers.ts';
import { callerOf, type Identity } from '../caller.ts';
import type { Dispatcher } from '../dispatch.ts';
import type { Places } from '../processes/places.ts';
import type { Selection, Selector } from '../selection.ts';
import type { Session } from '../session.ts';
import type { Sessions } from '../sessions.ts';
import { TooMany } from '../too-many.ts';
import { BodyRefused, readBody } from './body.ts';
import { HttpReply, type ReplyLimits, refuse, sendJson } from './http-reply.ts';

export interface EndpointOptions {
  /** Whether a request with these is let in. */
  hasToken(headers: IncomingHttpHeaders): boolean;
  /** Why one with these is not served; undefined where it is. */
  refusedHost(headers: IncomingHttpHeaders): string | undefined;
  select: Selector;
  dispatcher: Dispatcher;
  sessions: Sessions;
  allowance: Allowance;
  limits: Pick<Limits, 'maxRequestBytes' | 'maxJsonDepth'> & ReplyLimits;
  /** Absent where there are no other processes. */
  places?: Places | undefined;
}

/** The MCP endpoint over HTTP: everything between a POST and the dispatcher, in this order. */
export function createEndpoint(
  options: EndpointOptions,
): (req: IncomingMessage, res: ServerResponse) => void {
  const { dispatcher, sessions, allowance, limits, places } = options;

  function receive(text: string, selection: Selection, req: IncomingMessage, res: ServerResponse): void {
    let incoming: Incoming | undefined;
    let era: Era;
    try {
      incoming = readMessage(text, limits.maxJsonDepth);
      if (incoming.kind === 'response') {
        const place = places?.placeOfPage(req, true);
        if (place !== undefined) return places?.pass(place, req, res, text);
        return receiveAnswer(incoming.message, req, res);
      }
      era = eraOf(incoming.message, req.headers as ProtocolHeaders);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return refuseMessage(incoming, error, req, res);
    }
    const { message } = incoming;
    const place = places?.placeOf(incoming, era, req, selection, () => sessionOf(req) ?? undefined);
    if (place !== undefined) return handOver(place, text, incoming, era, selection, req, res);
    const begins = era === 'legacy' && message.method === 'initialize';
    const session = era === 'legacy' && !begins ? sessionOf(req) : undefined;
    if (session === null) {
      const why = new ProtocolError(404, UNKNOWN_SESSION);
      dispatcher.refused(incoming, identityIn(req), why, 0);
      return refuse(res, 404, why.message);
    }
    const caller = callerOf(req, era, selection, session);
    if (incoming.kind === 'notification') {
      const isHeard = dispatcher.notice(incoming.message, caller);
      if (!isHeard && places?.ofLostCalls !== undefined)
        return places.pass(places.ofLostCalls, req, res, text);
      res.writeHead(202).end();
      return;
    }
    if (message.method !== 'subscriptions/listen') {
      const tooMany = allowance.enter();
      if (tooMany !== undefined) return refuseMessage(incoming, tooMany, req, res);
      res.on('close', allowance.leave);
    }
    // It holds nothing here: what was declared with it, it says itself.
    const issued = begins ? ['mcp-session-id', issue(message.params?.capabilities)] : [];
    const reply = new HttpReply(req, res, era, selection.profile.framing, limits, issued);
    dispatcher.dispatch(incoming.message, caller, reply);
  }

  function handOver(
    place: number,
    text: string,
    incoming: Incoming,
    era: Era,
    selection: Selection,
    req: IncomingMessage,
    res: ServerResponse,
  ): void {
    const startedAt = performance.now();
    places?.pass(place, req, res, text, () => {
      if (incoming.kind !== 'request') return false;
      const caller = callerOf(req, era, selection, undefined);
      const reply = new HttpReply(req, res, era, selection.profile.framing, limits);
      return dispatcher.lost(incoming.message, caller, reply, startedAt);
    });
  }

  /** It goes no further. Of a request there is a line all the same: it has the token, and could be read. */
  function refuseMessage(
    incoming: Incoming | undefined,
    why: ProtocolError,
    req: IncomingMessage,
    res: ServerResponse,
  ): void {
    const json = writeRefusal(incoming, why);
    const bytes = Buffer.byteLength(json);
    // Legacy revisions know no other status for a request that is refused before it is understood.
    const status = why.httpStatus === 200 ? 400 : why.httpStatus;
    sendJson(res, status, json, why instanceof TooMany ? why.headers : [], bytes);
    dispatcher.refused(incoming, identityIn(req), why, bytes);
  }

  function issue(declared: unknown): string {
    const id = sessions.issue(declared);
    return places === undefined ? id : places.markSession(id);
  }

  /** `null` for an id that is not, or no longer, one of ours. */
  function sessionOf(req: IncomingMessage): Session | undefined | null {
    const id = req.headers['mcp-session-id'];
    if (typeof id !== 'string' || id === '') return undefined;
    return sessions.find(places?.unmark(id) ?? id) ?? null;
  }

  /** An answer to a question of ours. The modern era has none and calls such a message an error. */
  function receiveAnswer(answer: Response, req: IncomingMessage, res: ServerResponse): void {
    const version = versionIn(req);
    checkVersion(version);
    if (version !== undefined && MODERN_VERSIONS.includes(version)) {
      throw new ProtocolError(
        RPC.invalidRequest,
        'Send requests and notifications: responses have no place here.',
      );
    }
    const session = sessionOf(req);
    if (session === null) return refuse(res, 404, UNKNOWN_SESSION);
    if (session !== undefined) dispatcher.answered(answer, session);
    res.writeHead(202).end();
  }

  /** The stream on which a caller of the legacy era hears of changes, and the end of its session. */
  function onOtherMethod(req: IncomingMessage, res: ServerResponse, selection: Selection): void {
    try {
      checkVersion(versionIn(req));
      const session = sessionOf(req);
      if (session === null) return refuse(res, 404, UNKNOWN_SESSION);
      if (session === undefined) return refuse(res, 405, 'MCP is served by POST here.', ['allow', 'POST']);
      if (req.method === 'DELETE') {
        sessions.end(session);
        res.writeHead(204).end();
        return;
      }
      const caller = { ...callerOf(req, 'legacy', selection, session), headers: req.headers };
      const isOpen = dispatcher.open(caller, new HttpReply(req, res, 'legacy', 'sse', limits));
      if (!isOpen) refuse(res, 406, 'Accept text/event-stream to hear of changes.');
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const headers = error instanceof TooMany ? error.headers : [];
      refuse(res, error.httpStatus, error.message, headers);
    }
  }

  return (req, res) => {
    const isPost = req.method === 'POST';
    if (!isPost && req.method !== 'GET' && req.method !== 'DELETE') {
      return refuse(res, 405, 'MCP is served by POST here.', ['allow', 'POST']);
    }
    const refusedHost = options.refusedHost(req.headers);
    if (refusedHost !== undefined) return refuse(res, 403, refusedHost);
    if (!options.hasToken(req.headers))
      return refuse(res, 401, UNAUTHORIZED, ['www-authenticate', CHALLENGE]);
    const selection = options.select(req.url ?? '', req.headers['user-agent']);
    if ('refusal' in selection) return refuse(res, 404, selection.refusal);
    if (!isPost) return onOtherMethod(req, res, selection);
    const type = req.headers['content-type'];
    if (type !== 'application/json' && (type === undefined || !/^application\/json\s*(;|$)/i.test(type))) {
      return refuse(res, 415, 'Send the message as Content-Type: application/json.');
    }
    if (req.headers['content-encoding'] !== undefined) {
      return refuse(res, 415, 'Send the body without Content-Encoding.');
    }
    readBody(req, limits.maxRequestBytes, (body) => {
      if (!(body instanceof BodyRefused)) return receive(body, selection, req, res);
      if (body.httpStatus === 413) return refuse(res, 413, body.message);
      sendJson(res, 400, writeError(undefined, new ProtocolError(RPC.parseError, body.message)));
    });
  };
}

const versionIn = ({ headers }: IncomingMessage) => (headers as ProtocolHeaders)['mcp-protocol-version'];

const identityIn = ({ headers }: IncomingMessage): Identity => ({
  name: 'token',
  agent: headers['user-agent'],
});

export const UNAUTHORIZED =
  'This gateway needs its token: send "Authorization: Bearer <token>". It is SWITCHBOARD_TOKEN, or was printed at start.';
export const CHALLENGE = 'Bearer realm="mcp-switchboard"';

// 404, not 400: a caller that hears 404 begins a new session, one that hears 400 repeats its mistake.
const UNKNOWN_SESSION = 'This session is not known here, or has ended. Begin a new one with initialize.';
