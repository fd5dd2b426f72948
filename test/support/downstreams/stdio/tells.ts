// By hand, in the era that ERA says: `tell` tells its nonce as progress, as log and as result, and lets others go first.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Message } from '../../messages.ts';
import { send, serveLines } from './lines.ts';

const isModern = process.env.ERA === 'modern';
const CACHE = { resultType: 'complete', ttlMs: 60_000, cacheScope: 'private' };

serveLines(
  (message) => {
    const { id, method, params } = message;
    if (isModern && method === 'server/discover') {
      send({ id, result: { supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, ...CACHE } });
      return true;
    }
    if (isModern && method === 'tools/list') {
      send({ id, result: { tools: [{ name: 'tell', inputSchema: { type: 'object' } }], ...CACHE } });
      return true;
    }
    if (method !== 'tools/call' || params.name !== 'tell') return false;
    void tell(message);
    return true;
  },
  ['tell'],
);

async function tell({ id, params }: Message): Promise<void> {
  const { nonce } = params.arguments;
  const { progressToken } = params._meta;
  await sleep(Math.random() * 20);
  send({ method: 'notifications/progress', params: { progressToken, progress: 1, message: nonce } });
  send({ method: 'notifications/message', params: { level: 'info', data: nonce } });
  await sleep(Math.random() * 20);
  const content = [{ type: 'text', text: nonce }];
  send({ id, result: isModern ? { resultType: 'complete', content } : { content } });
}
