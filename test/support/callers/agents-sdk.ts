import { getLogger, MCPServerStreamableHttp } from '@openai/agents';
import { type Caller, chooseCall, play } from './conversation.ts';
import { apiName, readTools } from './judge.ts';

/** The real OpenAI Agents SDK for JavaScript: SDK v1 inside, five seconds for connect and list. */
export const agentsSdk: Caller = (url, token, options = {}) =>
  play('OpenAI Agents SDK', url, token, options, async (talk, headers) => {
    const server = new MCPServerStreamableHttp({
      name: 'switchboard',
      url,
      requestInit: { headers },
      // It would write to the console what it throws as well.
      logger: { ...getLogger('test'), debug() {}, warn() {}, error() {} },
      ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
    });
    try {
      await server.connect();
      const tools = readTools({ tools: await server.listTools() }, { namePattern: apiName }, talk);
      const call = chooseCall(tools, options, talk);
      const result = await server.callToolResult(call.name, call.arguments);
      return { tools, result };
    } finally {
      await server.close();
    }
  });
