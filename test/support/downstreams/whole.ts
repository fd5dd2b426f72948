import { randomUUID } from 'node:crypto';
import { type NodeIncomingMessageLike, toNodeHandler } from '@modelcontextprotocol/node';
import { Server as FirstGenerationServer } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import * as v1 from '@modelcontextprotocol/sdk/types.js';
import { createMcpHandler, inputRequired, Server } from '@modelcontextprotocol/server';
import { sendJson } from '../http-server.ts';
import { type HttpDownstream, serveDownstream } from './downstream.ts';
import { heardSessions } from './heard-sessions.ts';
import {
  APP,
  ASKING,
  type Asker,
  COUNTER,
  capabilities,
  createWhole,
  MODERN_QUESTIONS,
  QUESTIONS,
  type QuestionName,
  serverInfo,
  type Whole,
} from './whole-offer.ts';

export { APP, ASKING, COUNTER };

/*
 * A server with something of everything that the protocol has, on the SDK of its era. What it offers and does is the
 * same; how it asks, tells and announces is that of the SDK.
 */

function firstGeneration(whole: Whole): FirstGenerationServer {
  const server = new FirstGenerationServer(serverInfo, { capabilities });
  const { lists } = whole;
  server.setRequestHandler(v1.ListToolsRequestSchema, lists['tools/list']);
  server.setRequestHandler(v1.ListPromptsRequestSchema, lists['prompts/list']);
  server.setRequestHandler(v1.ListResourcesRequestSchema, lists['resources/list']);
  server.setRequestHandler(v1.ListResourceTemplatesRequestSchema, lists['resources/templates/list']);
  server.setRequestHandler(v1.GetPromptRequestSchema, ({ params }, extra) =>
    whole.prompt(params, { ask: askOn(extra) }),
  );
  server.setRequestHandler(v1.ReadResourceRequestSchema, ({ params }, extra) =>
    whole.resource(params, { ask: askOn(extra) }),
  );
  server.setRequestHandler(v1.CompleteRequestSchema, ({ params }) => whole.completion(params));
  server.setRequestHandler(v1.SubscribeRequestSchema, () => ({}));
  server.setRequestHandler(v1.UnsubscribeRequestSchema, () => ({}));
  const sorted = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];
  let level = 0;
  server.setRequestHandler(v1.SetLevelRequestSchema, ({ params }) => {
    level = sorted.indexOf(params.level);
    return {};
  });
  server.setRequestHandler(v1.CallToolRequestSchema, ({ params }, extra) =>
    whole.call(params.name, params.arguments ?? {}, {
      signal: extra.signal,
      meta: params._meta ?? {},
      mirrored: headerOf(extra.requestInfo?.headers),
      async progress(progress) {
        const progressToken = params._meta?.progressToken;
        if (progressToken === undefined) return;
        await extra.sendNotification({
          method: 'notifications/progress',
          params: { progressToken, progress },
        });
      },
      async log(of, data) {
        if (sorted.indexOf(of) < level) return;
        await extra.sendNotification({ method: 'notifications/message', params: { level: of, data } });
      },
      ask: askOn(extra),
    }),
  );
  return server;
}

type Extra = Parameters<Parameters<FirstGenerationServer['setRequestHandler']>[1]>[1];

/** On the stream of the request that is worked on. */
const askOn =
  (extra: Extra): Asker['ask'] =>
  (question, signal) =>
    extra
      .sendRequest(
        QUESTIONS[question] as v1.ServerRequest,
        v1.ResultSchema,
        signal === undefined ? {} : { signal },
      )
      .catch(({ code, message }: { code: number; message: string }) => ({ code, message }));

function headerOf(headers: Record<string, string | string[] | undefined> = {}): string | undefined {
  const { 'mcp-param-region': region } = headers;
  return typeof region === 'string' ? region : undefined;
}

/** What ends a round of the modern era. */
class Asks {
  readonly question: QuestionName;

  constructor(question: QuestionName) {
    this.question = question;
  }
}

function secondGeneration(whole: Whole): Server {
  const server = new Server(serverInfo, { capabilities });
  for (const [method, list] of Object.entries(whole.lists)) {
    server.setRequestHandler(method as 'tools/list', list as Whole['lists']['tools/list']);
  }
  server.setRequestHandler('prompts/get', ({ params }, { mcpReq }) =>
    orAsk(() => whole.prompt(params, { ask: askByRound(mcpReq) })),
  );
  server.setRequestHandler('resources/read', ({ params }, { mcpReq }) =>
    orAsk(() => whole.resource(params, { ask: askByRound(mcpReq) })),
  );
  server.setRequestHandler('completion/complete', ({ params }) => whole.completion(params));
  server.setRequestHandler('tools/call', ({ params }, { mcpReq, http }) =>
    orAsk(() =>
      whole.call(params.name, params.arguments ?? {}, {
        signal: mcpReq.signal,
        meta: mcpReq._meta ?? {},
        mirrored: http?.req?.headers.get('mcp-param-region') ?? undefined,
        async progress(progress) {
          const progressToken = mcpReq._meta?.progressToken;
          if (progressToken === undefined) return;
          await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress } });
        },
        log: (level, data) => mcpReq.log(level, data),
        ask: askByRound(mcpReq),
      }),
    ),
  );
  return server;
}

const askByRound =
  ({ inputResponses }: { inputResponses?: Record<string, unknown> | undefined }): Asker['ask'] =>
  async (question) => {
    const answer = inputResponses?.answer;
    if (answer === undefined) throw new Asks(question);
    return answer;
  };

async function orAsk<T>(work: () => Promise<T>) {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof Asks)) throw thrown;
    return inputRequired({ inputRequests: { answer: MODERN_QUESTIONS[thrown.question] as never } });
  }
}

/** Over Streamable HTTP: SDK v1 with sessions for the legacy era, SDK v2 for the modern one. */
export function wholeServer(era: 'legacy' | 'modern'): Promise<HttpDownstream> {
  return era === 'legacy' ? legacyWhole() : modernWhole();
}

function legacyWhole(): Promise<HttpDownstream> {
  const sessions = new Map<
    string,
    { server: FirstGenerationServer; transport: StreamableHTTPServerTransport }
  >();
  const isHeard = heardSessions();
  // One of a session that its client has ended is closed.
  const servers = () =>
    [...sessions.values()].map(({ server }) => server).filter(({ transport }) => transport !== undefined);
  const whole = createWhole({
    listsChanged: () => servers().map((server) => announceLists(server)),
    updated: (uri) => servers().map((server) => server.sendResourceUpdated({ uri })),
  });
  return serveDownstream({
    calls: [],
    async handler(recorded, req, res) {
      const known = sessions.get(String(req.headers['mcp-session-id']));
      if (known !== undefined) {
        await isHeard(recorded);
        return known.transport.handleRequest(req, res, recorded.body);
      }
      const server = firstGeneration(whole);
      const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => void sessions.set(id, { server, transport }),
      });
      await server.connect(transport as Parameters<typeof server.connect>[0]);
      await transport.handleRequest(req, res, recorded.body);
    },
    close: () => Promise.all(servers().map((server) => server.close())),
  });
}

/** The same in the transport of 2024-11-05, which is refused to whoever posts without having opened its stream. */
export function sseWhole(): Promise<HttpDownstream> {
  const open = new Map<string, { server: FirstGenerationServer; transport: SSEServerTransport }>();
  const servers = () => [...open.values()].map(({ server }) => server);
  const whole = createWhole({
    listsChanged: () => servers().map((server) => announceLists(server)),
    updated: (uri) => servers().map((server) => server.sendResourceUpdated({ uri })),
  });
  return serveDownstream({
    calls: [],
    async handler(recorded, req, res) {
      if (req.method === 'GET') {
        const server = firstGeneration(whole);
        const transport = new SSEServerTransport('/mcp', res);
        open.set(transport.sessionId, { server, transport });
        res.on('close', () => open.delete(transport.sessionId));
        return server.connect(transport);
      }
      const known = open.get(new URL(recorded.url, 'http://x').searchParams.get('sessionId') ?? '');
      if (known === undefined) return sendJson(res, 404, { error: 'no such session' });
      await known.transport.handlePostMessage(req, res, recorded.body);
    },
    close: () => Promise.all(servers().map((server) => server.close())),
  });
}

function modernWhole(): Promise<HttpDownstream> {
  const whole = createWhole({
    listsChanged: () => {
      mcp.notify.toolsChanged();
      mcp.notify.promptsChanged();
      mcp.notify.resourcesChanged();
    },
    updated: (uri) => mcp.notify.resourceUpdated(uri),
  });
  const mcp = createMcpHandler(() => secondGeneration(whole), { legacy: 'reject' });
  const handle = toNodeHandler(mcp);
  return serveDownstream({
    calls: [],
    handler: (recorded, req, res) => handle(req as NodeIncomingMessageLike, res, recorded.body),
    close: () => mcp.close(),
  });
}

async function announceLists(server: FirstGenerationServer | Server): Promise<void> {
  await server.sendToolListChanged();
  await server.sendPromptListChanged();
  await server.sendResourceListChanged();
}

/** For a process of its own: a server that knows whom to tell, once there is one. */
export function wholeForPipe<T extends 'legacy' | 'modern'>(era: T) {
  let server: FirstGenerationServer | Server | undefined;
  const whole = createWhole({
    listsChanged: () => server && announceLists(server),
    updated: (uri) => server?.sendResourceUpdated({ uri }),
  });
  return () => {
    server = era === 'legacy' ? firstGeneration(whole) : secondGeneration(whole);
    return server as T extends 'legacy' ? FirstGenerationServer : Server;
  };
}
