import { type Caller, type Conversation, chooseCall, converse } from './conversation.ts';
import { listTools, shakeHands, tryGetStream } from './handshake.ts';

/** Gemini CLI on SDK v1: prefixes and shortens names by itself, and of two that come out equal the last one wins. */
export const geminiCli: Caller = async (url, token, options = {}) => {
  const version = '2025-06-18';
  const headers = { accept: 'application/json, text/event-stream', 'user-agent': 'node' };
  const talk: Conversation = converse('Gemini CLI', url, token, options, { headers, timeoutMs: 600_000 });
  const clientInfo = { name: 'gemini-cli-mcp-client', version: '0.0.1' };
  const session = await shakeHands(talk, {
    version,
    clientInfo,
    capabilities: { roots: { listChanged: true } },
  });
  await tryGetStream(talk, session);
  const tools = await listTools(talk, session, { namePattern: /^[A-Za-z0-9_\-.:]+$/ });
  const seen = new Map<string, string>();
  for (const { name } of tools) {
    const own = geminiName(name);
    talk.insist(!seen.has(own), `${seen.get(own)} and ${name} are both ${own} to it, and only one is left`);
    seen.set(own, name);
  }
  const result = await talk.ask('tools/call', chooseCall(tools, options, talk), session);
  talk.insist(Array.isArray(result.content), 'the result has no content array');
  return { version, tools, result, replies: talk.replies };
};

// packages/core/src/tools/mcp-tool.ts: 63 characters, the middle left out.
function geminiName(tool: string): string {
  const name = `mcp_switchboard_${tool}`;
  return name.length > 63 ? `${name.slice(0, 30)}...${name.slice(-30)}` : name;
}
