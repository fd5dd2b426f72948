// The naive aggregator of the first generation: what the documentation of SDK v1 shows. Express in front, a fresh `Server`
// and a fresh transport for each request, its clients behind, nothing tuned. It knows legacy downstreams alone.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  CallToolRequestSchema,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js';
import express from 'express';
import { downstreamsOf, exposedName, token } from '../scene.ts';
import { reportListening } from './child.ts';
import { buildRoutes, readBehind } from './routes.ts';

const behind = readBehind();
const routes = buildRoutes(behind);
const downstreams = downstreamsOf(behind.scene).map((downstream, index) => ({ downstream, index }));
const clients = new Map(
  await Promise.all(
    downstreams
      .filter(({ downstream }) => downstream.era === 'legacy')
      .map(async ({ downstream, index }) => {
        const client = new Client({ name: 'naive', version: '1' });
        const url = new URL(`http://127.0.0.1:${behind.ports[index]}${downstream.path}`);
        // Its types were not made for exactOptionalPropertyTypes.
        await client.connect(new StreamableHTTPClientTransport(url) as Transport);
        return [downstream.key, { downstream, client }] as const;
      }),
  ),
);

const authorization = `Bearer ${token}`;
const app = express();
app.use(express.json({ limit: '4mb' }));
app.post('/mcp', async (request, response) => {
  if (request.headers.authorization !== authorization) {
    response.writeHead(401).end();
    return;
  }
  const aggregator = createAggregator();
  const transport = new StreamableHTTPServerTransport({});
  response.on('close', () => {
    void transport.close();
    void aggregator.close();
  });
  await aggregator.connect(transport as Transport);
  await transport.handleRequest(request, response, request.body);
});
const server = createServer(app);
server.keepAliveTimeout = 1_200_000;
server.listen(0, '127.0.0.1', () => reportListening([(server.address() as AddressInfo).port]));

function createAggregator(): Server {
  const aggregator = new Server({ name: 'naive', version: '1' }, { capabilities: { tools: {} } });
  aggregator.setRequestHandler(ListToolsRequestSchema, async () => {
    const lists = await Promise.all(
      [...clients.values()].map(async ({ downstream, client }) => {
        const { tools } = await client.listTools();
        return tools.map((tool) => ({ ...tool, name: exposedName(downstream, tool.name) }));
      }),
    );
    return { tools: lists.flat() };
  });
  aggregator.setRequestHandler(CallToolRequestSchema, ({ params }) => {
    const route = routes.get(params.name);
    const client = route && clients.get(route.downstream.key)?.client;
    if (route === undefined || client === undefined)
      throw new McpError(ErrorCode.InvalidParams, `Unknown tool: ${params.name}`);
    return client.callTool({ name: route.tool, arguments: params.arguments ?? {} });
  });
  return aggregator;
}
