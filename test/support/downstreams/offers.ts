import type { IncomingMessage, ServerResponse } from 'node:http';
import { type NodeIncomingMessageLike, toNodeHandler } from '@modelcontextprotocol/node';
import { Server as FirstGenerationServer } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import * as v1 from '@modelcontextprotocol/sdk/types.js';
import { createMcpHandler, ProtocolError, Server } from '@modelcontextprotocol/server';
import { type RecordedRequest, sendJson } from '../http-server.ts';
import { type HttpDownstream, serveDownstream } from './downstream.ts';

/** What a server has to offer beside tools; a test may change it while the server runs. */
export interface Offer {
  /** Said in every answer, so that it can be told whose it is. */
  readonly who: string;
  prompts?: Record<string, unknown>[];
  resources?: Record<string, unknown>[];
  templates?: Record<string, unknown>[];
  /** Default: one that links to its resources. */
  tools?: Record<string, unknown>[];
  /** `_meta` of every result of a tool. */
  readonly resultMeta?: object;
  readonly extensions?: Readonly<Record<string, object>>;
  /** What came with each call. */
  readonly heard?: { capabilities?: unknown; meta?: unknown }[];
  /** Lists that it says it has, and fails to give. */
  readonly failing?: readonly string[];
}

type Answer = (offer: Offer, params: Record<string, never>) => Record<string, unknown>;

const identity = { name: 'fixture-offers', version: '1.0.0' };
const capabilitiesOf = ({ extensions }: Offer) => ({
  ...{ tools: {}, prompts: {}, resources: {}, completions: {} },
  ...(extensions && { extensions: extensions as Record<string, never> }),
});

const ANSWERS: Readonly<Record<string, Answer>> = {
  'tools/list': ({ tools = [{ name: 'links', inputSchema: { type: 'object' } }] }) => ({ tools }),
  'tools/call': ({ who, tools, resultMeta, resources = [] }, { name, arguments: args = {} }) => ({
    ...(resultMeta && { _meta: resultMeta }),
    content: tools
      ? [{ type: 'text', text: `${who} ran ${name} ${JSON.stringify(args)}` }]
      : resources.flatMap(({ uri, name }) => [
          { type: 'resource_link', uri, name },
          { type: 'resource', resource: { uri, text: `embedded by ${who}` } },
        ]),
  }),
  'prompts/list': ({ prompts = [] }) => ({ prompts }),
  'prompts/get': ({ who, resources = [] }, { name, arguments: args = {} }) => ({
    description: `${name} of ${who}`,
    messages: [
      { role: 'user', content: { type: 'text', text: `${who} ${name} ${JSON.stringify(args)}` } },
      ...resources.map(({ uri, name }) => ({ role: 'user', content: { type: 'resource_link', uri, name } })),
    ],
  }),
  'resources/list': ({ resources = [] }) => ({ resources }),
  'resources/templates/list': ({ templates = [] }) => ({ resourceTemplates: templates }),
  'resources/read': ({ who }, { uri }) => ({ contents: [{ uri, text: `${who} read ${uri}` }] }),
  'completion/complete': ({ who }, { ref, argument }) => ({
    completion: { values: [`${who} ${JSON.stringify(ref)} ${JSON.stringify(argument)}`], hasMore: false },
  }),
};

function answerTo(offer: Offer, method: string, params: unknown): Record<string, unknown> | undefined {
  if (offer.failing?.includes(method)) return undefined;
  const given = (params ?? {}) as Record<string, never>;
  if (method === 'resources/read' && String(given.uri).endsWith('/missing')) return undefined;
  return (ANSWERS[method] as Answer)(offer, given);
}

/** The offer on SDK v2, 2026-07-28 only. */
export function modernOffers(offer: Offer): Promise<HttpDownstream> {
  const mcp = createMcpHandler(
    () => {
      const server = new Server(identity, { capabilities: capabilitiesOf(offer) });
      for (const method of Object.keys(ANSWERS)) {
        server.setRequestHandler(method as 'tools/list', ({ params }) => {
          const answer = answerTo(offer, method, params);
          if (answer === undefined) throw new ProtocolError(-32602, 'Not here');
          return answer as never;
        });
      }
      return server;
    },
    { legacy: 'reject' },
  );
  const handle = toNodeHandler(mcp);
  return serveDownstream({
    calls: [],
    handler: (recorded, req, res) => handle(req as NodeIncomingMessageLike, res, recorded.body),
    close: () => mcp.close(),
  });
}

const SCHEMAS = {
  'tools/list': v1.ListToolsRequestSchema,
  'tools/call': v1.CallToolRequestSchema,
  'prompts/list': v1.ListPromptsRequestSchema,
  'prompts/get': v1.GetPromptRequestSchema,
  'resources/list': v1.ListResourcesRequestSchema,
  'resources/templates/list': v1.ListResourceTemplatesRequestSchema,
  'resources/read': v1.ReadResourceRequestSchema,
  'completion/complete': v1.CompleteRequestSchema,
};

/** The same on SDK v1, without sessions. */
export function legacyOffers(offer: Offer): Promise<HttpDownstream> {
  return serveDownstream({
    calls: [],
    async handler(recorded: RecordedRequest, req: IncomingMessage, res: ServerResponse) {
      if (req.method !== 'POST') return sendJson(res, 405, { error: 'no' }, { allow: 'POST' });
      const server = new FirstGenerationServer(identity, { capabilities: capabilitiesOf(offer) });
      for (const [method, schema] of Object.entries(SCHEMAS)) {
        server.setRequestHandler(schema as typeof v1.ListToolsRequestSchema, ({ params }) => {
          const answer = answerTo(offer, method, params);
          if (answer === undefined) throw new v1.McpError(-32002 as v1.ErrorCode, 'Not here');
          return answer as never;
        });
      }
      const transport = new StreamableHTTPServerTransport({});
      res.on('close', () => void server.close());
      await server.connect(transport as Parameters<typeof server.connect>[0]);
      await transport.handleRequest(req, res, recorded.body);
    },
  });
}
