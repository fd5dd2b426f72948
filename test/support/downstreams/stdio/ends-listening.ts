// A modern server by hand: its tool `end` ends the stream of notices as the specification has it on stdio.
import { send, serveLines } from './lines.ts';

const CACHE = { resultType: 'complete', ttlMs: 60_000, cacheScope: 'private' };
let listening: unknown;

serveLines(({ id, method, params }) => {
  switch (method) {
    case 'server/discover':
      send({
        id,
        result: {
          supportedVersions: ['2026-07-28'],
          capabilities: { tools: { listChanged: true } },
          ...CACHE,
        },
      });
      return true;
    case 'tools/list':
      send({ id, result: { tools: [{ name: 'end', inputSchema: { type: 'object' } }], ...CACHE } });
      return true;
    case 'subscriptions/listen': {
      listening = id;
      const _meta = { 'io.modelcontextprotocol/subscriptionId': id };
      const { notifications } = params;
      send({ method: 'notifications/subscriptions/acknowledged', params: { _meta, notifications } });
      return true;
    }
    case 'tools/call':
      send({ method: 'notifications/cancelled', params: { requestId: listening, reason: 'torn down' } });
      send({ id, result: { resultType: 'complete', content: [] } });
      return true;
    default:
      return false;
  }
});
