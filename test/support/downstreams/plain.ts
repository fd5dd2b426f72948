import type { IncomingMessage, ServerResponse } from 'node:http';
import { type RecordedRequest, sendJson } from '../http-server.ts';
import type { Message } from '../messages.ts';
import { type GuardOptions, type HttpDownstream, serveDownstream } from './downstream.ts';
import { type Answer, type Cancellation, createExchange } from './exchange.ts';
import type { LegacyVersion } from './legacy.ts';
import type { Page } from './pages.ts';
import { usualAnswer } from './plain-usual.ts';
import { toolbox } from './tools.ts';
import { isCut } from './wire.ts';

export interface PlainScript extends GuardOptions {
  readonly era: 'modern' | 'legacy';
  /** What a legacy server answers to initialize. */
  readonly version?: LegacyVersion;
  /** A legacy server that hands out session ids, asks for them, and answers 404 to unknown ones. */
  readonly sessions?: boolean;
  /** What it says that it can do. Default: tools. */
  readonly capabilities?: object;
  /** Tool results as JSON, without progress; otherwise as SSE whose headers leave at once. */
  readonly json?: boolean;
  /** Exactly these tools, in one page. Default: the common ones. */
  readonly tools?: readonly unknown[];
  /** Instead of `tools`: the page for a cursor; undefined asks for the first. */
  readonly page?: (cursor: unknown) => Page;
  /** Sends every request for `/mcp` there, with 307. `/mcp/` is served here. */
  readonly redirectsTo?: string;
  /** What a legacy server does with GET, other than refusing it. */
  readonly gets?: (req: IncomingMessage, res: ServerResponse) => unknown;
  /** Before it accepts what wants no answer, unless this does that itself. */
  readonly beforeAccepting?: (message: Message, res: ServerResponse) => unknown;
  /** By method, or `tools/call <tool>` for one tool. What is not here is answered as a good server would. */
  readonly answers?: Readonly<Record<string, Answer>>;
}

export interface PlainDownstream extends HttpDownstream {
  /** In the order they were heard. */
  readonly cancellations: Cancellation[];
  /** Session ids in force. */
  readonly sessions: ReadonlySet<string>;
  /** As after a restart: the next request of every session hears 404. */
  forgetSessions(): void;
}

/** A server written by hand on node:http, for what no SDK would put on the wire. */
export async function plainServer(script: PlainScript): Promise<PlainDownstream> {
  const tools = toolbox();
  const cancellations: Cancellation[] = [];
  const running = new Map<unknown, AbortController>();
  const waiting = new Map<unknown, (message: Message) => void>();
  const sessions = new Set<string>();
  const usual = usualAnswer(script, tools, (id) => void sessions.add(id));

  const downstream = await serveDownstream({
    ...script,
    calls: tools.calls,
    async handler(recorded, req, res) {
      if (script.redirectsTo !== undefined && recorded.url === '/mcp') {
        return void res.writeHead(307, { location: script.redirectsTo }).end();
      }
      if (req.method === 'DELETE' && sessions.delete(String(req.headers['mcp-session-id']))) {
        return void res.writeHead(200).end();
      }
      if (req.method === 'GET' && script.gets !== undefined) return void script.gets(req, res);
      if (req.method !== 'POST') {
        return sendJson(res, 405, { error: 'method not allowed' }, { allow: 'POST' });
      }
      const message = recorded.body as Message;
      if (script.sessions && refusesSession(message, req, res)) return;
      if (message.method !== undefined && message.id !== undefined) {
        return answer(message, recorded, req, res);
      }
      await script.beforeAccepting?.(message, res);
      if (message.method === 'notifications/cancelled') {
        cancel({ ...message.params, by: 'notification' });
      } else if (message.method === undefined) {
        waiting.get(message.id)?.(message);
      }
      if (!res.headersSent) res.writeHead(202).end();
    },
    close() {
      for (const controller of running.values()) controller.abort();
      tools.close();
    },
  });

  async function answer(
    message: Message,
    recorded: RecordedRequest,
    req: IncomingMessage,
    res: ServerResponse,
  ) {
    const controller = new AbortController();
    running.set(message.id, controller);
    res.on('close', () => {
      // 2026-07-28: a stream that the other side closed is a cancellation. Before that it means nothing.
      if (script.era === 'modern' && recorded.closedEarly && !isCut(res)) {
        cancel({ requestId: message.id, by: 'closed stream' });
      }
    });
    const scripted =
      script.answers?.[`tools/call ${message.params?.name}`] ?? script.answers?.[`${message.method}`];
    const responseTo = (id: string | number) => new Promise<Message>((resolve) => waiting.set(id, resolve));
    const given = { message, recorded, req, res, signal: controller.signal, responseTo };
    try {
      await (scripted ?? usual)(createExchange(given, usual));
    } catch (error) {
      if (!controller.signal.aborted) throw error;
    } finally {
      // Not when the stream closes: a legacy call goes on after that, and can still be cancelled.
      running.delete(message.id);
    }
    // A cancelled request gets no answer; its connection is not held either.
    if (controller.signal.aborted) res.end();
  }

  function cancel(cancellation: Cancellation) {
    cancellations.push(cancellation);
    running.get(cancellation.requestId)?.abort();
  }

  function refusesSession(message: Message, req: IncomingMessage, res: ServerResponse): boolean {
    if (message.method === 'initialize') return false;
    const id = req.headers['mcp-session-id'];
    if (typeof id === 'string' && sessions.has(id)) return false;
    const [status, text] =
      id === undefined ? [400, 'Mcp-Session-Id is required'] : [404, 'Session not found'];
    sendJson(res, Number(status), { jsonrpc: '2.0', id: null, error: { code: -32001, message: text } });
    return true;
  }

  return { ...downstream, cancellations, sessions, forgetSessions: () => sessions.clear() };
}
