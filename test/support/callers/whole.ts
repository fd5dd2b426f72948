import { Client, StreamableHTTPClientTransport, type Transport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as FirstGenerationClient } from '@modelcontextprotocol/sdk/client/index.js';
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
  /** Calls a tool of `crm`, with all that can come meanwhile, and gives its text as JSON. */
  call(tool: string, options?: { args?: object; signal?: AbortSignal }): Promise<Told>;
  /** Asks to hear of changed lists and of this resource. */
  listen(uri: string): Promise<void>;
}

export interface Told {
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever a tool told.
  readonly value: any;
  readonly isError: boolean;
  readonly structured: unknown;
}

/** How it reaches the gateway: over HTTP with whatever SDKs accept, over HTTP with JSON alone, or by a process. */
export type Way =
  | { readonly kind: 'stream' | 'json'; readonly url: string; readonly token: string }
  | { readonly kind: 'stdio'; readonly args: string[]; readonly cwd: string };

const ASKABLE = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };
const FORM = { action: 'accept', content: { choice: 'blue' } } as const;
const SAMPLED = {
  role: 'assistant',
  model: 'm',
  content: { type: 'text', text: 'said' },
} as const;
const ROOTS = { roots: [{ uri: 'file:///root', name: 'root' }] };
export const ANSWERS = { form: FORM, url: { action: 'accept' }, sampling: SAMPLED, roots: ROOTS } as const;

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
  const onElicit = ({ params }: { params: { mode?: string; message: string } }) => {
    heard.push(params.message);
    return params.mode === 'url' ? ANSWERS.url : FORM;
  };
  const client =
    generation === 'v1'
      ? await connectFirst(way, capabilities, heard, onElicit)
      : await connectSecond(way, capabilities, heard, onElicit, generation === 'v2 modern');
  const isModern = generation === 'v2 modern';
  if (!isModern) await client.setLoggingLevel('info');

  return {
    client,
    heard,
    async call(tool, { args = {}, signal } = {}) {
      const params = {
        name: `crm__${tool}`,
        arguments: args as Record<string, unknown>,
        ...(isModern && { _meta: { [LOG_LEVEL]: 'info' } }),
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
    async listen(uri) {
      if (!isModern) return void (await client.subscribeResource({ uri }));
      await client.listen({
        toolsListChanged: true,
        promptsListChanged: true,
        resourcesListChanged: true,
        resourceSubscriptions: [uri],
      });
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

type OnElicit = (request: { params: { mode?: string; message: string } }) => (typeof ANSWERS)['form' | 'url'];

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
    client.setRequestHandler('sampling/createMessage', () => SAMPLED);
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
  const transport: Transport =
    way.kind === 'stdio'
      ? new StdioClientTransport({
          command: process.execPath,
          args: way.args,
          cwd: way.cwd,
          stderr: 'ignore',
        })
      : new StreamableHTTPClientTransport(new URL(way.url), httpOptions(way));
  await client.connect(transport);
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
    client.setRequestHandler(v1.CreateMessageRequestSchema, () => SAMPLED);
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
  const transport =
    way.kind === 'stdio'
      ? new FirstGenerationStdio({
          command: process.execPath,
          args: way.args,
          cwd: way.cwd,
          stderr: 'ignore',
        })
      : new FirstGenerationHttp(new URL(way.url), httpOptions(way));
  // SDK v1 declares its own transport with optional fields that exactOptionalPropertyTypes tells apart.
  await client.connect(transport as Parameters<FirstGenerationClient['connect']>[0]);
  return client as unknown as Client;
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
