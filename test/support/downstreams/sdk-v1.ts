import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  CallToolRequestSchema,
  ErrorCode,
  InitializeRequestSchema,
  ListToolsRequestSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js';
import { commonTools, type Toolbox, type WireResult } from './tools.ts';

const identity = { name: 'fixture-v1', version: '1.0.0' };

/** The common tools on SDK v1's `Server`; `version` is what it answers to initialize, whatever was asked for. */
export function firstGenerationServer(tools: Toolbox, version?: string): Server {
  const capabilities = { tools: {} };
  const server = new Server(identity, { capabilities });
  if (version !== undefined) {
    server.setRequestHandler(InitializeRequestSchema, () => ({
      protocolVersion: version,
      capabilities,
      serverInfo: identity,
    }));
  }
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [...commonTools] }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }, extra): Promise<WireResult> => {
    if (!commonTools.some((tool) => tool.name === params.name)) {
      throw new McpError(ErrorCode.InvalidParams, `Unknown tool: ${params.name}`);
    }
    const progressToken = extra._meta?.progressToken;
    return tools.run({
      name: params.name,
      arguments: params.arguments ?? {},
      meta: extra._meta,
      signal: extra.signal,
      async progress(done, total) {
        if (progressToken === undefined) return;
        await extra.sendNotification({
          method: 'notifications/progress',
          params: { progressToken, progress: done, total, message: `step ${done}` },
        });
      },
    });
  });
  return server;
}
