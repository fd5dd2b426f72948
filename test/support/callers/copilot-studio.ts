import { type Caller, type Conversation, chooseCall, converse } from './conversation.ts';
import { readText, readTools } from './judge.ts';

/** Copilot Studio: initialize with 2024-11-05, then requests that carry no header of MCP at all. */
export const copilotStudio: Caller = async (url, token, options = {}) => {
  const version = '2024-11-05';
  const headers = { accept: 'application/json, text/event-stream' };
  const talk: Conversation = converse('Copilot Studio', url, token, options, { headers, timeoutMs: 60_000 });
  const clientInfo = { name: 'mcs', version: '1.0.0' };
  const hello = await talk.ask('initialize', { protocolVersion: version, capabilities: {}, clientInfo });
  talk.insist(
    hello.protocolVersion === version,
    `it asked for ${version} and was given ${hello.protocolVersion}`,
  );
  await talk.notify('notifications/initialized');
  const tools = readTools(await talk.ask('tools/list'), { firstPageOnly: true }, talk);
  const result = await talk.ask('tools/call', chooseCall(tools, options, talk));
  readText(result, talk);
  return { version, tools, result, replies: talk.replies };
};
