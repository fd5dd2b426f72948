import { randomUUID } from 'node:crypto';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import * as v1 from '@modelcontextprotocol/sdk/types.js';
import { type Message, modernRequest } from '../messages.ts';
import { type HttpDownstream, serveDownstream } from './downstream.ts';
import type { EventStream } from './exchange.ts';
import { heardSessions } from './heard-sessions.ts';
import { plainServer } from './plain.ts';

/** A server with one resource, `test://counter`, that tells who asked when it has changed. It logs when it is called. */
export interface ChangingDownstream extends HttpDownstream {
  /** What somebody wants to hear of now. */
  subscribed(): string[];
  change(uri: string): Promise<void>;
}

const resources = [{ uri: 'test://counter', name: 'counter' }];
const tools = [{ name: 'log', inputSchema: { type: 'object' as const } }];
const capabilities = { tools: {}, logging: {}, resources: { subscribe: true, listChanged: true } };
const serverInfo = { name: 'fixture-changing', version: '1.0.0' };
const CACHE = { resultType: 'complete', ttlMs: 60_000, cacheScope: 'private' };
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';

/** On SDK v1, with sessions; its log messages go where that SDK sends them, to the stream of the session. */
export async function legacyChanging(): Promise<ChangingDownstream> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const wanted = new Map<Server, Set<string>>();
  const isHeard = heardSessions();

  function createServer(): Server {
    const server = new Server(serverInfo, { capabilities });
    const uris = new Set<string>();
    wanted.set(server, uris);
    server.setRequestHandler(v1.ListToolsRequestSchema, () => ({ tools }));
    server.setRequestHandler(v1.ListResourcesRequestSchema, () => ({ resources }));
    server.setRequestHandler(v1.ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: [] }));
    server.setRequestHandler(v1.SubscribeRequestSchema, ({ params }) => {
      uris.add(params.uri);
      return {};
    });
    server.setRequestHandler(v1.UnsubscribeRequestSchema, ({ params }) => {
      uris.delete(params.uri);
      return {};
    });
    server.setRequestHandler(v1.CallToolRequestSchema, async (_request, { sessionId }) => {
      for (const level of ['debug', 'warning'] as const) {
        await server.sendLoggingMessage({ level, data: `${level} of the call` }, sessionId);
      }
      // What is not on the stream of the call may come after its answer.
      await new Promise((resolve) => setTimeout(resolve, 100));
      return { content: [] };
    });
    return server;
  }

  const downstream = await serveDownstream({
    calls: [],
    async handler(recorded, req, res) {
      const known = sessions.get(String(req.headers['mcp-session-id']));
      if (known !== undefined) {
        await isHeard(recorded);
        return known.handleRequest(req, res, recorded.body);
      }
      const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => void sessions.set(id, transport),
      });
      await createServer().connect(transport as Parameters<Server['connect']>[0]);
      await transport.handleRequest(req, res, recorded.body);
    },
    close: () => Promise.all([...wanted.keys()].map((server) => server.close())),
  });
  return {
    ...downstream,
    subscribed: () => [...wanted.values()].flatMap((uris) => [...uris]),
    async change(uri) {
      for (const [server, uris] of wanted) if (uris.has(uri)) await server.sendResourceUpdated({ uri });
    },
  };
}

interface ModernChanging extends ChangingDownstream {
  /** Ends the streams that are open. */
  cut(): void;
  /** So many streams were opened so far, and so many refused. */
  readonly opened: number;
  readonly refused: number;
  /** From now on it opens no stream, or does again. */
  refuse(isRefusing: boolean): void;
}

/** Of the modern era, by hand: a stream that is cut can be told from one that was closed. */
export async function modernChanging(): Promise<ModernChanging> {
  const streams = new Map<unknown, { uris: string[]; stream: EventStream; cut(): void }>();
  const counts = { opened: 0, refused: 0 };
  let isRefusing = false;
  const downstream = await plainServer({
    era: 'modern',
    tools,
    answers: {
      'server/discover': (given) =>
        given.result({
          supportedVersions: ['2026-07-28'],
          capabilities,
          _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
          ...CACHE,
        }),
      'resources/list': (given) => given.result({ resources, ...CACHE }),
      'resources/templates/list': (given) => given.result({ resourceTemplates: [], ...CACHE }),
      'subscriptions/listen': (given) => {
        if (isRefusing) {
          counts.refused++;
          return given.error(-32603, 'not now', { status: 503 });
        }
        const { id, params } = given.message;
        const notifications = params.notifications ?? {};
        const stream = given.stream();
        counts.opened++;
        streams.set(id, {
          uris: notifications.resourceSubscriptions ?? [],
          stream,
          cut: () => given.res.destroy(),
        });
        given.res.on('close', () => streams.delete(id));
        const method = 'notifications/subscriptions/acknowledged';
        stream.send({ method, params: { _meta: { [SUBSCRIPTION]: id }, notifications } });
        return new Promise((resolve) => given.res.on('close', resolve));
      },
    },
  });
  return {
    ...downstream,
    get opened() {
      return counts.opened;
    },
    get refused() {
      return counts.refused;
    },
    refuse(now) {
      isRefusing = now;
    },
    subscribed: () => [...streams.values()].flatMap(({ uris }) => uris),
    async change(uri) {
      for (const [id, { uris, stream }] of streams) {
        if (!uris.includes(uri)) continue;
        const params = { _meta: { [SUBSCRIPTION]: id }, uri };
        stream.send({ method: 'notifications/resources/updated', params });
      }
    },
    cut: () => {
      for (const { cut } of streams.values()) cut();
    },
  };
}

interface MirroringDownstream extends HttpDownstream {
  /** With which arguments its tool ran. */
  readonly ran: readonly unknown[];
  /** From now on it wants the argument in this header. */
  want(header: string): void;
}

/** Of the modern era: its tool `find` wants its argument `q` in a header as well. It answers with the name of that. */
export async function mirroringServer(first: string): Promise<MirroringDownstream> {
  let wanted = first;
  const ran: unknown[] = [];
  const downstream = await plainServer({
    era: 'modern',
    page: () => ({
      tools: [
        {
          name: 'find',
          inputSchema: { type: 'object', properties: { q: { type: 'string', 'x-mcp-header': wanted } } },
        },
      ],
    }),
    answers: {
      'tools/call find': ({ req, message, error, result }) => {
        const { arguments: args } = message.params;
        if (req.headers[`mcp-param-${wanted.toLowerCase()}`] !== args.q)
          return error(-32020, `Header mismatch: Mcp-Param-${wanted}`, { status: 400 });
        ran.push(args);
        return result({ resultType: 'complete', content: [{ type: 'text', text: wanted }] });
      },
    },
  });
  return {
    ...downstream,
    ran,
    want(header) {
      wanted = header;
    },
  };
}

/** A call of `find` through a gateway that calls the server `crm`, by a caller that mirrors to all of these. */
export function findWith(headers: readonly string[]): [Message, Record<string, string>] {
  const params = { name: 'crm__find', arguments: { q: 'x' } };
  const [body, own] = modernRequest('tools/call', params);
  const mirrored = headers.map((header) => [`mcp-param-${header.toLowerCase()}`, 'x']);
  return [body, { ...own, ...Object.fromEntries(mirrored) }];
}
