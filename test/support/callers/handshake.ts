import type { WireTool } from '../downstreams/tools.ts';
import type { Conversation } from './conversation.ts';
import { type ListRules, readTools } from './judge.ts';

export interface Hello {
  readonly version: string;
  readonly clientInfo: object;
  readonly capabilities?: object;
}

/**
 * initialize and notifications/initialized, as callers of the first generation begin.
 *
 * @returns what to send with every later request: the version, and the session if one was opened
 */
export async function shakeHands(talk: Conversation, hello: Hello): Promise<Record<string, string>> {
  const { version: protocolVersion, clientInfo, capabilities = {} } = hello;
  const result = await talk.ask('initialize', { protocolVersion, capabilities, clientInfo });
  const answered = result.protocolVersion;
  talk.insist(answered === protocolVersion, `it asked for ${protocolVersion} and was given ${answered}`);
  talk.insist(result.capabilities?.tools, 'the server does not say that it has tools');
  talk.insist(typeof result.serverInfo?.name === 'string', 'the server has no name');
  const session = talk.replies.at(-1)?.headers['mcp-session-id'];
  const headers = {
    'mcp-protocol-version': protocolVersion,
    ...(typeof session === 'string' ? { 'mcp-session-id': session } : {}),
  };
  await talk.notify('notifications/initialized', headers);
  return headers;
}

/** Every page of the list, read by these rules. */
export async function listTools(
  talk: Conversation,
  headers: Record<string, string>,
  rules: ListRules,
): Promise<WireTool[]> {
  const tools: WireTool[] = [];
  let cursor: string | undefined;
  do {
    const result = await talk.ask('tools/list', cursor === undefined ? undefined : { cursor }, headers);
    tools.push(...readTools(result, rules, talk));
    cursor = result.nextCursor;
  } while (cursor !== undefined);
  return tools;
}

/** Asks for the stream of server messages. It may be refused with 405; it may not hang, and nothing else will do. */
export async function tryGetStream(talk: Conversation, headers: Record<string, string>): Promise<void> {
  const reply = await talk.openStream(headers, 2_000);
  reply.cut();
  const streams = reply.status === 200 && /^text\/event-stream/.test(String(reply.headers['content-type']));
  talk.insist(reply.status === 405 || streams, `GET was answered with HTTP ${reply.status} instead of 405`);
}
