import { type NodeIncomingMessageLike, toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler } from '@modelcontextprotocol/server';
import { type GuardOptions, type HttpDownstream, serveDownstream } from './downstream.ts';
import { lowLevelServer, mcpServer } from './sdk-v2.ts';
import { toolbox } from './tools.ts';

export interface ModernOptions extends GuardOptions {
  /** Also answers callers of the first generation, without sessions. */
  readonly dual?: boolean;
  /** Which of the SDK's two server classes; only `McpServer` checks `Mcp-Param-*` headers. */
  readonly api?: 'McpServer' | 'Server';
  /** `auto` turns to SSE when something precedes the result. */
  readonly responseMode?: 'auto' | 'sse' | 'json';
}

/** A server on SDK v2 that speaks 2026-07-28, and nothing older unless `dual`. */
export function modernServer(options: ModernOptions = {}): Promise<HttpDownstream> {
  const tools = toolbox();
  const factory = options.api === 'Server' ? () => lowLevelServer(tools) : () => mcpServer(tools);
  const mcp = createMcpHandler(factory, {
    legacy: options.dual ? 'stateless' : 'reject',
    responseMode: options.responseMode ?? 'auto',
  });
  const handle = toNodeHandler(mcp);
  return serveDownstream({
    ...options,
    calls: tools.calls,
    // The cast: the SDK's type leaves out that Node's optional fields may be present and undefined.
    handler: (recorded, req, res) => handle(req as NodeIncomingMessageLike, res, recorded.body),
    async close() {
      await mcp.close();
      tools.close();
    },
  });
}
