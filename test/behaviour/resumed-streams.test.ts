import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { InMemoryEventStore } from '@modelcontextprotocol/sdk/examples/shared/inMemoryEventStore.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { expect, test } from 'vitest';
import { requestsOf } from '../support/downstreams/downstream.ts';
import { type PlainScript, plainServer } from '../support/downstreams/plain.ts';
import { startGateway } from '../support/gateway.ts';
import { listenOnLoopback } from '../support/http-server.ts';
import { modernRequest } from '../support/messages.ts';

// Spec 2025-11-25: a server may close the connection of a call before its answer, and go on when its client comes back.

const ECHO = { name: 'crm__echo', arguments: { text: 'hello' } };

test('a call whose stream an SDK server closes half-way is gone on with, and has run once', async () => {
  let runs = 0;
  const server = new McpServer({ name: 'polled', version: '1.0.0' });
  server.registerTool(
    'slow',
    { inputSchema: {} },
    async (_args, { closeSSEStream, sendNotification, _meta }) => {
      runs++;
      closeSSEStream?.();
      const progressToken = _meta?.progressToken ?? 0;
      await sendNotification({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
      return { content: [{ type: 'text', text: 'done' }] };
    },
  );
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => 'one',
    eventStore: new InMemoryEventStore(),
    retryInterval: 20,
  });
  await server.connect(transport as Parameters<McpServer['connect']>[0]);
  await using http = await listenOnLoopback((recorded, req, res) =>
    transport.handleRequest(req, res, recorded.body),
  );
  await using gateway = await startGateway({ mcpServers: { crm: { url: `${http.origin}/mcp` } } });

  const call = { name: 'crm__slow', arguments: {}, _meta: { progressToken: 7 } };
  const { messages } = await gateway.post(...modernRequest('tools/call', call));
  expect(messages.map(({ params, result }) => params?.progress ?? result.content[0].text)).toEqual([
    1,
    'done',
  ]);
  expect(runs).toBe(1);
  await server.close();
});

/** A server that closes the stream of a call after an event that marks a place, or after one that does not. */
async function cutting(
  place: string,
  gets: NonNullable<PlainScript['gets']>,
  entry: Record<string, unknown> = {},
  retry = 20,
) {
  const downstream = await plainServer({
    era: 'legacy',
    sessions: true,
    answers: {
      'tools/call echo': ({ res }) =>
        res
          .writeHead(200, { 'content-type': 'text/event-stream' })
          .end(`${place}retry: ${retry}\ndata: \n\n`),
    },
    gets,
  });
  const gateway = await startGateway({ mcpServers: { crm: downstream.entry(entry) } });
  return {
    downstream,
    gateway,
    calls: () => requestsOf(downstream, 'tools/call'),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await downstream[Symbol.asyncDispose]();
    },
  };
}

const refused = (status: number) => (_req: IncomingMessage, res: ServerResponse) =>
  res.writeHead(status).end();

test.each([
  ['says 405', refused(405)],
  ['no longer knows the session', refused(404)],
  [
    'closes every further stream',
    (_req: IncomingMessage, res: ServerResponse) =>
      res.writeHead(200, { 'content-type': 'text/event-stream' }).end(),
  ],
])('where its server %s the call has failed, and is not run again', async (_what, gets) => {
  await using scene = await cutting('id: a-1\n', gets);
  const { json } = await scene.gateway.post(...modernRequest('tools/call', ECHO));
  expect(json.result).toMatchObject({ isError: true });
  expect(json.result.content[0].text).toContain('The call may have run');
  expect(scene.calls()).toHaveLength(1);
});

test.each([
  ['one place after the other', (n: number) => n],
  ['the same place each time', () => 0],
])('a server that ends each stream at once with %s is asked a few times a second', async (_what, placeOf) => {
  let asked = 0;
  const gets: PlainScript['gets'] = (req, res) => {
    if (req.headers['last-event-id'] === undefined) return refused(405)(req, res);
    const place = placeOf(++asked);
    res.writeHead(200, { 'content-type': 'text/event-stream' }).end(`id: ${place}\nretry: 0\ndata:\n\n`);
  };
  await using scene = await cutting('id: 0\n', gets, { callTimeoutMs: 1000 });
  const { json } = await scene.gateway.post(...modernRequest('tools/call', ECHO));
  expect(json.result).toMatchObject({ isError: true });
  // The call has a second.
  expect(asked).toBeLessThanOrEqual(10);
});

test('a server that wants to be asked later than anybody waits is not asked, and its caller hears so at once', async () => {
  let asked = 0;
  const gets: PlainScript['gets'] = (req, res) => {
    if (req.headers['last-event-id'] !== undefined) asked++;
    refused(405)(req, res);
  };
  for (const retry of [31_000, 2 ** 40]) {
    await using scene = await cutting('id: 0\n', gets, { callTimeoutMs: 30_500 }, retry);
    const startedAt = performance.now();
    const { json } = await scene.gateway.post(...modernRequest('tools/call', ECHO));
    expect(json.result.content[0].text).toContain('its reply ended early');
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(asked).toBe(0);
  }
});

test('a call whose stream is cut while a person thinks is gone on with, however long that takes', async () => {
  const params = { mode: 'form', message: '?', requestedSchema: { type: 'object', properties: {} } };
  const question = { jsonrpc: '2.0', id: 'q', method: 'elicitation/create', params };
  let goOn: (result: object) => void = () => {};
  let resumed = () => {};
  const isResumed = new Promise<void>((resolve) => {
    resumed = resolve;
  });
  await using downstream = await plainServer({
    era: 'legacy',
    sessions: true,
    answers: {
      async 'tools/call echo'({ message, res, responseTo }) {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        res.write(`id: 1\nretry: 20\ndata: ${JSON.stringify(question)}\n\n`);
        // Longer than the call may take by itself.
        await sleep(1200);
        res.end();
        await responseTo('q');
        goOn({ jsonrpc: '2.0', id: message.id, result: { content: [{ type: 'text', text: 'done' }] } });
      },
    },
    gets(req, res) {
      if (req.headers['last-event-id'] === undefined) return refused(405)(req, res);
      res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      goOn = (answer) => res.end(`id: 2\ndata: ${JSON.stringify(answer)}\n\n`);
      resumed();
    },
  });
  await using gateway = await startGateway({
    mcpServers: { crm: downstream.entry({ callTimeoutMs: 1000 }) },
  });
  const caller = await gateway.connect({ era: 'legacy', capabilities: { elicitation: {} } });
  caller.setRequestHandler('elicitation/create', async () => {
    await isResumed;
    return { action: 'accept', content: {} };
  });
  const { content } = await caller.callTool(ECHO);
  expect(content).toEqual([{ type: 'text', text: 'done' }]);
});

test('a stream that marked no place is not asked for again', async () => {
  await using scene = await cutting('', refused(500));
  const { json } = await scene.gateway.post(...modernRequest('tools/call', ECHO));
  expect(json.result.content[0].text).toContain('its reply ended early');
  const resumed = scene.downstream.requests.filter(({ headers }) => headers['last-event-id'] !== undefined);
  expect(resumed).toEqual([]);
});

test('a call that is cancelled while its stream is cut is not gone on with', async () => {
  let asked = 0;
  await using scene = await cutting('id: a-1\n', (req, res) => {
    if (req.headers['last-event-id'] !== undefined) asked++;
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.flushHeaders();
  });
  const cancel = new AbortController();
  const caller = await scene.gateway.connect({ era: 'modern' });
  const call = caller.callTool(ECHO, { signal: cancel.signal });
  await expect.poll(() => asked).toBe(1);
  cancel.abort();
  await expect(call).rejects.toThrow();
  await expect.poll(() => scene.downstream.cancellations).toHaveLength(1);
  expect(asked).toBe(1);
});
