import { type Caller, type Conversation, chooseCall, converse } from './conversation.ts';
import { listTools, shakeHands } from './handshake.ts';

const serverName = 'switchboard';

/**
 * Cursor: looks for OAuth first. A 404 that is not JSON breaks it, a 200 makes it forget the headers its user
 * configured. Names are limited together with the server's name in mcp.json, and longer ones are left out silently.
 */
export const cursor: Caller = async (url, token, options = {}) => {
  const version = '2025-06-18';
  const headers = {
    accept: 'application/json, text/event-stream',
    'user-agent': 'Cursor/3.2.11 (linux x64)',
  };
  const talk: Conversation = converse('Cursor', url, token, options, { headers, timeoutMs: 60_000 });
  for (const path of [
    '/.well-known/oauth-protected-resource/mcp',
    '/.well-known/oauth-protected-resource',
    '/.well-known/oauth-authorization-server',
    '/.well-known/openid-configuration',
  ]) {
    const { status, framing } = await talk.exchange(path, { method: 'GET' }, new URL(path, url).href);
    talk.insist(
      status !== 200,
      `${path} was answered, so that it starts OAuth and drops the configured headers`,
    );
    talk.insist(status === 404, `${path} was answered with HTTP ${status} instead of 404`);
    talk.insist(framing === 'json', `Invalid OAuth error response: the 404 of ${path} is no JSON`);
  }
  const session = await shakeHands(talk, {
    version,
    clientInfo: { name: 'cursor-vscode', version: '1.0.0' },
  });
  const tools = await listTools(talk, session, {
    maxNameLength: 60 - serverName.length,
    firstPageOnly: true,
  });
  const result = await talk.ask('tools/call', chooseCall(tools, options, talk), session);
  talk.insist(Array.isArray(result.content), 'the result has no content array');
  return { version, tools, result, replies: talk.replies };
};
