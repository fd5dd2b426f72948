import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { type RecordedRequest, sendJson } from '../http-server.ts';
import { type GuardOptions, type HttpDownstream, serveDownstream } from './downstream.ts';
import { firstGenerationServer } from './sdk-v1.ts';
import { type Toolbox, toolbox } from './tools.ts';

export const legacyVersions = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'] as const;
export type LegacyVersion = (typeof legacyVersions)[number];

export interface LegacyOptions extends GuardOptions {
  /** With sessions, every request after initialize must carry `Mcp-Session-Id`. */
  readonly sessions: boolean;
  /** JSON answers; otherwise SSE. */
  readonly json: boolean;
  /** The one version it knows. Without it, the version asked for is echoed as SDK v1 does. */
  readonly version?: LegacyVersion;
}

export interface LegacyDownstream extends HttpDownstream {
  /** Ids of the sessions that are open now. */
  readonly sessions: string[];
  /** As after a restart: the next request of every open session hears 404. */
  forgetSessions(): Promise<void>;
}

/** A server on SDK v1's StreamableHTTPServerTransport, as most servers in the wild are. */
export async function legacyServer(options: LegacyOptions): Promise<LegacyDownstream> {
  const tools = toolbox();
  const open = new Map<string, StreamableHTTPServerTransport>();
  const serve = options.sessions ? withSessions(options, tools, open) : withoutSessions(options, tools);
  const downstream = await serveDownstream({
    ...options,
    calls: tools.calls,
    handler(recorded, req, res) {
      if (refusesVersion(options.version, recorded)) {
        return sendJson(res, 400, jsonRpcError('Bad Request: Unsupported protocol version'));
      }
      return serve(recorded, req, res);
    },
    close: () => tools.close(),
  });
  return {
    ...downstream,
    get sessions() {
      return [...open.keys()];
    },
    async forgetSessions() {
      const transports = [...open.values()];
      open.clear();
      await Promise.all(transports.map((transport) => transport.close()));
    },
  };
}

type Serve = (recorded: RecordedRequest, req: IncomingMessage, res: ServerResponse) => unknown;

function withoutSessions({ json, version }: LegacyOptions, tools: Toolbox): Serve {
  return async (recorded, req, res) => {
    // The GET stream of a server without sessions has nothing to say; SDK examples answer 405.
    if (req.method !== 'POST')
      return sendJson(res, 405, jsonRpcError('Method not allowed.'), { allow: 'POST' });
    const server = firstGenerationServer(tools, version);
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: json });
    // The SDK's own example; it has the effect that a lost connection ends the call, in this flavour only.
    res.on('close', () => void server.close());
    await server.connect(asTransport(transport));
    await transport.handleRequest(req, res, recorded.body);
  };
}

function withSessions(
  { json, version }: LegacyOptions,
  tools: Toolbox,
  open: Map<string, StreamableHTTPServerTransport>,
): Serve {
  return async (recorded, req, res) => {
    const id = req.headers['mcp-session-id'];
    const known = typeof id === 'string' ? open.get(id) : undefined;
    if (known) return known.handleRequest(req, res, recorded.body);
    if (id !== undefined) return sendJson(res, 404, jsonRpcError('Session not found', -32001));
    const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
      enableJsonResponse: json,
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (created) => void open.set(created, transport),
      onsessionclosed: (closed) => void open.delete(closed),
    });
    await firstGenerationServer(tools, version).connect(asTransport(transport));
    // Without initialize the SDK itself answers 400.
    await transport.handleRequest(req, res, recorded.body);
  };
}

// SDK v1 declares its own transport with optional fields that exactOptionalPropertyTypes tells apart.
function asTransport(transport: StreamableHTTPServerTransport) {
  return transport as Parameters<ReturnType<typeof firstGenerationServer>['connect']>[0];
}

// The header exists since 2025-06-18; a server of that age or younger refuses one that it did not agree to.
function refusesVersion(pinned: LegacyVersion | undefined, { headers }: RecordedRequest): boolean {
  const asked = headers['mcp-protocol-version'];
  return pinned !== undefined && pinned >= '2025-06-18' && asked !== undefined && asked !== pinned;
}

function jsonRpcError(message: string, code = -32000) {
  return { jsonrpc: '2.0', error: { code, message }, id: null };
}
