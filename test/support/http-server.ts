import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as it came over the wire, kept for the test to look at. */
export interface RecordedRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Names in lower case, as Node gives them. */
  readonly headers: IncomingHttpHeaders;
  /** Spelling, order and repetition as received: name, value, name, value … */
  readonly rawHeaders: readonly string[];
  /** The JSON value; the text when it is not JSON; undefined when there was none. */
  readonly body: unknown;
  /** True when the connection ended before the answer was complete. */
  closedEarly: boolean;
}

export type Handler = (recorded: RecordedRequest, req: IncomingMessage, res: ServerResponse) => unknown;

export interface HttpServer extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`, without a path. */
  readonly origin: string;
  readonly requests: RecordedRequest[];
}

/**
 * A server on a free loopback port that writes down every request before it is answered.
 * A handler that throws answers 500 with its message, so that a broken fixture shows in the test that uses it.
 */
export async function listenOnLoopback(handler: Handler): Promise<HttpServer> {
  const requests: RecordedRequest[] = [];
  const server = createServer((req, res) => {
    // The other side going away is an event that tests provoke; it must not end the test process.
    res.on('error', () => {});
    receive(req).then(
      async (recorded) => {
        requests.push(recorded);
        res.on('close', () => {
          recorded.closedEarly = !res.writableFinished;
        });
        try {
          await handler(recorded, req, res);
        } catch (error) {
          if (!res.headersSent) sendJson(res, 500, { error: `test fixture: ${String(error)}` });
          else res.destroy();
        }
      },
      () => res.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

export function sendJson(
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  res.writeHead(status, { 'content-type': 'application/json', ...headers });
  res.end(JSON.stringify(body));
}

async function receive(req: IncomingMessage): Promise<RecordedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return {
    method: req.method ?? '',
    url: req.url ?? '',
    headers: req.headers,
    rawHeaders: req.rawHeaders,
    body: parseBody(Buffer.concat(chunks).toString('utf8')),
    closedEarly: false,
  };
}

function parseBody(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
