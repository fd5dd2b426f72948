// The naive aggregator: what one writes in an afternoon from the documentation of SDK v2. Its handler in front with a
// fresh low-level `Server` for each request, its clients behind, nothing tuned.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { type NodeIncomingMessageLike, toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, ProtocolError, ProtocolErrorCode, Server } from '@modelcontextprotocol/server';
import { downstreamsOf, exposedName, token } from '../scene.ts';
import { reportListening } from './child.ts';
import { buildRoutes, readBehind } from './routes.ts';

const behind = readBehind();
const downstreams = downstreamsOf(behind.scene);
const routes = buildRoutes(behind);
const clients = new Map(
  await Promise.all(
    downstreams.map(async (downstream, index) => {
      const client = new Client({ name: 'naive', version: '1' }, { versionNegotiation: { mode: 'auto' } });
      const url = new URL(`http://127.0.0.1:${behind.ports[index]}${downstream.path}`);
      await client.connect(new StreamableHTTPClientTransport(url));
      return [downstream.key, client] as const;
    }),
  ),
);

const handle = toNodeHandler(createMcpHandler(createAggregator));
const authorization = `Bearer ${token}`;
const server = createServer((request, response) => {
  if (request.headers.authorization !== authorization) response.writeHead(401).end();
  else void handle(request as NodeIncomingMessageLike, response);
});
server.keepAliveTimeout = 1_200_000;
server.listen(0, '127.0.0.1', () => reportListening([(server.address() as AddressInfo).port]));

function createAggregator(): Server {
  const aggregator = new Server({ name: 'naive', version: '1' }, { capabilities: { tools: {} } });
  aggregator.setRequestHandler('tools/list', async () => {
    const lists = await Promise.all(
      downstreams.map(async (downstream) => {
        const { tools = [] } = (await clients.get(downstream.key)?.listTools()) ?? {};
        return tools.map((tool) => ({ ...tool, name: exposedName(downstream, tool.name) }));
      }),
    );
    return { tools: lists.flat() };
  });
  aggregator.setRequestHandler('tools/call', async ({ params }) => {
    const route = routes.get(params.name);
    const client = route && clients.get(route.downstream.key);
    if (route === undefined || client === undefined)
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${params.name}`);
    return client.callTool({ name: route.tool, arguments: params.arguments ?? {} });
  });
  return aggregator;
}
