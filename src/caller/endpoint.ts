import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { ProtocolError } from '../errors.ts';
import { type Classified, classify, MODERN_VERSIONS, type ProtocolHeaders } from '../protocol/eras.ts';
import { type Incoming, RPC, readMessage } from '../protocol/messages.ts';
import { BodyRefused, readBody } from './body.ts';
import { type Dispatcher, writeError } from './dispatch.ts';
import { HttpReply, sendJson } from './http-reply.ts';
import type { Selection, Selector } from './selection.ts';

interface EndpointOptions {
  hasToken(headers: IncomingHttpHeaders): boolean;
  refusedHost(headers: IncomingHttpHeaders): string | undefined;
  select: Selector;
  dispatcher: Dispatcher;
  maxRequestBytes: number;
}

/** The largest body that is still read to its end, unused, so that the connection can go on after a refusal. */
const MAX_DRAINED_BYTES = 64 * 1024;

/** The MCP endpoint over HTTP: everything between a POST and the dispatcher, in this order. */
export function createEndpoint(
  options: EndpointOptions,
): (req: IncomingMessage, res: ServerResponse) => void {
  const { dispatcher } = options;

  function receive(text: string, selection: Selection, req: IncomingMessage, res: ServerResponse): void {
    let incoming: Incoming | undefined;
    let classified: Classified;
    try {
      incoming = readMessage(text);
      if (incoming.kind === 'response') return acceptResponse(req, res);
      classified = classify(incoming.message, req.headers as ProtocolHeaders);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      // Legacy revisions know no other status for a request that is refused before it is understood.
      const id = incoming?.kind === 'request' ? incoming.message.id : error.id;
      return sendJson(res, error.httpStatus === 200 ? 400 : error.httpStatus, writeError(id, error));
    }
    const { message } = incoming;
    const { era } = classified;
    const session = era === 'legacy' ? sessionOf(req) : undefined;
    if (incoming.kind === 'notification') {
      dispatcher.notice(incoming.message, { era, selection, session });
      res.writeHead(202).end();
      return;
    }
    // A name for this caller, so that its cancellations find its own calls. Nothing is kept under it.
    const headers =
      era === 'legacy' && message.method === 'initialize' ? ['mcp-session-id', randomUUID()] : [];
    const caller =
      era === 'modern' ? { era, selection, session, headers: req.headers } : { era, selection, session };
    const reply = new HttpReply(req, res, era, selection.profile.framing, headers);
    dispatcher.dispatch(incoming.message, caller, reply);
  }

  return (req, res) => {
    if (req.method !== 'POST') return refuse(req, res, 405, 'MCP is served by POST here.', ['allow', 'POST']);
    const refusedHost = options.refusedHost(req.headers);
    if (refusedHost !== undefined) return refuse(req, res, 403, refusedHost);
    if (!options.hasToken(req.headers))
      return refuse(req, res, 401, UNAUTHORIZED, ['www-authenticate', CHALLENGE]);
    const selection = options.select(req.url ?? '', req.headers['user-agent']);
    if ('refusal' in selection) return refuse(req, res, 404, selection.refusal);
    const type = req.headers['content-type'];
    if (type === undefined || !/^application\/json\s*(;|$)/i.test(type)) {
      return refuse(req, res, 415, 'Send the message as Content-Type: application/json.');
    }
    if (req.headers['content-encoding'] !== undefined) {
      return refuse(req, res, 415, 'Send the body without Content-Encoding.');
    }
    readBody(req, options.maxRequestBytes, (body) => {
      if (!(body instanceof BodyRefused)) return receive(body, selection, req, res);
      if (body.httpStatus === 413) return refuse(req, res, 413, body.message);
      sendJson(res, 400, writeError(undefined, new ProtocolError(RPC.parseError, body.message)));
    });
  };
}

export const UNAUTHORIZED =
  'This gateway needs its token: send "Authorization: Bearer <token>". It is SWITCHBOARD_TOKEN, or was printed at start.';
export const CHALLENGE = 'Bearer realm="mcp-switchboard"';

/** An answer to a question we never asked. The legacy era has a place for such; the modern one says they are an error. */
function acceptResponse(req: IncomingMessage, res: ServerResponse): void {
  const version = req.headers['mcp-protocol-version'];
  if (typeof version === 'string' && MODERN_VERSIONS.includes(version)) {
    throw new ProtocolError(
      RPC.invalidRequest,
      'Send requests and notifications: responses have no place here.',
    );
  }
  res.writeHead(202).end();
}

function sessionOf(req: IncomingMessage): string | undefined {
  const session = req.headers['mcp-session-id'];
  return typeof session === 'string' && session !== '' ? session : undefined;
}

function refuse(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  message: string,
  headers: readonly string[] = [],
): void {
  const isSmall = Number(req.headers['content-length'] ?? Number.POSITIVE_INFINITY) <= MAX_DRAINED_BYTES;
  const hasBody =
    req.headers['content-length'] !== undefined || req.headers['transfer-encoding'] !== undefined;
  const connection = hasBody && !isSmall ? ['connection', 'close'] : [];
  sendJson(res, status, JSON.stringify({ error: message }), [...headers, ...connection]);
}
