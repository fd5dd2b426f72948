import { describe, expect, test } from 'vitest';
import type { ServerEntry } from '../support/downstreams/downstream.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { startGateway } from '../support/gateway.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';

const CALLERS = 1000;

/** Tells the nonce as its progress, its log and its result, and lets others go first. */
const tells: Answer = async (given) => {
  const { arguments: args, _meta } = given.message.params;
  const stream = given.stream();
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
  const { progressToken } = _meta;
  stream.send({
    method: 'notifications/progress',
    params: { progressToken, progress: 1, message: args.nonce },
  });
  stream.send({ method: 'notifications/message', params: { level: 'info', data: args.nonce } });
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
  stream.result({ resultType: 'complete', content: [{ type: 'text', text: args.nonce }] });
};

interface Server extends AsyncDisposable {
  entry(extra?: ServerEntry): ServerEntry;
}

function startServer(era: 'modern' | 'legacy', over: 'HTTP' | 'stdio'): Promise<Server> | Server {
  const tools = [{ name: 'tell', inputSchema: { type: 'object' } }];
  if (over === 'HTTP') return plainServer({ era, tools, answers: { 'tools/call tell': tells } });
  const server = stdioServer('tells');
  return {
    entry: (extra) => server.entry({ ...extra, env: { ERA: era } }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe.each(['modern', 'legacy'] as const)('from a %s server', (era) => {
  test.each(['HTTP', 'stdio'] as const)(
    'over %s a thousand callers at once with one request id and one progress token get each its own',
    { timeout: 120_000 },
    async (over) => {
      await using server = await startServer(era, over);
      const limits = {
        ...{ maxInFlight: CALLERS, maxQueue: CALLERS, maxCallerInFlight: 2 * CALLERS },
        // On a pipe all of it comes on one stream.
        maxNoticesPerSecond: 10 * CALLERS,
      };
      const mcpServers = { crm: server.entry({ callTimeoutMs: 60_000 }) };
      await using gateway = await startGateway({ mcpServers, limits }, { logLevel: 'warn' });
      const call = async (nonce: string, isModern: boolean) => {
        const _meta = { progressToken: 1, ...(isModern && { 'io.modelcontextprotocol/logLevel': 'debug' }) };
        const params = { name: 'crm__tell', arguments: { nonce }, _meta };
        const { messages } = await gateway.post(
          ...(isModern ? modernRequest : legacyRequest)('tools/call', params, 1 as never),
        );
        const of = (method: string) => messages.filter((message) => message.method === method);
        const answer = messages.at(-1);
        return {
          progress: of('notifications/progress').map(({ params }) => [params.progressToken, params.message]),
          logs: of('notifications/message').map(({ params }) => params.data),
          answer: [answer?.id, answer?.result?.content?.[0]?.text],
        };
      };
      const nonces = Array.from({ length: CALLERS }, (_none, index) => `nonce ${index}`);
      const heard = await Promise.all(nonces.map((nonce, index) => call(nonce, index % 2 === 0)));
      // On a pipe nothing says whose a log message is, so where several calls run it is nobody's.
      for (const [index, { logs }] of heard.entries()) {
        if (over === 'stdio') expect([[], [nonces[index]]]).toContainEqual(logs);
      }
      expect(heard).toEqual(
        nonces.map((nonce, index) => ({
          progress: [[1, nonce]],
          logs: over === 'HTTP' ? [nonce] : heard[index]?.logs,
          answer: [1, nonce],
        })),
      );
    },
  );
});
