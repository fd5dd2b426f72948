import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect, test } from 'vitest';
import { wholeCaller } from '../support/callers/whole.ts';
import { folderWith } from '../support/cli.ts';
import { requestsOf, serveDownstream } from '../support/downstreams/downstream.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import type { StdioEvent } from '../support/downstreams/stdio/record.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { COUNTER } from '../support/downstreams/whole.ts';
import { asks } from '../support/downstreams/wire.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';

/* Callers that can be asked something are served over connections of their own. */

const CAPABILITIES = { elicitation: { form: {} }, roots: {} };

const callers = async (gateway: RunningGateway) => [
  await gateway.connect({ era: 'legacy' }),
  await gateway.connect({ era: 'legacy', capabilities: CAPABILITIES }),
  await gateway.connect({ era: 'modern', capabilities: CAPABILITIES }),
];

test('a server that knows one session serves callers that can be asked over that one', async () => {
  // As the README of SDK v1 has it: one transport, and whoever says initialize again is refused.
  const server = new Server({ name: 'one', version: '1.0.0' }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [{ name: 'runs', inputSchema: { type: 'object' as const } }],
  }));
  server.setRequestHandler(CallToolRequestSchema, () => ({ content: [{ type: 'text', text: 'ran' }] }));
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID });
  await server.connect(transport as Parameters<typeof server.connect>[0]);
  await using crm = await serveDownstream({
    calls: [],
    handler: ({ body }, req, res) => transport.handleRequest(req, res, body),
    close: () => server.close(),
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  for (let round = 0; round < 2; round++) {
    for (const client of await callers(gateway)) {
      const { content } = await client.callTool({ name: 'crm__runs', arguments: {} });
      expect(content).toEqual([{ type: 'text', text: 'ran' }]);
    }
  }
  // Refused once, and not tried again with each call.
  const handshakes = requestsOf(crm, 'initialize');
  expect(handshakes).toHaveLength(2);
});

test('a command that cannot run twice serves callers that can be asked with the process there is', async () => {
  await using folder = await folderWith({});
  await using files = stdioServer('alone');
  const env = { LOCK: join(folder.path, 'lock') };
  await using gateway = await startGateway({ mcpServers: { crm: files.entry({ env }) } });
  for (const client of await callers(gateway)) {
    const { content } = await client.callTool({ name: 'crm__echo', arguments: { text: 'hello' } });
    expect(JSON.stringify(content)).toContain('hello');
  }
});

const FORM = { mode: 'form', message: 'Which one?', requestedSchema: { type: 'object', properties: {} } };

const wholeStdio = { env: { ERA: 'legacy' } };

test('a resource that changes in the process that serves who can be asked: they hear of it', async () => {
  await using files = stdioServer('whole');
  await using gateway = await startGateway({ mcpServers: { crm: files.entry(wholeStdio) } });
  const way = { kind: 'stream', url: gateway.url, token: gateway.token } as const;
  // Before the process is there, and after.
  await using early = await wholeCaller('v2 legacy', way, true);
  await early.listen(COUNTER);
  await early.call('touch');
  await expect.poll(() => early.heard).toEqual([COUNTER]);
  await using late = await wholeCaller('v2 modern', way, true);
  await late.listen(COUNTER);
  await late.call('touch');
  await expect.poll(() => late.heard).toEqual([COUNTER]);
  await expect.poll(() => early.heard).toEqual([COUNTER, COUNTER]);
});

test('a list that is announced where it serves who can be asked is read again', async () => {
  await using files = stdioServer('whole');
  await using gateway = await startGateway({ mcpServers: { crm: files.entry(wholeStdio) } });
  const way = { kind: 'stream', url: gateway.url, token: gateway.token } as const;
  await using askable = await wholeCaller('v2 legacy', way, true);
  const lists = () => count(files.events, 'tools/list');
  const before = lists();
  await askable.call('grow');
  await expect.poll(lists).toBe(before + 1);
});

test('a log level reaches the processes that serve who can be asked, also when the first of all was started anew', async () => {
  await using files = stdioServer('whole');
  await using gateway = await startGateway({ mcpServers: { crm: files.entry(wholeStdio) } });
  const way = { kind: 'stream', url: gateway.url, token: gateway.token } as const;
  await using askable = await wholeCaller('v2 legacy', way, true);
  await askable.call('echo');
  const [main] = files.pids;
  process.kill(main as number, 'SIGKILL');
  await expect.poll(() => files.pids.length).toBe(3);
  await expect.poll(() => gateway.gateway.status().downstreams.crm?.state).toBe('ready');
  const levels = () => count(files.events, 'logging/setLevel');
  const before = levels();
  await askable.client.setLoggingLevel('debug');
  await expect.poll(levels).toBe(before + 2);
});

test('a call whose caller is asked goes on when another one finds the connection of no more use', async () => {
  await using crm = await plainServer({
    era: 'legacy',
    sessions: true,
    tools: ['ask', 'print'].map((name) => ({ name, inputSchema: { type: 'object' } })),
    answers: {
      'tools/call ask': asks('elicitation/create', FORM),
      // As many say it whose session is gone.
      'tools/call print': ({ error }) => error(-32000, 'out of paper', { status: 400 }),
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const client = await gateway.connect({ era: 'legacy', capabilities: { elicitation: { form: {} } } });
  client.setRequestHandler('elicitation/create', async () => {
    // Before it is answered, the connection that it was asked over is left.
    await client.callTool({ name: 'crm__print', arguments: {} }).catch(() => {});
    return { action: 'decline' };
  });
  const { content } = await client.callTool({ name: 'crm__ask', arguments: {} });
  expect(content).toEqual([{ type: 'text', text: '{"action":"decline"}' }]);
  expect(requestsOf(crm, 'initialize')).toHaveLength(3);
});

test('a question on a pipe that could be of two calls is refused', async () => {
  await using files = stdioServer('asks');
  const env = { ERA: 'legacy', AT_ONCE: '2' };
  await using gateway = await startGateway({ mcpServers: { crm: files.entry({ env }) } });
  const client = await gateway.connect({
    era: 'legacy',
    capabilities: { elicitation: { form: {} } },
    onElicit: () => ({ action: 'accept', content: { choice: 'blue' } }),
  });
  const told = await Promise.all(
    [1, 2].map(async (n) => {
      const { content } = await client.callTool({ name: 'crm__ask', arguments: { n } });
      return JSON.parse((content as { text: string }[])[0]?.text ?? '');
    }),
  );
  expect(told).toMatchObject([{ code: -32601 }, { code: -32601 }]);
});

const count = (events: readonly StdioEvent[], method: string) =>
  events.filter((event) => event.event === 'received' && event.message.method === method).length;
