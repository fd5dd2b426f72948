import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { type Caller, chooseCall, play } from './conversation.ts';
import { apiName, readTools } from './judge.ts';

const proxy = join(
  dirname(createRequire(import.meta.url).resolve('mcp-remote/package.json')),
  'dist/proxy.js',
);

export interface McpRemote extends AsyncDisposable {
  readonly client: Client;
  /** What mcp-remote wrote to stderr so far. */
  readonly stderr: string;
}

/** The real mcp-remote between a stdio client and a URL, as in claude_desktop_config.json. */
export async function openMcpRemote(
  url: string,
  headers: Readonly<Record<string, string>>,
  protocol: 'legacy' | 'auto' = 'legacy',
): Promise<McpRemote> {
  // It keeps locks and tokens under the home directory.
  const home = await mkdtemp(join(tmpdir(), 'mcp-remote-'));
  const names = Object.keys(headers);
  const headerArguments = names.flatMap((name, index) => ['--header', `${name}:\${HEADER_${index}}`]);
  const variables = Object.fromEntries(names.map((name, index) => [`HEADER_${index}`, headers[name] ?? '']));
  const transport = new StdioClientTransport({
    command: process.execPath,
    // A space inside an argument is mangled by some hosts, so its README puts the values into variables.
    args: [proxy, url, '--allow-http', ...headerArguments, '--protocol', protocol],
    env: {
      PATH: process.env.PATH ?? '',
      HOME: home,
      MCP_REMOTE_CONFIG_DIR: home,
      ...variables,
    },
    stderr: 'pipe',
  });
  let stderr = '';
  transport.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const client = new Client({ name: 'claude-ai', version: '0.1.0' });
  const close = async () => {
    await client.close();
    await rm(home, { recursive: true, force: true });
  };
  try {
    await client.connect(transport);
  } catch (cause) {
    await close();
    throw new Error(`mcp-remote did not connect:\n${stderr}`, { cause });
  }
  return {
    client,
    get stderr() {
      return stderr;
    },
    [Symbol.asyncDispose]: close,
  };
}

/** Claude Desktop's way to a remote server with a token. */
export const mcpRemote: Caller = (url, token, options = {}) =>
  play('mcp-remote', url, token, options, async (talk, headers) => {
    await using remote = await openMcpRemote(url, headers);
    const tools = readTools(await remote.client.listTools(), { namePattern: apiName }, talk);
    const result = await remote.client.callTool(chooseCall(tools, options, talk));
    return { tools, result };
  });
