/**
 * The client under test in the suite's client scenarios is the gateway: this starts it in front of the scenario's server
 * alone and, as a well-behaved caller, uses whatever that offers. What the suite judges is what its server saw.
 *
 *     npx conformance client --scenario tools_call --command "node --import tsx test/conformance/client-driver.ts"
 *
 * The suite says what else it wants in MCP_CONFORMANCE_PROTOCOL_VERSION and MCP_CONFORMANCE_CONTEXT.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { createGateway, createLog, createSecrets, loadConfig } from '../../src/gateway.ts';

interface WantedCall {
  readonly name: string;
  readonly arguments: Record<string, unknown>;
}

const CALL_TIMEOUT_MS = 10_000;
const downstreamUrl = process.argv.at(-1) ?? '';
const version = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION ?? '2025-11-25';
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}') as { toolCalls?: WantedCall[] };

const directory = mkdtempSync(path.join(tmpdir(), 'conformance-client-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
const file = path.join(directory, 'servers.json');
// Names as the scenario knows them.
const servers = { catalogFile: '', mcpServers: { scenario: { url: downstreamUrl, prefix: '' } } };
writeFileSync(file, JSON.stringify(servers));
const gateway = createGateway(loadConfig({ path: file, env: {} }), {
  token: 'conformance',
  log: createLog({
    level: 'warn',
    secrets: createSecrets(),
    destination: { write: (line) => void process.stderr.write(line) },
  }),
});
const { url } = await gateway.listen({ host: '127.0.0.1', port: 0 });
await gateway.attempted;

const client = new Client(
  { name: 'conformance-caller', version: '1.0.0' },
  {
    capabilities: { elicitation: { form: { applyDefaults: true } } },
    versionNegotiation: { mode: version === '2026-07-28' ? { pin: version } : 'legacy' },
  },
);
// Nothing is filled in: where a default is declared, the SDK puts it there.
client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: {} }));
const requestInit = { headers: { authorization: 'Bearer conformance' } };
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
try {
  await useEverything();
} finally {
  await client.close();
  await gateway.close();
}

async function useEverything(): Promise<void> {
  const { tools } = await client.listTools();
  const calls =
    context.toolCalls ??
    tools.map(({ name, inputSchema }) => ({
      name,
      arguments: sampleOf(inputSchema) as Record<string, unknown>,
    }));
  for (const call of calls) {
    // A tool that wants to be told how a schema arrived here.
    if ('schema' in call.arguments) call.arguments.schema = tools[0]?.inputSchema;
    // What a call comes to is for the scenario to judge.
    await client
      .callTool(call, { timeout: CALL_TIMEOUT_MS })
      .catch((error: Error) => process.stderr.write(`${call.name}: ${error.message}\n`));
  }
  const offered = client.getServerCapabilities() ?? {};
  const { resources } = offered.resources ? await client.listResources() : { resources: [] };
  for (const { uri } of resources) await client.readResource({ uri });
  const { prompts } = offered.prompts ? await client.listPrompts() : { prompts: [] };
  for (const { name } of prompts) await client.getPrompt({ name });
}

/** The simplest value that a schema allows. */
function sampleOf(schema: { [key: string]: unknown }): unknown {
  const { type, properties = {}, required = [] } = schema;
  if (type === 'string') return 'text';
  if (type === 'number' || type === 'integer') return 1;
  if (type === 'boolean') return true;
  if (type === 'array') return [];
  const needed = Object.entries(properties as Record<string, Record<string, unknown>>).filter(([name]) =>
    (required as string[]).includes(name),
  );
  return Object.fromEntries(needed.map(([name, inner]) => [name, sampleOf(inner)]));
}
