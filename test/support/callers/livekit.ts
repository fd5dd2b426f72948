import { type Caller, type Conversation, chooseCall, converse } from './conversation.ts';
import { shakeHands, tryGetStream } from './handshake.ts';
import { apiName, readText, readTools } from './judge.ts';

/** LiveKit agents on the Python SDK: five seconds for every single request, the first page, text only. */
export const liveKit: Caller = async (url, token, options = {}) => {
  const version = '2025-11-25';
  const timeoutMs = 5_000;
  const headers = { accept: 'application/json, text/event-stream', 'user-agent': 'python-httpx/0.28.1' };
  const talk: Conversation = converse('LiveKit', url, token, options, { headers, timeoutMs });
  const session = await shakeHands(talk, { version, clientInfo: { name: 'mcp', version: '0.1.0' } });
  await tryGetStream(talk, session);
  const list = await talk.ask('tools/list', undefined, session);
  const tools = readTools(list, { namePattern: apiName, firstPageOnly: true }, talk);
  const result = await talk.ask('tools/call', chooseCall(tools, options, talk), session);
  readText(result, talk);
  return { version, tools, result, replies: talk.replies };
};
