import type { IncomingMessage, ServerResponse } from 'node:http';
import { type RecordedRequest, sendJson } from '../http-server.ts';
import type { Message } from '../messages.ts';

/** Answers one JSON-RPC request of a plain server, with full control of what goes over the wire. */
export type Answer = (exchange: Exchange) => unknown;

export interface Exchange {
  readonly message: Message;
  readonly recorded: RecordedRequest;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Aborted when the request is cancelled by the rule of its era. */
  readonly signal: AbortSignal;
  /** What the server does without a script; a script may fall back on it. */
  usual(): unknown;
  /** One JSON response with this result. */
  result(result: unknown): void;
  /** One JSON-RPC error; modern errors have HTTP statuses of their own. */
  error(code: number, message: string, options?: { status?: number; data?: unknown }): void;
  /** Starts an SSE answer; its headers leave at once. */
  stream(): EventStream;
  /** Waits for the response to a request that this server sent, on whichever POST it comes. */
  responseTo(id: string | number): Promise<Message>;
}

export interface EventStream {
  /** A notification or request, with `jsonrpc` filled in. */
  send(message: Record<string, unknown>): void;
  /** The response that ends the stream. */
  result(result: unknown): void;
  /** Ends the stream with no further message. */
  end(): void;
}

export interface Cancellation {
  readonly requestId: unknown;
  readonly by: 'closed stream' | 'notification';
  readonly reason?: string;
}

type Given = Pick<Exchange, 'message' | 'recorded' | 'req' | 'res' | 'signal' | 'responseTo'>;

export function createExchange(given: Given, usual: Answer): Exchange {
  const { message, res } = given;
  const reply = (body: object) => ({ jsonrpc: '2.0', id: message.id, ...body });
  const exchange: Exchange = {
    ...given,
    usual: () => usual(exchange),
    result: (result) => sendJson(res, 200, reply({ result })),
    error(code, text, { status = 200, data } = {}) {
      sendJson(
        res,
        status,
        reply({ error: { code, message: text, ...(data === undefined ? {} : { data }) } }),
      );
    },
    stream() {
      res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
      res.flushHeaders();
      const write = (body: object) => void res.write(sseEvent(body));
      return {
        send: (body) => write({ jsonrpc: '2.0', ...body }),
        result(result) {
          write(reply({ result }));
          res.end();
        },
        end: () => void res.end(),
      };
    },
  };
  return exchange;
}

export function sseEvent(message: object): string {
  return `event: message\ndata: ${JSON.stringify(message)}\n\n`;
}
