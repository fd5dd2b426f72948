// A server that writes down which calls it has done, and callers that go on elsewhere when a gateway leaves them.

import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { modernMeta, revision, token } from '../scene.ts';

export interface Ledger {
  readonly url: string;
  /** How often each call was done. */
  readonly done: ReadonlyMap<number, number>;
  close(): Promise<void>;
}

/** Calls take up to so many milliseconds. */
export async function openLedger(tools: readonly string[], longestMs = 0): Promise<Ledger> {
  const done = new Map<number, number>();
  const complete = { resultType: 'complete', ttlMs: 60_000, cacheScope: 'private' };
  const server = createServer(async (req, res) => {
    const { id, method, params } = JSON.parse(await textOf(req));
    const answer = (result: object) => {
      res.setHeader('content-type', 'application/json');
      res.end(JSON.stringify({ jsonrpc: '2.0', id, result: { ...complete, ...result } }));
    };
    if (method === 'tools/list') {
      return answer({ tools: tools.map((name) => ({ name, inputSchema: { type: 'object' } })) });
    }
    if (method !== 'tools/call') {
      return answer({ supportedVersions: [revision.modern], capabilities: { tools: {} } });
    }
    const { n } = params.arguments;
    done.set(n, (done.get(n) ?? 0) + 1);
    if (longestMs > 0) await sleep((n * 37) % longestMs);
    answer({ content: [{ type: 'text', text: `done ${n}` }] });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    done,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

export interface Tally {
  answered: number;
  /** Done behind, and nobody was told. */
  lost: number;
  /** Sent to one that was gone, done by nobody, and sent to the next. */
  sentAgain: number;
  /** Answered with anything but the result. */
  failed: string[];
}

export interface Callers {
  readonly tally: Tally;
  stop(): Promise<Tally>;
}

let lastCall = 0;

/**
 * So many callers, each with one connection and one call at a time, at the first of the gateways that takes it.
 *
 * @param names  of the tools that they call in turn
 * @param mayBeUnknown  a tool that comes and goes
 */
export function startCallers(
  count: number,
  urls: readonly string[],
  names: readonly string[],
  ledger: Pick<Ledger, 'done'>,
  mayBeUnknown: (name: string) => boolean = () => false,
): Callers {
  const tally: Tally = { answered: 0, lost: 0, sentAgain: 0, failed: [] };
  let isOver = false;

  async function run(): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let at = 0;
    while (!isOver) {
      const n = ++lastCall;
      const name = names[n % names.length] as string;
      for (;;) {
        const told = await call(urls[at % urls.length] as string, agent, name, n).catch(() => undefined);
        if (told === undefined) {
          at++;
          if (ledger.done.has(n)) {
            tally.lost++;
            break;
          }
          tally.sentAgain++;
          // Where none is there, one of them is about to be.
          await sleep(5);
          continue;
        }
        const isUnknown = mayBeUnknown(name) && told.startsWith('Unknown tool');
        if (told === `done ${n}` || isUnknown) tally.answered++;
        else tally.failed.push(told);
        break;
      }
    }
    agent.destroy();
  }

  const running = Promise.all(Array.from({ length: count }, run));
  return {
    tally,
    async stop() {
      isOver = true;
      await running;
      return tally;
    },
  };
}

/** @throws where the connection ended without an answer */
async function call(url: string, agent: Agent, name: string, n: number): Promise<string> {
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': revision.modern,
    'mcp-method': 'tools/call',
    'mcp-name': name,
  };
  const sent = request(url, { method: 'POST', headers, agent });
  sent.end(
    JSON.stringify({
      ...{ jsonrpc: '2.0', id: n, method: 'tools/call' },
      params: { name, arguments: { n }, _meta: modernMeta },
    }),
  );
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const { result, error } = JSON.parse(await textOf(response));
  return error?.message ?? result.content[0].text;
}

async function textOf(stream: IncomingMessage): Promise<string> {
  let text = '';
  stream.setEncoding('utf8');
  for await (const piece of stream) text += piece;
  return text;
}
