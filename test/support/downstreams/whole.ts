import { randomUUID } from 'node:crypto';
import { type NodeIncomingMessageLike, toNodeHandler } from '@modelcontextprotocol/node';
import { Server as FirstGenerationServer } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import * as v1 from '@modelcontextprotocol/sdk/types.js';
import { createMcpHandler, inputRequired, Server } from '@modelcontextprotocol/server';
import { sendJson } from '../http-server.ts';
import { type HttpDownstream, serveDownstream } from './downstream.ts';

/*
 * A server with something of everything that the protocol has, on the SDK of its era. What it offers and does is the
 * same; how it asks, tells and announces is that of the SDK.
 */

/** The SDKs' clients on stdio lose progress that comes in one piece with the result, from any server. */
const GAP = () => new Promise((resolve) => setTimeout(resolve, 100));

export const COUNTER = 'test://counter';

const serverInfo = { name: 'fixture-whole', version: '1.0.0' };
const capabilities = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  completions: {},
  logging: {},
};
const inputSchema = { type: 'object' as const };
const TOOLS = [
  'echo',
  'fails',
  'steps',
  'logs',
  'form',
  'url',
  'sampling',
  'roots',
  'waits',
  'state',
  'grow',
  'touch',
];

/** What it asks, by the tool that does so. */
const QUESTIONS = {
  form: {
    method: 'elicitation/create',
    params: {
      mode: 'form',
      message: 'Which one?',
      requestedSchema: { type: 'object', properties: { choice: { type: 'string' } } },
    },
  },
  url: {
    method: 'elicitation/create',
    params: { mode: 'url', message: 'Sign in', url: 'https://example.com/in', elicitationId: 'e-1' },
  },
  sampling: {
    method: 'sampling/createMessage',
    params: { messages: [{ role: 'user', content: { type: 'text', text: 'Say it' } }], maxTokens: 9 },
  },
  roots: { method: 'roots/list' },
} as const;

/** What a tool can do while it runs. */
interface Peer {
  readonly signal: AbortSignal;
  progress(progress: number): Promise<void>;
  log(level: 'debug' | 'info', data: string): Promise<void>;
  ask(question: keyof typeof QUESTIONS): Promise<unknown>;
}

interface Announcer {
  listsChanged(): unknown;
  updated(uri: string): unknown;
}

const text = (value: unknown) => ({ content: [{ type: 'text' as const, text: JSON.stringify(value) }] });

function createWhole(announcer: Announcer) {
  const state = { grown: 0, running: 0, cancelled: 0 };
  const grown = (name: string) => Array.from({ length: state.grown }, (_, index) => `${name}-${index + 1}`);

  async function wait(signal: AbortSignal) {
    state.running++;
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve);
      if (signal.aborted) resolve(undefined);
    });
    state.running--;
    state.cancelled++;
    return text('cancelled');
  }

  return {
    lists: {
      'tools/list': () => ({ tools: [...TOOLS, ...grown('tool')].map((name) => ({ name, inputSchema })) }),
      'prompts/list': () => ({ prompts: ['greet', ...grown('prompt')].map((name) => ({ name })) }),
      'resources/list': () => ({
        resources: [COUNTER, ...grown('test://grown')].map((uri) => ({ uri, name: uri })),
      }),
      'resources/templates/list': () => ({
        resourceTemplates: [{ uriTemplate: 'test://item/{id}', name: 'item' }],
      }),
    },
    prompt: ({ name, arguments: args = {} }: { name: string; arguments?: object | undefined }) => ({
      messages: [
        {
          role: 'user' as const,
          content: { type: 'text' as const, text: `${name} ${JSON.stringify(args)}` },
        },
      ],
    }),
    resource: ({ uri }: { uri: string }) => ({ contents: [{ uri, text: `read ${uri}` }] }),
    completion: ({ argument }: { argument: { value: string } }) => ({
      completion: { values: [`${argument.value}-completed`], hasMore: false },
    }),
    async call(name: string, args: object, peer: Peer) {
      switch (name) {
        case 'echo':
          return { ...text(args), structuredContent: { echoed: args } };
        case 'fails':
          return { ...text('no'), isError: true };
        case 'steps':
          for (const step of [1, 2, 3]) await peer.progress(step);
          await GAP();
          return text('stepped');
        case 'logs':
          await peer.log('debug', 'of no interest');
          await peer.log('info', 'of interest');
          return text('logged');
        case 'form':
        case 'url':
        case 'sampling':
        case 'roots':
          return text(await peer.ask(name));
        case 'waits':
          return wait(peer.signal);
        case 'grow':
          state.grown++;
          setImmediate(() => announcer.listsChanged());
          return text('grown');
        case 'touch':
          setImmediate(() => announcer.updated(COUNTER));
          return text('touched');
        default:
          return text(state);
      }
    },
  };
}

type Whole = ReturnType<typeof createWhole>;

function firstGeneration(whole: Whole): FirstGenerationServer {
  const server = new FirstGenerationServer(serverInfo, { capabilities });
  const { lists } = whole;
  server.setRequestHandler(v1.ListToolsRequestSchema, lists['tools/list']);
  server.setRequestHandler(v1.ListPromptsRequestSchema, lists['prompts/list']);
  server.setRequestHandler(v1.ListResourcesRequestSchema, lists['resources/list']);
  server.setRequestHandler(v1.ListResourceTemplatesRequestSchema, lists['resources/templates/list']);
  server.setRequestHandler(v1.GetPromptRequestSchema, ({ params }) => whole.prompt(params));
  server.setRequestHandler(v1.ReadResourceRequestSchema, ({ params }) => whole.resource(params));
  server.setRequestHandler(v1.CompleteRequestSchema, ({ params }) => whole.completion(params));
  server.setRequestHandler(v1.SubscribeRequestSchema, () => ({}));
  server.setRequestHandler(v1.UnsubscribeRequestSchema, () => ({}));
  server.setRequestHandler(v1.CallToolRequestSchema, ({ params }, extra) =>
    whole.call(params.name, params.arguments ?? {}, {
      signal: extra.signal,
      async progress(progress) {
        const progressToken = params._meta?.progressToken;
        if (progressToken === undefined) return;
        await extra.sendNotification({
          method: 'notifications/progress',
          params: { progressToken, progress },
        });
      },
      log: (level, data) =>
        extra.sendNotification({ method: 'notifications/message', params: { level, data } }),
      ask: (question) =>
        extra
          .sendRequest(QUESTIONS[question] as v1.ServerRequest, v1.ResultSchema)
          .catch(({ code, message }: { code: number; message: string }) => ({ code, message })),
    }),
  );
  return server;
}

/** What ends a round of the modern era. */
class Asks {
  readonly question: keyof typeof QUESTIONS;

  constructor(question: keyof typeof QUESTIONS) {
    this.question = question;
  }
}

function secondGeneration(whole: Whole): Server {
  const server = new Server(serverInfo, { capabilities });
  for (const [method, list] of Object.entries(whole.lists)) {
    server.setRequestHandler(method as 'tools/list', list as Whole['lists']['tools/list']);
  }
  server.setRequestHandler('prompts/get', ({ params }) => whole.prompt(params));
  server.setRequestHandler('resources/read', ({ params }) => whole.resource(params));
  server.setRequestHandler('completion/complete', ({ params }) => whole.completion(params));
  server.setRequestHandler('tools/call', async ({ params }, { mcpReq }) => {
    try {
      return await whole.call(params.name, params.arguments ?? {}, {
        signal: mcpReq.signal,
        async progress(progress) {
          const progressToken = mcpReq._meta?.progressToken;
          if (progressToken === undefined) return;
          await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress } });
        },
        log: (level, data) => mcpReq.log(level, data),
        async ask(question) {
          const answer = mcpReq.inputResponses?.answer;
          if (answer === undefined) throw new Asks(question);
          return answer;
        },
      });
    } catch (thrown) {
      if (!(thrown instanceof Asks)) throw thrown;
      return inputRequired({ inputRequests: { answer: QUESTIONS[thrown.question] as never } });
    }
  });
  return server;
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
      if (known !== undefined) return known.transport.handleRequest(req, res, recorded.body);
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
