import type { HttpDownstream } from './downstream.ts';
import { plainServer } from './plain.ts';

export interface ExpiringServer extends HttpDownstream {
  /** What it lists from now on. */
  tools: object[];
}

/** A modern server whose list is fresh for one second. */
export async function expiringServer(tools: object[]): Promise<ExpiringServer> {
  const script = { tools };
  const server = await plainServer({
    era: 'modern',
    answers: {
      'tools/list': ({ result }) =>
        result({ resultType: 'complete', tools: script.tools, ttlMs: 1000, cacheScope: 'private' }),
    },
  });
  return Object.assign(script, server);
}
