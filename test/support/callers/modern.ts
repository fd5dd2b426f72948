import { envelope, modernVersion } from '../messages.ts';
import type { Conversation } from './conversation.ts';

/** The headers that 2026-07-28 wants beside the body. */
export function modernHeaders(method: string, name?: string): Record<string, string> {
  return {
    'mcp-protocol-version': modernVersion,
    'mcp-method': method,
    ...(name === undefined ? {} : { 'mcp-name': name }),
  };
}

/** Sends one 2026-07-28 request; its result must be complete and say so. */
export async function askModern(
  talk: Conversation,
  clientName: string,
  method: string,
  params: ModernParams = {},
) {
  const { _meta, ...rest } = params;
  const body = { ...rest, _meta: { ...envelope(clientName), ..._meta } };
  const result = await talk.ask(method, body, modernHeaders(method, params.name));
  const { resultType } = result;
  talk.insist(resultType === 'complete', `the result of ${method} has resultType ${resultType}`);
  return result;
}

interface ModernParams {
  readonly name?: string;
  readonly _meta?: object;
  readonly [key: string]: unknown;
}

// biome-ignore lint/suspicious/noExplicitAny: the result is judged here.
export function judgeDiscovery(result: any, talk: Conversation): void {
  const versions = result.supportedVersions;
  talk.insist(
    Array.isArray(versions) && versions.includes(modernVersion),
    `${modernVersion} is not in ${versions}`,
  );
  talk.insist(result.capabilities?.tools, 'the server does not say that it has tools');
  judgeCacheable('server/discover', result, talk);
}

// biome-ignore lint/suspicious/noExplicitAny: the result is judged here.
export function judgeCacheable(method: string, result: any, talk: Conversation): void {
  talk.insist(Number.isInteger(result.ttlMs) && result.ttlMs >= 0, `the result of ${method} has no ttlMs`);
  const scoped = ['public', 'private'].includes(result.cacheScope);
  talk.insist(scoped, `the result of ${method} has the cacheScope ${result.cacheScope}`);
}
