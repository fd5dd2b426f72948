import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { requestsOf } from '../support/downstreams/downstream.ts';
import type { Answer, EventStream } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { tasksServer } from '../support/downstreams/tasks.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { modernRequest } from '../support/messages.ts';

const TASKS = 'io.modelcontextprotocol/tasks';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const KNOWS = { extensions: { [TASKS]: {} } };

/** A request of a caller that knows tasks, and says so. */
function request(method: string, params: Record<string, unknown>, capabilities: object = KNOWS) {
  const [body, headers] = modernRequest(method, { ...params, _meta: { [CAPABILITIES]: capabilities } });
  const { taskId } = params;
  return [body, { ...headers, ...(typeof taskId === 'string' && { 'mcp-name': taskId }) }] as const;
}

async function ask(
  gateway: RunningGateway,
  method: string,
  params: Record<string, unknown>,
  capabilities?: object,
) {
  const reply = await gateway.post(...request(method, params, capabilities));
  return { status: reply.status, ...(reply.messages[0] as NonNullable<(typeof reply.messages)[0]>) };
}

test('a call becomes a task, which is asked for, cancelled and told of under an id of the gateway', async () => {
  await using server = await tasksServer();
  await using gateway = await startGateway({ mcpServers: { jobs: server.entry() } });
  const discovered = await ask(gateway, 'server/discover', {});
  expect(discovered.result.capabilities.extensions).toEqual({ [TASKS]: {} });
  const { result: created } = await ask(gateway, 'tools/call', { name: 'jobs__start' });
  expect(created).toMatchObject({ resultType: 'task', status: 'working', pollIntervalMs: 5 });
  const { taskId } = created;
  expect(taskId).not.toContain('task-1');

  const { result: working } = await ask(gateway, 'tasks/get', { taskId });
  expect(working).toEqual({ ...created, resultType: 'complete' });
  expect(server.asked.at(-1)).toEqual({
    method: 'tasks/get',
    params: { taskId: 'task-1' },
    mirrored: 'task-1',
  });

  const { result: cancelled } = await ask(gateway, 'tasks/cancel', { taskId });
  expect(cancelled).toEqual({ resultType: 'complete' });
  expect((await ask(gateway, 'tasks/get', { taskId })).result.status).toBe('cancelled');
});

test('a task that asks is answered through the gateway; its result is that of any call', async () => {
  await using server = await tasksServer();
  await using other = await plainServer({ era: 'modern' });
  await using gateway = await startGateway({ mcpServers: { jobs: server.entry(), other: other.entry() } });
  const can = { ...KNOWS, elicitation: {} };
  const { taskId } = (await ask(gateway, 'tools/call', { name: 'jobs__ask' }, can)).result;
  const { result: asking } = await ask(gateway, 'tasks/get', { taskId }, can);
  // Where there are several servers, a person is told which one asks.
  expect(asking.inputRequests.name.params.message).toBe('jobs: Your name?');
  const inputResponses = { name: { action: 'accept', content: { name: 'Ada' } } };
  const { result: accepted } = await ask(gateway, 'tasks/update', { taskId, inputResponses }, can);
  expect(accepted).toEqual({ resultType: 'complete' });
  expect(server.asked.at(-1)?.params).toEqual({ taskId: 'task-1', inputResponses });
  const { result: done } = await ask(gateway, 'tasks/get', { taskId }, can);
  expect(done).toMatchObject({ status: 'completed', result: { content: [{ type: 'text', text: 'Ada' }] } });
});

test('who cannot be asked does not get the question of a task, and hears why', async () => {
  await using server = await tasksServer();
  await using gateway = await startGateway({ mcpServers: { jobs: server.entry() } });
  const { taskId } = (await ask(gateway, 'tools/call', { name: 'jobs__ask' })).result;
  expect(await ask(gateway, 'tasks/get', { taskId })).toMatchObject({
    status: 400,
    error: { code: -32021, data: { requiredCapabilities: { elicitation: {} } } },
  });
});

test('the result of a task is shaped for its caller as any other', async () => {
  await using server = await tasksServer();
  const profiles = { short: { maxResultChars: 128 } };
  await using gateway = await startGateway({
    mcpServers: { jobs: server.entry() },
    profiles,
    profile: 'short',
  });
  const { taskId } = (await ask(gateway, 'tools/call', { name: 'jobs__start' })).result;
  server.change('task-1', {
    status: 'completed',
    result: { content: [{ type: 'text', text: 'x'.repeat(500) }] },
  });
  const { result } = (await ask(gateway, 'tasks/get', { taskId })).result;
  expect(result.content[0].text).toMatch(/^x+\n\[cut here: \d+ of 500 characters are missing/);
});

test('who does not say that it knows tasks gets none, in no way [R72]', async () => {
  await using server = await tasksServer();
  await using gateway = await startGateway({ mcpServers: { jobs: server.entry() } });
  const { taskId } = (await ask(gateway, 'tools/call', { name: 'jobs__start' })).result;
  const refusal = {
    status: 400,
    error: { code: -32021, data: { requiredCapabilities: { extensions: { [TASKS]: {} } } } },
  };
  expect(await ask(gateway, 'tools/call', { name: 'jobs__start' }, {})).toMatchObject(refusal);
  for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
    expect(await ask(gateway, method, { taskId }, {})).toMatchObject(refusal);
  }
  const listening = { notifications: { taskIds: [taskId] } };
  expect(await ask(gateway, 'subscriptions/listen', listening, {})).toMatchObject(refusal);
  expect(server.asked).toEqual([]);
  // The legacy era means something else by tasks, and is not told of these.
  const legacy = await gateway.connect({ era: 'legacy', capabilities: KNOWS });
  expect(legacy.getServerCapabilities()).not.toHaveProperty('extensions');
});

test('an id of a task is good for its own task, at its own server, with its own token [R15] [R142]', async () => {
  await using server = await tasksServer();
  await using gateway = await startGateway({ mcpServers: { jobs: server.entry() } });
  await using stranger = await startGateway(
    { mcpServers: { jobs: server.entry() } },
    { token: 'another-token' },
  );
  await using restarted = await startGateway({ mcpServers: { jobs: server.entry() } });
  const { taskId } = (await ask(gateway, 'tools/call', { name: 'jobs__start' })).result as { taskId: string };
  const changed = `${taskId.slice(0, 50)}${taskId[50] === 'A' ? 'B' : 'A'}${taskId.slice(51)}`;
  for (const [where, id] of [
    [gateway, 'task-1'],
    [gateway, changed],
    [gateway, ''],
    [stranger, taskId],
  ] as const) {
    expect(await ask(where, 'tasks/get', { taskId: id })).toMatchObject({ error: { code: -32602 } });
  }
  expect(server.asked).toEqual([]);
  expect((await ask(restarted, 'tasks/get', { taskId })).result.status).toBe('working');
});

test('a server is told with each question about a task what its caller can be asked', async () => {
  await using server = await tasksServer();
  await using gateway = await startGateway({ mcpServers: { jobs: server.entry() } });
  const can = { ...KNOWS, elicitation: { form: {} } };
  const { taskId } = (await ask(gateway, 'tools/call', { name: 'jobs__ask' }, can)).result;
  await ask(gateway, 'tasks/get', { taskId }, can);
  const inputResponses = { name: { action: 'accept', content: { name: 'Ada' } } };
  await ask(gateway, 'tasks/update', { taskId, inputResponses }, can);
  expect(server.declared).toEqual([{ elicitation: { form: {} } }, { elicitation: { form: {} } }]);
});

test('where no server has tasks, they are not known here', async () => {
  await using server = await plainServer({ era: 'modern' });
  await using gateway = await startGateway({ mcpServers: { server: server.entry() } });
  expect((await ask(gateway, 'server/discover', {})).result.capabilities).not.toHaveProperty('extensions');
  expect(await ask(gateway, 'tasks/get', { taskId: 'x' })).toMatchObject({ error: { code: -32601 } });
});

test('a server that makes a task unasked has given no answer', async () => {
  const result = { resultType: 'task', taskId: 'x', status: 'working' };
  await using server = await plainServer({
    era: 'modern',
    answers: { 'tools/call echo': (given) => given.result(result) },
  });
  await using gateway = await startGateway({ mcpServers: { server: server.entry() } });
  const reply = await ask(gateway, 'tools/call', { name: 'server__echo' });
  expect(reply.result).toMatchObject({
    isError: true,
    _meta: { 'mcp-switchboard/failure': { reason: 'bad_answer' } },
  });
});

test('who listens for a task hears of its states, under the id it gave', async () => {
  await using server = await tasksServer();
  await using gateway = await startGateway({ mcpServers: { jobs: server.entry() } });
  const ids = [];
  for (let i = 0; i < 2; i++) {
    ids.push((await ask(gateway, 'tools/call', { name: 'jobs__start' })).result.taskId);
  }
  const [taskId] = ids;
  const notifications = { taskIds: [taskId, 'not-one', 7] };
  const stream = await gateway.open(...request('subscriptions/listen', { notifications }));
  const acknowledged = await stream.next();
  expect(acknowledged?.params.notifications).toEqual({ taskIds: [taskId] });
  await expect.poll(server.listened).toEqual(['task-1']);
  server.change('task-2', { status: 'failed', error: { code: -32603, message: 'no' } });
  server.change('task-1', { status: 'completed', result: { content: [] } });
  const { method, params } = (await stream.next()) as { method: string; params: Record<string, unknown> };
  expect(method).toBe('notifications/tasks');
  expect(params).toMatchObject({ taskId, status: 'completed', result: { content: [] } });
  expect(params._meta).toEqual({ 'io.modelcontextprotocol/subscriptionId': 1 });
  stream.cut();
  await expect.poll(server.listened).toEqual([]);
});

const CACHE = { resultType: 'complete', ttlMs: 60_000, cacheScope: 'private' };
const WORKING = { resultType: 'task', taskId: 't', status: 'working', ttlMs: 60_000 };

/** A modern server whose one tool begins a task. */
function startsTasks(capabilities: object, answers: Readonly<Record<string, Answer>>) {
  const offered = { ...capabilities, extensions: { [TASKS]: {} } };
  return plainServer({
    era: 'modern',
    tools: [{ name: 'start', inputSchema: { type: 'object' } }],
    answers: {
      'server/discover': ({ result }) =>
        result({ supportedVersions: ['2026-07-28'], capabilities: offered, ...CACHE }),
      'tools/call start': ({ result }) => result(WORKING),
      ...answers,
    },
  });
}

test('who listens is promised no task that its server does not tell of, and asks for its state, however that is marked [R84]', async () => {
  await using jobs = await startsTasks(
    { tools: { listChanged: true } },
    {
      'tasks/get': ({ result }) => result(WORKING),
      async 'subscriptions/listen'(given) {
        const { id, params } = given.message;
        const { notifications } = params;
        if (notifications.taskIds !== undefined) return given.error(-32602, 'Of no task');
        const method = 'notifications/subscriptions/acknowledged';
        const _meta = { 'io.modelcontextprotocol/subscriptionId': id };
        given.stream().send({ method, params: { _meta, notifications } });
        await new Promise((resolve) => given.res.on('close', resolve));
      },
    },
  );
  await using gateway = await startGateway({ mcpServers: { jobs: jobs.entry() } });
  const { taskId } = (await ask(gateway, 'tools/call', { name: 'jobs__start' })).result;
  const notifications = { toolsListChanged: true, taskIds: [taskId] };
  const stream = await gateway.open(...request('subscriptions/listen', { notifications }));
  expect((await stream.next())?.params.notifications).toEqual({ toolsListChanged: true });
  stream.cut();
  const { result } = await ask(gateway, 'tasks/get', { taskId });
  expect(result).toMatchObject({ resultType: 'complete', taskId, status: 'working' });
});

test('a state nested deeper than any stack costs its listeners nothing but itself, however early it comes', async () => {
  const streams: { id: unknown; stream: EventStream; res: ServerResponse }[] = [];
  let release = () => {};
  let held = Promise.resolve();
  const subscription = 'io.modelcontextprotocol/subscriptionId';
  await using jobs = await startsTasks(
    { tools: {}, resources: { subscribe: true } },
    {
      'resources/list': ({ result }) => result({ resources: [{ uri: 'test://a', name: 'a' }], ...CACHE }),
      'resources/templates/list': ({ result }) => result({ resourceTemplates: [], ...CACHE }),
      'subscriptions/listen': async (given) => {
        const { id, params } = given.message;
        const stream = given.stream();
        await held;
        const { notifications } = params;
        const method = 'notifications/subscriptions/acknowledged';
        stream.send({ method, params: { _meta: { [subscription]: id }, notifications } });
        streams.push({ id, stream, res: given.res });
        await new Promise((resolve) => given.res.on('close', resolve));
      },
    },
  );
  await using gateway = await startGateway({ mcpServers: { jobs: jobs.entry() } });
  const { taskId } = (await ask(gateway, 'tools/call', { name: 'jobs__start' })).result;
  const listen = async (notifications: object) =>
    gateway.open(...request('subscriptions/listen', { notifications }));
  const first = await listen({ taskIds: [taskId] });
  expect((await first.next())?.params.notifications).toEqual({ taskIds: [taskId] });
  held = new Promise((resolve) => {
    release = resolve;
  });
  // It is not told yet what it will hear of: its server has not said.
  const second = await listen({ taskIds: [taskId], resourceSubscriptions: ['test://a'] });
  const listens = () => requestsOf(jobs, 'subscriptions/listen');
  await expect.poll(() => listens().length).toBe(2);
  const { id, stream, res } = streams[0] as (typeof streams)[0];
  const head = `"method":"notifications/tasks","params":{"_meta":{"${subscription}":${JSON.stringify(id)}},"taskId":"t"`;
  const deep = '['.repeat(20_000) + ']'.repeat(20_000);
  res.write(`event: message\ndata: {"jsonrpc":"2.0",${head},"status":"working","deep":${deep}}}\n\n`);
  const params = { _meta: { [subscription]: id }, taskId: 't', status: 'completed' };
  stream.send({ method: 'notifications/tasks', params });
  expect((await first.next())?.params.status).toBe('completed');
  release();
  expect((await second.next())?.method).toBe('notifications/subscriptions/acknowledged');
  expect((await second.next())?.params).toMatchObject({ taskId, status: 'completed' });
  first.cut();
  second.cut();
});
