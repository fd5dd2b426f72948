import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createParser } from 'eventsource-parser';
import { HANDLED_HEADER } from './fixture/journal.ts';
import { isObject, type JsonObject } from './fixture/protocol.ts';

const SETTLE_MS = 1000;

/** One HTTP request of the suite, and what the suite got for it. */
export interface Exchange {
  readonly httpMethod: string;
  /** The JSON-RPC message that was sent; undefined for GET, DELETE and what is no JSON. */
  readonly sent: JsonObject | undefined;
  /** Undefined when no answer came. */
  readonly status: number | undefined;
  /** All JSON-RPC messages of the answer, in order. */
  readonly received: readonly JsonObject[];
  /** Whether a handler of the fixture answered; never set through the gateway, which passes no headers on. */
  readonly handled: boolean;
}

export interface RecordingProxy extends AsyncDisposable {
  readonly url: string;
  /** Ends what is still open and hands out what was recorded since the last time. */
  take(): Promise<readonly Exchange[]>;
}

interface Recording {
  readonly httpMethod: string;
  readonly sent: Buffer[];
  readonly received: Buffer[];
  status: number | undefined;
  contentType: string;
  handled: boolean;
}

/**
 * A proxy before one server: it records, and adds the bearer that the suite has no option for. Everything else goes
 * through as it came, Host and Origin above all, which are under test. (One thing cannot: node's parser takes the white
 * space around a header's value away before anyone sees it, here as in every server on node:http.)
 *
 * @param bearer  put on every request; none leaves the requests as they are
 */
export async function startRecordingProxy(target: URL, bearer?: string): Promise<RecordingProxy> {
  const open = new Set<ServerResponse>();
  let recordings: Recording[] = [];
  let allClosed = (): void => {};

  const server = createServer((req, res) => {
    const recording = newRecording(req);
    recordings.push(recording);
    open.add(res);
    const outgoing = request(target, {
      // A connection each: one that is kept may be closed by the other side while a request is on its way.
      agent: false,
      method: req.method ?? 'GET',
      path: req.url ?? '/',
      setHost: false,
      headers:
        bearer === undefined ? req.rawHeaders : [...req.rawHeaders, 'Authorization', `Bearer ${bearer}`],
    });
    req.on('data', (chunk: Buffer) => recording.sent.push(chunk)).pipe(outgoing);
    outgoing.on('response', (incoming) => {
      recording.status = incoming.statusCode;
      recording.contentType = incoming.headers['content-type'] ?? '';
      recording.handled = HANDLED_HEADER in incoming.headers;
      res.writeHead(incoming.statusCode ?? 502, incoming.rawHeaders);
      res.flushHeaders();
      incoming.on('data', (chunk: Buffer) => recording.received.push(chunk)).pipe(res);
      // Cut off in the middle: so is ours, instead of ending as if that had been all.
      incoming.on('error', () => res.destroy());
    });
    outgoing.on('error', () => res.destroy());
    res.on('close', () => {
      outgoing.destroy();
      open.delete(res);
      if (open.size === 0) allClosed();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });

  const settle = async (): Promise<void> => {
    if (open.size === 0) return;
    await new Promise<void>((resolve) => {
      // The suite's process is gone, so its connections close by themselves; what does not is cut.
      const timer = setTimeout(() => server.closeAllConnections(), SETTLE_MS);
      allClosed = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  };

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${target.pathname}`,
    async take() {
      await settle();
      const taken = recordings;
      recordings = [];
      return taken.map(readRecording);
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function newRecording(req: IncomingMessage): Recording {
  return {
    httpMethod: req.method ?? '',
    sent: [],
    received: [],
    status: undefined,
    contentType: '',
    handled: false,
  };
}

function readRecording(recording: Recording): Exchange {
  const body = Buffer.concat(recording.received).toString('utf8');
  const received = recording.contentType.startsWith('text/event-stream') ? eventData(body) : [body];
  return {
    httpMethod: recording.httpMethod,
    sent: parseObject(Buffer.concat(recording.sent).toString('utf8')),
    status: recording.status,
    received: received.map(parseObject).filter((message) => message !== undefined),
    handled: recording.handled,
  };
}

function eventData(body: string): string[] {
  const data: string[] = [];
  const parser = createParser({ onEvent: (event) => data.push(event.data) });
  parser.feed(body);
  return data;
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
