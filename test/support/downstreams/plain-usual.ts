import { randomUUID } from 'node:crypto';
import { type Message, modernVersion } from '../messages.ts';
import type { Answer, Exchange } from './exchange.ts';
import type { PlainScript } from './plain.ts';
import { commonTools, type Toolbox, type ToolCall } from './tools.ts';

const serverInfo = { name: 'fixture-plain', version: '0.0.1' };
const TOOLS = { tools: {} };

/** What a good server of the script's era answers where the script says nothing. */
export function usualAnswer(script: PlainScript, tools: Toolbox, openSession: (id: string) => void): Answer {
  return script.era === 'modern' ? modernAnswer(script, tools) : legacyAnswer(script, tools, openSession);
}

function modernAnswer(script: PlainScript, tools: Toolbox): Answer {
  const complete = { resultType: 'complete' };
  const cacheable = { ...complete, ttlMs: 0, cacheScope: 'private' };
  const supportedVersions = [modernVersion];
  const { capabilities = TOOLS } = script;
  return (given) => {
    const { message } = given;
    if (message.params?._meta?.['io.modelcontextprotocol/protocolVersion'] !== modernVersion) {
      const data = { supported: supportedVersions, requested: message.params?.protocolVersion };
      return given.error(-32022, 'Unsupported protocol version', { status: 400, data });
    }
    switch (message.method) {
      case 'server/discover': {
        const _meta = { 'io.modelcontextprotocol/serverInfo': serverInfo };
        return given.result({
          supportedVersions,
          capabilities,
          instructions: 'A fixture.',
          _meta,
          ...cacheable,
        });
      }
      case 'tools/list':
        return given.result({ ...listPage(script, message), ...cacheable });
      case 'tools/call':
        return runCommonTool(given, tools, script.json, complete);
      default:
        return given.error(-32601, 'Method not found', { status: 404 });
    }
  };
}

function legacyAnswer(script: PlainScript, tools: Toolbox, openSession: (id: string) => void): Answer {
  const { capabilities = TOOLS } = script;
  return (given) => {
    const { message, req, res } = given;
    // SDK v1 refuses the newer version header before it looks at the method.
    if (req.headers['mcp-protocol-version'] === modernVersion) {
      return given.error(-32000, 'Bad Request: Unsupported protocol version', { status: 400 });
    }
    switch (message.method) {
      case 'initialize': {
        if (script.sessions) {
          const id = randomUUID();
          openSession(id);
          res.setHeader('mcp-session-id', id);
        }
        return given.result({ protocolVersion: script.version ?? '2025-11-25', capabilities, serverInfo });
      }
      case 'ping':
        return given.result({});
      case 'tools/list':
        return given.result(listPage(script, message));
      case 'tools/call':
        return runCommonTool(given, tools, script.json, {});
      default:
        return given.error(-32601, 'Method not found');
    }
  };
}

function listPage(script: PlainScript, message: Message) {
  return script.page?.(message.params?.cursor) ?? { tools: script.tools ?? commonTools };
}

async function runCommonTool(given: Exchange, tools: Toolbox, json = false, complete: object) {
  const { name, arguments: args = {}, _meta: meta } = given.message.params;
  if (!commonTools.some((tool) => tool.name === name)) return given.error(-32602, `Unknown tool: ${name}`);
  const call: ToolCall = { name, arguments: args, meta, signal: given.signal, progress: async () => {} };
  if (json) return given.result({ ...(await tools.run(call)), ...complete });
  const stream = given.stream();
  const progressToken = meta?.progressToken;
  const progress = async (done: number, total: number) => {
    if (progressToken === undefined) return;
    stream.send({ method: 'notifications/progress', params: { progressToken, progress: done, total } });
  };
  stream.result({ ...(await tools.run({ ...call, progress })), ...complete });
}
