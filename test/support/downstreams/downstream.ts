import type { IncomingHttpHeaders } from 'node:http';
import { type Handler, listenOnLoopback, type RecordedRequest, sendJson } from '../http-server.ts';
import type { Message } from '../messages.ts';
import type { RecordedCall } from './tools.ts';

/** An entry of `mcpServers`, as a person writes it. */
export type ServerEntry = Record<string, unknown>;

/** A real MCP server for the length of one test. */
export interface HttpDownstream extends AsyncDisposable {
  /** Ends in `/mcp`. */
  readonly url: string;
  readonly requests: RecordedRequest[];
  /** Every tools/call that reached a tool, and how it ended. */
  readonly calls: RecordedCall[];
  /** What to write into servers.json to reach it: its URL, the headers it asks for, and what the test adds. */
  entry(extra?: ServerEntry): ServerEntry;
}

export interface GuardOptions {
  /** Every one of these headers must come with exactly this value. */
  readonly requires?: Readonly<Record<string, string>>;
  /** What a request without them hears. */
  readonly refusesWith?: 401 | 403;
}

interface Serving extends GuardOptions {
  readonly calls: RecordedCall[];
  readonly handler: Handler;
  /** Called after the connections are closed. */
  close?(): unknown;
}

/**
 * Puts a handler at `/mcp` (and `/mcp/`, where a redirecting one sends people) behind its guard.
 * Every other path is a JSON 404, which callers that probe can read.
 */
export async function serveDownstream(serving: Serving): Promise<HttpDownstream> {
  const server = await listenOnLoopback(async (recorded, req, res) => {
    if (!/^\/mcp\/?(\?|$)/.test(recorded.url)) return sendJson(res, 404, { error: 'not found' });
    if (!passesGuard(recorded.headers, serving.requires)) {
      const status = serving.refusesWith ?? 401;
      const challenge: Record<string, string> = status === 401 ? { 'www-authenticate': 'Bearer' } : {};
      return sendJson(res, status, { error: 'refused by the downstream' }, challenge);
    }
    await serving.handler(recorded, req, res);
  });
  const url = `${server.origin}/mcp`;
  return {
    url,
    requests: server.requests,
    calls: serving.calls,
    entry: (extra = {}) => ({
      url,
      ...(serving.requires ? { headers: { ...serving.requires } } : {}),
      ...extra,
    }),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await serving.close?.();
    },
  };
}

function passesGuard(headers: IncomingHttpHeaders, requires: GuardOptions['requires'] = {}): boolean {
  return Object.entries(requires).every(([name, value]) => headers[name.toLowerCase()] === value);
}

/** The requests of one method that a server has had. */
export const requestsOf = (
  { requests }: Pick<HttpDownstream, 'requests'>,
  method: string,
): RecordedRequest[] => requests.filter(({ body }) => (body as Message | undefined)?.method === method);
