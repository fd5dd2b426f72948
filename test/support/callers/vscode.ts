import { type Caller, type Conversation, chooseCall, converse } from './conversation.ts';
import { listTools, shakeHands, tryGetStream } from './handshake.ts';

/** VS Code 1.132: initialize only, everything declared, tries the GET stream, takes 128 tools. */
export const vscode: Caller = async (url, token, options = {}) => {
  const version = '2025-11-25';
  const headers = { accept: 'text/event-stream, application/json', 'user-agent': 'node' };
  const talk: Conversation = converse('VS Code', url, token, options, { headers, timeoutMs: 60_000 });
  const session = await shakeHands(talk, {
    version,
    clientInfo: { name: 'Visual Studio Code', version: '1.132.0' },
    capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: { form: {}, url: {} } },
  });
  await tryGetStream(talk, session);
  // It warns about other names, and refuses requests with more tools.
  const tools = await listTools(talk, session, { namePattern: /^[A-Za-z0-9_-]+$/, maxTools: 128 });
  const call = { ...chooseCall(tools, options, talk), _meta: { progressToken: 'vscode-1' } };
  const result = await talk.ask('tools/call', call, session);
  talk.insist(Array.isArray(result.content), 'the result has no content array');
  return { version, tools, result, replies: talk.replies };
};
