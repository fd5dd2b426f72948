import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { legacyChanging, modernChanging } from '../support/downstreams/changing.ts';
import { expiringServer } from '../support/downstreams/expiring.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { COUNTER, wholeServer } from '../support/downstreams/whole.ts';
import { eventually } from '../support/eventually.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { legacyRequest, type Message, modernRequest } from '../support/messages.ts';
import { open } from '../support/wire-client.ts';

const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';
const tool = (name: string) => ({ name, inputSchema: { type: 'object' } });

const listen = (gateway: RunningGateway, notifications: object, id: string | number) =>
  gateway.open(...modernRequest('subscriptions/listen', { notifications }, id));

/** Everything that comes, as it comes. */
function heardOn(stream: { next(): Promise<Message | undefined> }): Message[] {
  const heard: Message[] = [];
  void (async () => {
    for (let message = await stream.next(); message !== undefined; message = await stream.next()) {
      heard.push(message);
    }
  })().catch(() => {});
  return heard;
}

async function session(gateway: RunningGateway) {
  const { headers } = await gateway.post(...legacyRequest('initialize', { capabilities: {} }));
  const own = {
    authorization: `Bearer ${gateway.token}`,
    accept: 'text/event-stream',
    'mcp-session-id': String(headers['mcp-session-id']),
  };
  return { own, get: () => open(gateway.url, { method: 'GET', headers: own }) };
}

test('who listens hears first what it will hear of, whatever changes meanwhile, and its own id with all of it [R80]', async () => {
  await using crm = await modernChanging();
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const storm = setInterval(() => void crm.change('test://counter'), 1);
  try {
    const ids = Array.from({ length: 10 }, (_none, index) => (index % 2 === 0 ? index : `id-${index}`));
    const streams = await Promise.all(
      ids.map(async (id) =>
        heardOn(await listen(gateway, { resourceSubscriptions: ['test://counter'] }, id)),
      ),
    );
    await eventually(() => streams.every((heard) => heard.length > 3)).toBe(true);
    for (const [index, heard] of streams.entries()) {
      const [first, ...others] = heard;
      expect(first?.method).toBe('notifications/subscriptions/acknowledged');
      expect(new Set(others.map(({ method }) => method))).toEqual(
        new Set(['notifications/resources/updated']),
      );
      expect(new Set(heard.map(({ params }) => params._meta[SUBSCRIPTION]))).toEqual(new Set([ids[index]]));
    }
  } finally {
    clearInterval(storm);
  }
});

test('what is logged and told of progress is on the stream of its own call, and on no stream of changes [R35] [R164] [R173]', async () => {
  for (const era of ['legacy', 'modern'] as const) {
    await using crm = await wholeServer(era);
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const { capabilities } = (await gateway.post(...modernRequest('server/discover'))).json.result;
    expect(capabilities.logging).toEqual({});
    const everything = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };
    const changes = heardOn(await listen(gateway, { ...everything, resourceSubscriptions: [COUNTER] }, 'l'));
    const { get } = await session(gateway);
    const old = heardOn(await get());
    const call = async (name: string) => {
      const _meta = { progressToken: name, 'io.modelcontextprotocol/logLevel': 'debug' };
      const { messages } = await gateway.post(
        ...modernRequest('tools/call', { name: `crm__${name}`, arguments: {}, _meta }),
      );
      return messages.slice(0, -1).map(({ method, params }) => [method, params.progressToken]);
    };
    // Two at once: nothing of one is on the stream of the other.
    const [steps, logs] = await Promise.all([call('steps'), call('logs')]);
    expect(steps).toEqual(Array(3).fill(['notifications/progress', 'steps']));
    expect(new Set(logs?.map(([method]) => method))).toEqual(new Set(['notifications/message']));
    await call('grow');
    await eventually(() => changes.length).toBeGreaterThan(1);
    await eventually(() => old.length).toBeGreaterThan(0);
    for (const { method } of [...changes, ...old]) expect(method).not.toMatch(/progress|message/);
  }
});

describe('a session of the legacy era', () => {
  test('hears of a change once, on the one stream that it has, and an answer only where it asked [R153] [R165]', async () => {
    await using crm = await expiringServer([tool('a')]);
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const { get, own } = await session(gateway);
    const first = await get();
    const ended = first.next();
    const second = await get();
    // In place of the first, which has ended.
    expect(await ended).toBeUndefined();
    const heard = heardOn(second);
    const [body] = legacyRequest('tools/call', { name: 'crm__a', arguments: {} }, { id: 'mine' });
    const answer = await gateway.post(body, own);
    expect(answer.messages.map(({ id }) => id)).toEqual(['mine']);
    crm.tools = [tool('a'), tool('b')];
    await eventually(() => heard.length).toBe(1);
    await sleep(300);
    expect(heard).toEqual([{ jsonrpc: '2.0', method: 'notifications/tools/list_changed' }]);
  });

  test('keeps its stream when it asks for one in a form that it cannot have', async () => {
    await using crm = await expiringServer([tool('a')]);
    // No more than the one: who asks anew still gets it in place of the first.
    const limits = { maxListeners: 1 };
    await using gateway = await startGateway({ limits, mcpServers: { crm: crm.entry() } });
    const { get, own } = await session(gateway);
    const first = await get();
    const refused = { method: 'GET', headers: { ...own, accept: 'application/json' } } as const;
    expect((await gateway.send('/mcp', refused)).status).toBe(406);
    const heard = first.next();
    crm.tools = [tool('a'), tool('b')];
    expect(await heard).toEqual({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
    const second = await get();
    expect([second.status, await first.next()]).toEqual([200, undefined]);
    second.cut();
    await eventually(() => gateway.gateway.waiting().listeners).toBe(0);
  });
});

test('two callers that watch are each told once, and who does not watch is told nothing [R85]', async () => {
  await using crm = await legacyChanging();
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const watching = { resourceSubscriptions: ['test://counter'] };
  const [one, two, other] = await Promise.all(
    [watching, watching, { toolsListChanged: true }].map(async (filter, index) =>
      heardOn(await listen(gateway, filter, index)),
    ),
  );
  await eventually(() => [one, two, other].map((heard) => heard?.length)).toEqual([1, 1, 1]);
  await crm.change('test://counter');
  await eventually(() => [one, two].map((heard) => heard?.length)).toEqual([2, 2]);
  await sleep(300);
  expect([one, two, other].map((heard) => heard?.length)).toEqual([2, 2, 1]);
});

/** A busy machine takes long to start a process. */
const slow = { timeout: 30_000 };

test('a process that is started again is listened to again [R83]', { timeout: 60_000 }, async () => {
  await using files = stdioServer('whole');
  await using gateway = await startGateway({
    mcpServers: { crm: files.entry({ env: { ERA: 'modern' } }) },
  });
  const listens = () =>
    files.events.filter(
      (event) => event.event === 'received' && event.message.method === 'subscriptions/listen',
    ).length;
  await expect.poll(listens, slow).toBe(1);
  const started = files.events.flatMap((event) => (event.event === 'started' ? [event.pid] : []));
  process.kill(started.at(-1) as number, 'SIGKILL');
  await expect.poll(listens, slow).toBe(2);
  // And what it announces then is heard.
  const names = async () =>
    (await gateway.post(...modernRequest('tools/list'))).json.result.tools.map(
      (t: { name: string }) => t.name,
    );
  await expect.poll(() => gateway.gateway.status().downstreams.crm?.state, slow).toBe('ready');
  await gateway.post(...modernRequest('tools/call', { name: 'crm__grow', arguments: {} }));
  await eventually(names).toContain('crm__tool-1');
});
