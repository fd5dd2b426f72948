import { type Message, modernVersion } from '../messages.ts';

export type Era = 'modern' | 'legacy';

/** What a fault can befall: each is asked of the one thing that an evil server has of its kind. */
export const METHODS = [
  'tools/call',
  'tools/list',
  'resources/read',
  'prompts/get',
  'completion/complete',
] as const;
export type Method = (typeof METHODS)[number];

export const RESOURCE = 'evil://resource';

const serverInfo = { name: 'evil', version: '6.6.6' };
const capabilities = { tools: {}, prompts: {}, resources: {}, completions: {} };

const RESULTS: Readonly<Record<string, object>> = {
  ping: {},
  'tools/list': { tools: [{ name: 'work', inputSchema: { type: 'object' } }] },
  'prompts/list': { prompts: [{ name: 'ask' }] },
  'resources/list': { resources: [{ uri: RESOURCE, name: 'resource' }] },
  'resources/templates/list': { resourceTemplates: [] },
  'tools/call': { content: [{ type: 'text', text: 'well' }] },
  'prompts/get': { messages: [{ role: 'user', content: { type: 'text', text: 'well' } }] },
  'resources/read': { contents: [{ uri: RESOURCE, text: 'well' }] },
  'completion/complete': { completion: { values: ['well'] } },
};

/** What a good server of this era answers. */
export function usualResult(era: Era, { method, params }: Message): { result: object } | { error: object } {
  if (era === 'legacy') {
    if (method === 'initialize') {
      return { result: { protocolVersion: '2025-11-25', capabilities, serverInfo } };
    }
    const result = RESULTS[String(method)];
    return result === undefined ? { error: { code: -32601, message: 'Method not found' } } : { result };
  }
  if (params?._meta?.['io.modelcontextprotocol/protocolVersion'] !== modernVersion) {
    const data = { supported: [modernVersion] };
    return { error: { code: -32022, message: 'Unsupported protocol version', data } };
  }
  const complete = { resultType: 'complete', ttlMs: 3_600_000, cacheScope: 'private' };
  const known =
    method === 'server/discover'
      ? { supportedVersions: [modernVersion], capabilities }
      : RESULTS[String(method)];
  return known === undefined
    ? { error: { code: -32601, message: 'Method not found' } }
    : { result: { ...known, ...complete } };
}
