import { envelope, modernVersion } from '../messages.ts';
import { type Caller, type Conversation, chooseCall, converse } from './conversation.ts';
import { shakeHands } from './handshake.ts';
import { apiName, type ListRules, readText, readTools } from './judge.ts';
import { askModern, judgeCacheable, judgeDiscovery, modernHeaders } from './modern.ts';

const accept = 'application/json, text/event-stream';
const rules: ListRules = { namePattern: apiName, plainRoot: true, firstPageOnly: true };

/** OpenAI Realtime since August 2026: server/discover, tools/list, tools/call; no initialize, no session, no GET. */
export const openaiRealtime: Caller = async (url, token, options = {}) => {
  const clientName = 'openai-mcp (Realtime API)';
  const headers = { accept, 'user-agent': 'openai-mcp/1.0.0 (Realtime API)' };
  // Its own limit is not known; the Responses API cuts at 59.8 s.
  const talk: Conversation = converse('OpenAI Realtime', url, token, options, { headers, timeoutMs: 59_800 });
  judgeDiscovery(await askModern(talk, clientName, 'server/discover'), talk);
  return listAndCallModern(talk, clientName, options);
};

/**
 * OpenAI Realtime in its first year (openai-agents-python#1608): 2024-11-05, a tool list only out of SSE, and calls
 * from another machine that knows nothing of the session.
 */
export const openaiLegacy2024: Caller = async (url, token, options = {}) => {
  const version = '2024-11-05';
  const headers = { accept, 'user-agent': 'openai-mcp/1.0.0', 'mcp-protocol-version': version };
  const talk: Conversation = converse('OpenAI (2024-11-05)', url, token, options, {
    headers,
    timeoutMs: 59_800,
  });
  const clientInfo = { name: 'openai-mcp', version: '1.0.0' };
  const session = await shakeHands(talk, { version, clientInfo });
  const list = await talk.ask('tools/list', {}, session);
  const framing = talk.replies.at(-1)?.framing;
  talk.insist(
    framing === 'sse',
    `it imported 0 tools, for it reads tools/list only as SSE and this was ${framing}`,
  );
  const tools = readTools(list, rules, talk);
  const result = await talk.ask('tools/call', chooseCall(tools, options, talk));
  readText(result, talk);
  return { version, tools, result, replies: talk.replies };
};

/** ChatGPT since August 2026: tries server/discover, goes back to initialize on a 400, never keeps a session. */
export const chatgpt: Caller = async (url, token, options = {}) => {
  const clientName = 'openai-mcp (ChatGPT)';
  const headers = {
    accept,
    'user-agent': 'openai-mcp/1.0.0 (ChatGPT)',
    // Whose conversation this is: for OpenAI's own server, nobody else's.
    'x-openai-session': 'v1/session-canary',
    'x-openai-subject': 'v1/subject-canary',
  };
  const talk: Conversation = converse('ChatGPT', url, token, options, { headers, timeoutMs: 119_800 });
  const discover = {
    jsonrpc: '2.0',
    id: 0,
    method: 'server/discover',
    params: { _meta: envelope(clientName) },
  };
  const reply = await talk.post(discover, modernHeaders('server/discover'));
  if (reply.status === 200) {
    const { error, result } = talk.responseIn(reply, 0, 'server/discover');
    talk.insist(!error, `server/discover failed with ${error?.code}, and only HTTP 400 makes it fall back`);
    judgeDiscovery(result, talk);
    return listAndCallModern(talk, clientName, options, {
      'openai/session': 'v1/session-canary',
      'openai/userAgent': 'ChatGPT/1.2026.231',
      'openai/userLocation': { city: 'Canary Wharf', country: 'GB' },
    });
  }
  talk.insist(
    reply.status === 400,
    `server/discover was answered with HTTP ${reply.status}, neither 200 nor 400`,
  );
  const version = '2025-11-25';
  await shakeHands(talk, { version, clientInfo: { name: clientName, version: '1.0.0' } });
  const sessionless = { 'mcp-protocol-version': version };
  const tools = readTools(await talk.ask('tools/list', {}, sessionless), rules, talk);
  const result = await talk.ask('tools/call', chooseCall(tools, options, talk), sessionless);
  readText(result, talk);
  return { version, tools, result, replies: talk.replies };
};

async function listAndCallModern(
  talk: Conversation,
  clientName: string,
  options: Parameters<Caller>[2] & object,
  callMeta: object = {},
) {
  const list = await askModern(talk, clientName, 'tools/list');
  judgeCacheable('tools/list', list, talk);
  const tools = readTools(list, rules, talk);
  const call = chooseCall(tools, options, talk);
  const result = await askModern(talk, clientName, 'tools/call', { ...call, _meta: callMeta });
  readText(result, talk);
  return { version: modernVersion, tools, result, replies: talk.replies };
}
