import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect, test } from 'vitest';
import { folderWith } from '../support/cli.ts';
import { serveDownstream } from '../support/downstreams/downstream.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import type { Message } from '../support/messages.ts';

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
  const handshakes = crm.requests.filter(
    ({ body }) => (body as Message | undefined)?.method === 'initialize',
  );
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
