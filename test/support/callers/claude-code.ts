import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { type Caller, chooseCall, play } from './conversation.ts';
import { apiName, type ListRules, readTools } from './judge.ts';

const rules: ListRules = {
  namePattern: apiName,
  plainRoot: true,
  maxNameLength: 128 - 'mcp__switchboard__'.length,
  maxTools: 256,
};

/** Claude Code since 2.1.232: SDK v2 with version negotiation; prefixes names with `mcp__<server>__`. */
export const claudeCode: Caller = (url, token, options = {}) =>
  play('Claude Code', url, token, options, async (talk, headers) => {
    const client = new Client(
      { name: 'claude-code', version: '2.1.240' },
      {
        capabilities: { roots: {}, elicitation: { form: {}, url: {} } },
        versionNegotiation: { mode: 'auto' },
        listChanged: { tools: { onChanged: () => {} } },
      },
    );
    client.setRequestHandler('roots/list', () => ({ roots: [{ uri: 'file:///work' }] }));
    client.setRequestHandler('elicitation/create', () => ({ action: 'decline' }));
    const requestInit = { headers: { 'user-agent': 'claude-code/2.1.240 (cli)', ...headers } };
    try {
      // 5 s in the batch of servers at start-up, then 60 s to the first byte of a call.
      await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }), {
        timeout: 5_000,
      });
      const tools = readTools(await client.listTools(), rules, talk);
      const timeout = options.timeoutMs ?? 60_000;
      const result = await client.callTool(chooseCall(tools, options, talk), { timeout });
      const version = client.getNegotiatedProtocolVersion();
      return { ...(version === undefined ? {} : { version }), tools, result };
    } finally {
      await client.close();
    }
  });
