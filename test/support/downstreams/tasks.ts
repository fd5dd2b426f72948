import type { EventStream, Exchange } from './exchange.ts';
import { type PlainDownstream, plainServer } from './plain.ts';

const TASKS = 'io.modelcontextprotocol/tasks';
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';
const CACHE = { resultType: 'complete', ttlMs: 60_000, cacheScope: 'private' };
const inputSchema = { type: 'object' };
const QUESTION = {
  method: 'elicitation/create',
  params: { mode: 'form', message: 'Your name?', requestedSchema: { type: 'object', properties: {} } },
};

type State = Record<string, unknown> & { taskId: string; status: string };

export interface TasksDownstream extends PlainDownstream {
  /** What came for tasks, with the header that mirrors the id. */
  readonly asked: { method: string; params: Record<string, unknown>; mirrored: unknown }[];
  /** What each of those said that its caller can be asked. */
  readonly declared: object[];
  /** Puts a task into another state, and tells who listens. */
  change(taskId: string, state: Record<string, unknown>): void;
  /** The tasks that somebody wants to hear of. */
  listened(): string[];
}

/**
 * A server of the modern era, by hand, whose tool `start` makes a task of each call: `task-1`, `task-2`, ... It is
 * `working` until the test changes it; the tool `ask` makes one that asks for a name, and answers with that.
 */
export async function tasksServer(): Promise<TasksDownstream> {
  const asked: TasksDownstream['asked'] = [];
  const declared: object[] = [];
  const states = new Map<string, State>();
  const streams = new Map<unknown, { taskIds: string[]; stream: EventStream }>();

  function create(first: Record<string, unknown>): State {
    const at = '2026-08-01T00:00:00Z';
    const taskId = `task-${states.size + 1}`;
    const state = { taskId, createdAt: at, lastUpdatedAt: at, ttlMs: 60_000, pollIntervalMs: 5, ...first };
    states.set(taskId, state as unknown as State);
    return state as unknown as State;
  }

  function change(taskId: string, state: Record<string, unknown>): void {
    const changed = { ...(states.get(taskId) as State), ...state };
    states.set(taskId, changed);
    for (const [id, { taskIds, stream }] of streams) {
      if (!taskIds.includes(taskId)) continue;
      stream.send({ method: 'notifications/tasks', params: { _meta: { [SUBSCRIPTION]: id }, ...changed } });
    }
  }

  const declares = ({ message }: Exchange) =>
    message.params._meta['io.modelcontextprotocol/clientCapabilities'].extensions?.[TASKS] !== undefined;
  const refuse = (given: Exchange) =>
    given.error(-32021, 'Missing required client capability', {
      status: 400,
      data: { requiredCapabilities: { extensions: { [TASKS]: {} } } },
    });
  const onTask = (answer: (given: Exchange, taskId: string) => unknown) => (given: Exchange) => {
    const { method, params } = given.message;
    const { _meta, ...rest } = params;
    asked.push({ method: method as string, params: rest, mirrored: given.req.headers['mcp-name'] });
    const { extensions: _known, ...questions } = _meta['io.modelcontextprotocol/clientCapabilities'];
    declared.push(questions);
    if (!declares(given)) return refuse(given);
    return states.has(params.taskId)
      ? answer(given, params.taskId)
      : given.error(-32602, 'Failed to retrieve task: Task not found');
  };
  const called = (first: Record<string, unknown>) => (given: Exchange) =>
    declares(given) ? given.result({ resultType: 'task', ...create(first) }) : refuse(given);

  const downstream = await plainServer({
    era: 'modern',
    tools: ['start', 'ask'].map((name) => ({ name, inputSchema })),
    answers: {
      'server/discover': (given) =>
        given.result({
          supportedVersions: ['2026-07-28'],
          capabilities: { tools: {}, extensions: { [TASKS]: {} } },
          ...CACHE,
        }),
      'tools/call start': called({ status: 'working' }),
      'tools/call ask': called({ status: 'input_required', inputRequests: { name: QUESTION } }),
      'tasks/get': onTask((given, taskId) => given.result({ resultType: 'complete', ...states.get(taskId) })),
      'tasks/update': onTask((given, taskId) => {
        const { inputRequests: _answered, ...state } = states.get(taskId) as State;
        const { name } = given.message.params.inputResponses;
        states.set(taskId, { ...state, status: 'working' });
        change(taskId, {
          status: 'completed',
          result: { content: [{ type: 'text', text: name.content.name }] },
        });
        given.result({ resultType: 'complete' });
      }),
      'tasks/cancel': onTask((given, taskId) => {
        change(taskId, { status: 'cancelled' });
        given.result({ resultType: 'complete' });
      }),
      'subscriptions/listen': (given) => {
        const { id, params } = given.message;
        const stream = given.stream();
        streams.set(id, { taskIds: params.notifications.taskIds ?? [], stream });
        const method = 'notifications/subscriptions/acknowledged';
        stream.send({
          method,
          params: { _meta: { [SUBSCRIPTION]: id }, notifications: params.notifications },
        });
        return new Promise((resolve) =>
          given.res.on('close', () => {
            streams.delete(id);
            resolve(undefined);
          }),
        );
      },
    },
  });
  return Object.assign(downstream, {
    asked,
    declared,
    change,
    listened: () => [...streams.values()].flatMap(({ taskIds }) => taskIds),
  });
}
