// By hand: its tool `ask` tells progress, logs, asks its caller, and tells what it was answered. ERA says in which way, and
// AT_ONCE how many calls are to be there before it asks.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Message } from '../../messages.ts';
import { send, serveLines } from './lines.ts';

const isModern = process.env.ERA === 'modern';
/** Requests of its own that were answered. */
const answered: unknown[] = [];
const atOnce = Number(process.env.AT_ONCE ?? 1);
const gathered: (() => void)[] = [];
const waiting = new Map<unknown, (message: Message) => void>();
const CACHE = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };

const FORM = {
  mode: 'form',
  message: 'Which one?',
  requestedSchema: { type: 'object', properties: { choice: { type: 'string' } } },
};

serveLines(
  (message) => {
    const { id, method, params } = message;
    if (method === undefined) {
      answered.push(id);
      waiting.get(id)?.(message);
      return true;
    }
    if (isModern && method === 'server/discover') {
      const result = { supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, ...CACHE };
      send({
        id,
        result: {
          ...result,
          _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'asks', version: '1' } },
        },
      });
      return true;
    }
    if (isModern && method === 'tools/list') {
      send({ id, result: { tools: [{ name: 'ask', inputSchema: { type: 'object' } }], ...CACHE } });
      return true;
    }
    if (method !== 'tools/call' || params.name !== 'ask') return false;
    void ask(message);
    return true;
  },
  ['ask'],
);

async function ask({ id, params }: Message): Promise<void> {
  const { _meta, inputResponses, arguments: { pings = false } = {} } = params;
  const text = (told: unknown) => ({
    id,
    result: {
      ...(isModern && { resultType: 'complete' }),
      content: [{ type: 'text', text: JSON.stringify(told) }],
    },
  });
  if (inputResponses !== undefined) return send(text(pings ? answered : inputResponses.choice));
  if (pings) send({ id: `p${id}`, method: 'ping' });
  const progressToken = _meta?.progressToken;
  if (progressToken !== undefined)
    send({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
  send({ method: 'notifications/message', params: { level: 'info', data: 'asking' } });
  // See the test: what comes in one piece with the end of a round is lost by the SDK's client.
  await sleep(100);
  await new Promise<void>((resolve) => {
    gathered.push(resolve);
    if (gathered.length >= atOnce) for (const go of gathered.splice(0)) go();
  });
  if (isModern) {
    const inputRequests = { choice: { method: 'elicitation/create', params: FORM } };
    return send({ id, result: { resultType: 'input_required', inputRequests } });
  }
  const answer = new Promise<Message>((resolve) => waiting.set(`q${id}`, resolve));
  send({ id: `q${id}`, method: 'elicitation/create', params: FORM });
  const { result, error } = await answer;
  send(text(result ?? error));
}
