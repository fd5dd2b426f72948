import {
  fromJsonSchema,
  McpServer,
  ProtocolError,
  Server,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { commonTools, type Toolbox, type ToolCall, type WireResult } from './tools.ts';

const identity = { name: 'fixture-v2', version: '2.0.0' };
const instructions = 'A fixture. Call echo.';

/** The common tools on SDK v2's `McpServer`. */
export function mcpServer(tools: Toolbox): McpServer {
  const server = new McpServer(identity, { capabilities: { tools: {} }, instructions });
  for (const { name, inputSchema, outputSchema, ...rest } of commonTools) {
    server.registerTool(
      name,
      {
        ...rest,
        inputSchema: fromJsonSchema<Record<string, unknown>>(inputSchema),
        ...(outputSchema ? { outputSchema: fromJsonSchema(outputSchema) } : {}),
      },
      (args, context) => tools.run(toolCall(name, args, context)),
    );
  }
  return server;
}

/** The same on the low-level `Server`, which checks neither arguments nor tool names by itself. */
export function lowLevelServer(tools: Toolbox): Server {
  const server = new Server(identity, { capabilities: { tools: {} }, instructions });
  server.setRequestHandler('tools/list', () => ({ tools: [...commonTools] }));
  server.setRequestHandler('tools/call', ({ params }, context): Promise<WireResult> => {
    if (!commonTools.some((tool) => tool.name === params.name)) {
      throw new ProtocolError(-32602, `Unknown tool: ${params.name}`);
    }
    return tools.run(toolCall(params.name, params.arguments ?? {}, context));
  });
  return server;
}

function toolCall(name: string, args: Record<string, unknown>, { mcpReq }: ServerContext): ToolCall {
  const progressToken = mcpReq._meta?.progressToken;
  return {
    name,
    arguments: args,
    meta: mcpReq._meta,
    signal: mcpReq.signal,
    async progress(done, total) {
      if (progressToken === undefined) return;
      await mcpReq.notify({
        method: 'notifications/progress',
        params: { progressToken, progress: done, total, message: `step ${done}` },
      });
    },
  };
}
