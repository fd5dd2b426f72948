import {
  Client,
  SSEClientTransport,
  StreamableHTTPClientTransport,
  type Transport,
} from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as FirstGenerationClient } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport as FirstGenerationSse } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport as FirstGenerationStdio } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as FirstGenerationHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import * as v1 from '@modelcontextprotocol/sdk/types.js';

/** A real client with something of everything: SDK v1, and SDK v2 in either era. */
export type Generation = 'v1' | 'v2 legacy' | 'v2 modern';

export interface WholeCaller extends AsyncDisposable {
  /** The methods that are used have the same form in both generations. */
  readonly client: Client;
  /** What came without being asked for, oldest first. */
  readonly heard: string[];
  /** What it answers to forms from now on. */
  fills: () => unknown;
  /** Calls a tool of `crm`, with all that can come meanwhile, and gives its text as JSON. */
  call(tool: string, options?: CallOptions): Promise<Told>;
  /** From this level on it wants to hear what is logged. */
  logLevel(level: 'debug' | 'info'): Promise<void>;
  /** Asks to hear of changed lists and of this resource. */
  listen(uri: string): Promise<void>;
  /** No longer wants to hear of the resource, but still of lists. */
  unlisten(uri: string): Promise<void>;
}

interface CallOptions {
  readonly args?: object;
  readonly meta?: object;
  readonly signal?: AbortSignal;
}

export interface Told {
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever a tool told.
  readonly value: any;
  readonly isError: boolean;
  readonly structured: unknown;
}

/** How it reaches the gateway: over HTTP with whatever SDKs accept, with JSON alone, or as in 2024; or by a process. */
export type Way =
  | { readonly kind: 'stream' | 'json' | 'sse'; readonly url: string; readonly token: string }
  | { readonly kind: 'stdio'; readonly args: string[]; readonly cwd: string };

const ASKABLE = { elicitation: { form: {}, url: {} }, sampling: { tools: {} }, roots: {} };
const FORM = { action: 'accept', content: { choice: 'blue' } } as const;
const SAMPLED = {
  role: 'assistant',
  model: 'm',
  content: { type: 'text', text: 'said' },
} as const;
const ROOTS = { roots: [{ uri: 'file:///root', name: 'root' }] };
/** What it answers when it uses a tool that the question brought. */
const USES_TOOL = {
  role: 'assistant',
  model: 'm',
  stopReason: 'toolUse',
  content: [{ type: 'tool_use', id: 'use-1', name: 'hammer', input: { hard: true } }],
} as const;
export const ANSWERS = {
  form: FORM,
  url: { action: 'accept' },
  sampling: SAMPLED,
  'sampling-with-tools': USES_TOOL,
  roots: ROOTS,
} as const;
type Elicited = typeof FORM | typeof ANSWERS.url;

const LISTS = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };
const identity = { name: 'whole', version: '1.0.0' };
const LOG_LEVEL = 'io.modelcontextprotocol/logLevel';

/** @param canBeAsked  declares that it can be asked anything */
export async function wholeCaller(
  generation: Generation,
  way: Way,
  canBeAsked: boolean,
): Promise<WholeCaller> {
  const heard: string[] = [];
  const capabilities = canBeAsked ? ASKABLE : {};
  let fills: () => unknown = () => FORM;
  const onElicit: OnElicit = ({ params }, { signal, mcpReq }) => {
    heard.push(params.message);
    // SDK v2 has it among what belongs to the request.
    (signal ?? mcpReq?.signal)?.addEventListener('abort', () => void heard.push('taken back'));
    return params.mode === 'url' ? ANSWERS.url : (fills() as Elicited);
  };
  const client =
    generation === 'v1'
      ? await connectFirst(way, capabilities, heard, onElicit)
      : await connectSecond(way, capabilities, heard, onElicit, generation === 'v2 modern');
  const isModern = generation === 'v2 modern';
  let level = 'info';
  let subscription: { close(): Promise<void> } | undefined;
  if (!isModern) await client.setLoggingLevel('info');

  return {
    client,
    heard,
    get fills() {
      return fills;
    },
    set fills(given) {
      fills = given;
    },
    async call(tool, { args = {}, meta = {}, signal } = {}) {
      const params = {
        name: `crm__${tool}`,
        arguments: args as Record<string, unknown>,
        _meta: { ...meta, ...(isModern && { [LOG_LEVEL]: level }) },
      };
      const options = {
        ...(signal && { signal }),
        // SDK v2 tells by a message of its own that it goes into the next round.
        onprogress: ({ progress, message }: { progress: number; message?: string | undefined }) =>
          void (message === undefined && heard.push(`step ${progress}`)),
      };
      const result =
        generation === 'v1'
          ? await (client as unknown as FirstGenerationClient).callTool(params, undefined, options)
          : await client.callTool(params, options);
      const [block] = result.content as { text: string }[];
      const value = readJson(block?.text ?? 'null');
      return { value, isError: result.isError === true, structured: result.structuredContent };
    },
    async logLevel(wanted) {
      level = wanted;
      if (!isModern) await client.setLoggingLevel(wanted);
    },
    async listen(uri) {
      if (!isModern) return void (await client.subscribeResource({ uri }));
      subscription = await client.listen({ ...LISTS, resourceSubscriptions: [uri] });
    },
    async unlisten(uri) {
      if (!isModern) return void (await client.unsubscribeResource({ uri }));
      await subscription?.close();
      subscription = await client.listen(LISTS);
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

type OnElicit = (
  request: { params: { mode?: string; message: string } },
  context: { signal?: AbortSignal; mcpReq?: { signal: AbortSignal } },
) => Elicited;

const sample = ({ params }: { params: { tools?: unknown } }) =>
  (params.tools === undefined ? SAMPLED : USES_TOOL) as typeof SAMPLED;

async function connectSecond(
  way: Way,
  capabilities: object,
  heard: string[],
  onElicit: OnElicit,
  isModern: boolean,
): Promise<Client> {
  const mode = isModern ? { pin: '2026-07-28' } : 'legacy';
  const client = new Client(identity, { capabilities, versionNegotiation: { mode } } as never);
  if (Object.keys(capabilities).length > 0) {
    client.setRequestHandler('elicitation/create', onElicit as never);
    client.setRequestHandler('sampling/createMessage', sample as never);
    client.setRequestHandler('roots/list', () => ROOTS);
  }
  client.setNotificationHandler(
    'notifications/message',
    ({ params }) => void heard.push(String(params.data)),
  );
  for (const list of ['tools', 'prompts', 'resources'] as const) {
    client.setNotificationHandler(
      `notifications/${list}/list_changed`,
      () => void heard.push(`${list} changed`),
    );
  }
  client.setNotificationHandler(
    'notifications/resources/updated',
    ({ params }) => void heard.push(params.uri),
  );
  await client.connect(secondTransport(way));
  return client;
}

async function connectFirst(
  way: Way,
  capabilities: object,
  heard: string[],
  onElicit: OnElicit,
): Promise<Client> {
  const client = new FirstGenerationClient(identity, { capabilities });
  if (Object.keys(capabilities).length > 0) {
    client.setRequestHandler(v1.ElicitRequestSchema, onElicit as never);
    client.setRequestHandler(v1.CreateMessageRequestSchema, sample as never);
    client.setRequestHandler(v1.ListRootsRequestSchema, () => ROOTS);
  }
  client.setNotificationHandler(
    v1.LoggingMessageNotificationSchema,
    ({ params }) => void heard.push(String(params.data)),
  );
  for (const [list, schema] of [
    ['tools', v1.ToolListChangedNotificationSchema],
    ['prompts', v1.PromptListChangedNotificationSchema],
    ['resources', v1.ResourceListChangedNotificationSchema],
  ] as const) {
    client.setNotificationHandler(schema as typeof v1.ToolListChangedNotificationSchema, () => {
      heard.push(`${list} changed`);
    });
  }
  client.setNotificationHandler(
    v1.ResourceUpdatedNotificationSchema,
    ({ params }) => void heard.push(params.uri),
  );
  // SDK v1 declares its own transport with optional fields that exactOptionalPropertyTypes tells apart.
  await client.connect(firstTransport(way) as Parameters<FirstGenerationClient['connect']>[0]);
  return client as unknown as Client;
}

function secondTransport(way: Way): Transport {
  if (way.kind === 'stdio') return new StdioClientTransport(command(way));
  if (way.kind === 'sse') return new SSEClientTransport(new URL('/sse', way.url), sseOptions(way));
  return new StreamableHTTPClientTransport(new URL(way.url), httpOptions(way));
}

function firstTransport(way: Way) {
  if (way.kind === 'stdio') return new FirstGenerationStdio(command(way));
  if (way.kind === 'sse') return new FirstGenerationSse(new URL('/sse', way.url), sseOptions(way));
  return new FirstGenerationHttp(new URL(way.url), httpOptions(way));
}

const command = ({ args, cwd }: Extract<Way, { cwd: string }>) => ({
  command: process.execPath,
  args,
  cwd,
  stderr: 'ignore' as const,
});

/** The SDKs' clients have an option for the headers of what they post, and another for their stream. */
function sseOptions({ token }: Extract<Way, { url: string }>) {
  const authorized = (url: string | URL, init: RequestInit = {}) => {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${token}`);
    return fetch(url, { ...init, headers });
  };
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  return { requestInit, eventSourceInit: { fetch: authorized } };
}

/** A caller that takes JSON alone accepts nothing else, and opens no stream. */
function httpOptions({ kind, token }: Extract<Way, { url: string }>) {
  const onlyJson = async (url: string | URL, init: RequestInit = {}) => {
    if (init.method === 'GET') return new Response(null, { status: 405 });
    const headers = new Headers(init.headers);
    headers.set('accept', 'application/json');
    return fetch(url, { ...init, headers });
  };
  return {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
    ...(kind === 'json' && { fetch: onlyJson }),
  };
}
