// What the commands share that call a gateway in front of servers with faults: lateness.ts, duplicates.ts.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Dispatcher, request } from 'undici';
import { createGateway, createLog, createSecrets, loadConfig } from '../src/gateway.ts';
import { type Era, modernMeta, revision, token } from './scene.ts';

const toolsNamed = (names: readonly string[]) =>
  names.map((name) => ({ name, inputSchema: { type: 'object', properties: {} } }));

/** The result of each method that is no call, for a server with these tools. */
export function resultOf(method: string, tools: readonly string[], era: Era = 'modern'): object {
  const complete = era === 'modern' ? { resultType: 'complete', ttlMs: 60_000, cacheScope: 'private' } : {};
  if (method === 'tools/list') return { ...complete, tools: toolsNamed(tools) };
  const capabilities = { tools: {} };
  return era === 'modern'
    ? { ...complete, supportedVersions: [revision.modern], capabilities }
    : { protocolVersion: revision.legacy, capabilities, serverInfo: { name: 'bench', version: '1' } };
}

/** A gateway in this process, on a free port. Without its breaker: every call is to meet the fault that it asks for. */
export async function openGateway(mcpServers: object): Promise<{ url: string; close(): Promise<unknown> }> {
  const folder = mkdtempSync(join(tmpdir(), 'faulty-'));
  const path = join(folder, 'servers.json');
  // Faults are what is measured: a server that fails is not to be left alone for it, nor its calls turned away.
  const limits = { breakerFailures: 0, maxQueue: 100_000 };
  writeFileSync(path, JSON.stringify({ mcpServers, catalogFile: '', limits }));
  const config = loadConfig({ path, env: {} });
  rmSync(folder, { recursive: true });
  const log = createLog({ level: 'silent', secrets: createSecrets(), destination: { write: () => {} } });
  const gateway = createGateway(config, { log, token });
  const { url } = await gateway.listen({ host: '127.0.0.1', port: 0 });
  await gateway.attempted;
  return { url, close: () => gateway.close() };
}

/** A server on stdio, as a script: `onCall` has `id`, `name`, `args` and `send`. */
export function writeStdioServer(
  onCall: string,
  tools: readonly string[],
): {
  entry: { command: string; args: string[] };
  remove(): void;
} {
  const folder = mkdtempSync(join(tmpdir(), 'faulty-'));
  const script = join(folder, 'server.mjs');
  const [initialized, listed] = ['initialize', 'tools/list'].map((method) =>
    JSON.stringify(resultOf(method, tools, 'legacy')),
  );
  writeFileSync(
    script,
    `import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
function call(id, { name, arguments: args }) { ${onCall} }
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  if (method === 'initialize') send({ id, result: ${initialized} });
  else if (method === 'tools/list') send({ id, result: ${listed} });
  else if (method === 'tools/call') call(id, params);
  else send({ id, error: { code: -32601, message: 'Method not found' } });
});
`,
  );
  return {
    entry: { command: process.execPath, args: [script] },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

export interface CallResult {
  readonly isError?: boolean;
  readonly content: readonly { readonly text: string }[];
  readonly _meta?: {
    readonly 'mcp-switchboard/failure'?: {
      readonly reason: string;
      readonly mayHaveRun: boolean;
      readonly retryable: boolean;
    };
  };
}

/** Calls one tool, and gives its result. Throws where there is none. */
export async function post(
  url: string,
  name: string,
  args: object,
  options: { era?: Era; signal?: AbortSignal; dispatcher?: Dispatcher } = {},
): Promise<CallResult> {
  const { era = 'modern', signal, dispatcher } = options;
  const params = { name, arguments: args, ...(era === 'modern' && { _meta: modernMeta }) };
  const { statusCode, body } = await request(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json',
      'mcp-protocol-version': revision[era],
      ...(era === 'modern' && { 'mcp-method': 'tools/call', 'mcp-name': name }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
    ...(signal !== undefined && { signal }),
    ...(dispatcher !== undefined && { dispatcher }),
  });
  const answer = (await body.json()) as { result?: CallResult };
  if (statusCode !== 200 || answer.result === undefined) throw new Error(`HTTP ${statusCode}`);
  return answer.result;
}
