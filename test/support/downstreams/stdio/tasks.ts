// By hand, of the modern era: its tool `start` makes a task of each call, which works until it is cancelled.
import type { Message } from '../../messages.ts';
import { send, serveLines } from './lines.ts';

const TASKS = 'io.modelcontextprotocol/tasks';
const CACHE = { resultType: 'complete', ttlMs: 60_000, cacheScope: 'private' };
const at = '2026-08-01T00:00:00Z';
const tasks = new Map<string, object>();

const DISCOVERED = {
  supportedVersions: ['2026-07-28'],
  capabilities: { tools: {}, extensions: { [TASKS]: {} } },
  _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'tasks', version: '1' } },
  ...CACHE,
};
const REFUSED = {
  code: -32021,
  message: 'Missing required client capability',
  data: { requiredCapabilities: { extensions: { [TASKS]: {} } } },
};

serveLines(({ id, method = '', params }: Message) => {
  if (method === 'server/discover') send({ id, result: DISCOVERED });
  else if (method === 'tools/list')
    send({ id, result: { tools: [{ name: 'start', inputSchema: { type: 'object' } }], ...CACHE } });
  else if (method !== 'tools/call' && !method.startsWith('tasks/')) return false;
  else if (params._meta['io.modelcontextprotocol/clientCapabilities'].extensions?.[TASKS] === undefined)
    send({ id, error: REFUSED });
  else send({ id, result: method === 'tools/call' ? start() : task(method, params.taskId) });
  return true;
});

function start(): object {
  const taskId = `task-${tasks.size + 1}`;
  const state = {
    taskId,
    status: 'working',
    createdAt: at,
    lastUpdatedAt: at,
    ttlMs: 60_000,
    pollIntervalMs: 5,
  };
  tasks.set(taskId, state);
  return { resultType: 'task', ...state };
}

function task(method: string, taskId: string): object {
  const state = tasks.get(taskId);
  if (method === 'tasks/get') return { resultType: 'complete', ...state };
  tasks.set(taskId, { ...state, status: 'cancelled' });
  return { resultType: 'complete' };
}
