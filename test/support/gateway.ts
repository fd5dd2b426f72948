import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type ElicitResult, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as FirstGenerationClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as FirstGenerationTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { loadConfig } from '../../src/config/load.ts';
import { createGateway, type Gateway } from '../../src/gateway.ts';
import { createLog, createSecrets } from '../../src/log.ts';
import { watchGateway } from './watch.ts';
import { type OpenReply, open, type Reply, type Sending, send } from './wire-client.ts';

export interface GatewayOptions {
  readonly token?: string;
  /** What `${NAME}` in the configuration stands for; nothing of the test run's environment is seen. */
  readonly env?: Readonly<Record<string, string>>;
  readonly logLevel?: string;
  /** Where lists are kept for the next start; default: nowhere. */
  readonly catalogFile?: string;
  /** True: the downstream of this test tells its caller what it was sent, secrets and all. */
  readonly echoesSecrets?: boolean;
  readonly onCredentialsRefused?: () => void;
  /** False: do not wait until every downstream was tried. */
  readonly settle?: boolean;
}

/** Headers as a test writes them: undefined takes a usual one away. */
type Headers = Readonly<Record<string, string | undefined>>;

interface ConnectOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** What the caller says it can do; its handlers are set by the test, before `connect` or after. */
  readonly capabilities?: Record<string, object>;
  /** Of the URL, such as `?profile=claude`. */
  readonly query?: string;
  /** Answers what it is asked to fill in. */
  readonly onElicit?: (request: { params: { message: string } }) => ElicitResult;
}

export interface RunningGateway extends AsyncDisposable {
  /** Ends in `/mcp`. */
  readonly url: string;
  readonly token: string;
  /** The real thing, for its status and catalog. */
  readonly gateway: Gateway;
  /** One JSON line each, as the log would be written to stderr. */
  readonly logs: string[];
  /** A connected client of SDK v2 with the bearer: pinned to an era, or left to find out. Closed with the gateway. */
  connect(options?: ConnectOptions & { era?: 'modern' | 'legacy' | 'auto' }): Promise<Client>;
  /** The same of SDK v1. */
  connect(options: ConnectOptions & { era: 'v1' }): Promise<FirstGenerationClient>;
  /** POSTs a body with the bearer and the usual headers, and reads the answer to its end. */
  post(body: unknown, headers?: Headers): Promise<Reply>;
  /** The same, with the messages one by one as they come. */
  open(body: unknown, headers?: Headers): Promise<OpenReply>;
  /** Any request to any path, with nothing added. */
  send(path: string, sending?: Sending): Promise<Reply>;
  /** The same gateway with other contents of servers.json. */
  reload(servers: object, token?: string): ReturnType<Gateway['reload']>;
}

/**
 * Starts the real gateway in this process on a free loopback port.
 *
 * @param servers  the contents of servers.json; a string is written as it is
 */
export async function startGateway(
  servers: object | string,
  options: GatewayOptions = {},
): Promise<RunningGateway> {
  const { token = 'test-token-of-the-caller', env = {} } = options;
  const config = await loadServers(servers, env, options.catalogFile);
  const logs: string[] = [];
  const secrets = createSecrets([...config.secrets, token]);
  const log = createLog({
    level: options.logLevel ?? 'debug',
    secrets,
    destination: { write: (line) => void logs.push(line.trimEnd()) },
  });
  const gateway = createGateway(config, {
    ...{ token, log, secrets },
    ...(options.onCredentialsRefused && { onCredentialsRefused: options.onCredentialsRefused }),
  });
  const { url } = await gateway.listen({ host: '127.0.0.1', port: 0 });
  const watched = options.echoesSecrets === true ? [] : [...config.secrets, token];
  const closed = watchGateway(gateway, { secrets: watched, port: Number(new URL(url).port), logs });
  if (options.settle !== false) await gateway.attempted;

  const clients: { close(): Promise<void> }[] = [];
  const bearer = { authorization: `Bearer ${token}` };
  const usual = (body: unknown, headers: Headers): Sending => ({
    body,
    headers: withoutUndefined({
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...bearer,
      ...headers,
    }),
  });

  async function connect(given: ConnectOptions & { era?: 'modern' | 'legacy' | 'auto' | 'v1' } = {}) {
    const { era = 'auto', capabilities = {}, query = '' } = given;
    const endpoint = new URL(url + query);
    const requestInit = { headers: { ...bearer, ...given.headers } };
    const identity = { name: 'test', version: '1.0.0' };
    if (era === 'v1') {
      const client = new FirstGenerationClient(identity, { capabilities });
      clients.push(client);
      if (given.onElicit !== undefined) client.setRequestHandler(ElicitRequestSchema, given.onElicit);
      const transport = new FirstGenerationTransport(endpoint, { requestInit });
      // SDK v1 declares its own transport with optional fields that exactOptionalPropertyTypes tells apart.
      await client.connect(transport as Parameters<FirstGenerationClient['connect']>[0]);
      return client;
    }
    const mode = era === 'modern' ? { pin: '2026-07-28' } : era;
    const client = new Client(identity, { capabilities, versionNegotiation: { mode } });
    clients.push(client);
    if (given.onElicit !== undefined) client.setRequestHandler('elicitation/create', given.onElicit);
    await client.connect(new StreamableHTTPClientTransport(endpoint, { requestInit }));
    return client;
  }

  return {
    url,
    token,
    gateway,
    logs,
    connect: connect as RunningGateway['connect'],
    post: (body, headers = {}) => send(url, usual(body, headers)),
    open: (body, headers = {}) => open(url, usual(body, headers)),
    send: (path, sending = {}) => send(new URL(path, url).href, sending),
    reload: async (changed, fresh) =>
      gateway.reload(await loadServers(changed, env, options.catalogFile), fresh),
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client.close()));
      await gateway.close();
      closed();
    },
  };
}

async function loadServers(
  servers: object | string,
  env: Readonly<Record<string, string>>,
  catalogFile: string | undefined,
) {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-'));
  const path = join(folder, 'servers.json');
  try {
    await writeFile(path, typeof servers === 'string' ? servers : JSON.stringify(servers));
    const { catalogFile: _beside, ...config } = loadConfig({ path, env });
    return catalogFile === undefined ? config : { ...config, catalogFile };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function withoutUndefined(headers: Headers): Record<string, string> {
  const entries = Object.entries(headers).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Record<string, string>;
}
