import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { isAlive } from '../support/child.ts';
import { requestsOf } from '../support/downstreams/downstream.ts';
import type { Answer, Exchange } from '../support/downstreams/exchange.ts';
import { legacyServer } from '../support/downstreams/legacy.ts';
import { modernServer } from '../support/downstreams/modern.ts';
import { cursorLoop, endlessPages, oddCursor, pages } from '../support/downstreams/pages.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { acceptsWithoutAnswer, answersStatus, answersWrongId } from '../support/downstreams/wire.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { listenOnLoopback, sendJson } from '../support/http-server.ts';
import { isModern, modernRequest } from '../support/messages.ts';
import { refusingPort } from '../support/refusing-port.ts';
import { send } from '../support/wire-client.ts';

async function names(gateway: RunningGateway): Promise<string[]> {
  const reply = await gateway.post(...modernRequest('tools/list'));
  return reply.json.result.tools.map((tool: { name: string }) => tool.name);
}

async function echo(gateway: RunningGateway, name: string, text = 'hello'): Promise<string> {
  const reply = await gateway.post(...modernRequest('tools/call', { name, arguments: { text } }));
  return reply.messages.at(-1)?.result.content[0].text;
}

/** One address for servers that take each other's place behind it. */
function frontOf(target: () => string) {
  return listenOnLoopback(async ({ headers, body, method }, _req, res) => {
    const {
      host: _host,
      connection: _connection,
      'content-length': _length,
      'transfer-encoding': _te,
      ...rest
    } = headers;
    const answer = await send(target(), {
      method: method as 'POST',
      headers: rest as Record<string, string>,
      body,
    });
    const {
      'content-length': _l,
      'transfer-encoding': _t,
      connection: _c,
      ...answerHeaders
    } = answer.headers;
    res.writeHead(answer.status, answerHeaders).end(answer.text);
  });
}

test('one downstream that refuses connections takes nothing from the others', async () => {
  await using alive = await modernServer();
  await using dead = await refusingPort();
  await using gateway = await startGateway({
    mcpServers: { dead: { url: `http://127.0.0.1:${dead.port}/mcp` }, alive: alive.entry() },
  });
  expect(await names(gateway)).toContain('alive__echo');
  expect(await echo(gateway, 'alive__echo')).toBe('hello');
  expect(gateway.gateway.status().downstreams.dead).toMatchObject({
    state: 'down',
    why: 'connection refused',
  });
});

test('one downstream that accepts connections and says nothing delays a cold start by 3 s and no more', async () => {
  await using alive = await modernServer();
  const silent = createServer((socket) => void socket.resume()).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as { port: number };
  await using gateway = await startGateway(
    {
      mcpServers: {
        silent: { url: `http://127.0.0.1:${port}/mcp`, connectTimeoutMs: 60_000 },
        alive: alive.entry(),
      },
    },
    { settle: false },
  );
  const startedAt = performance.now();
  expect(await names(gateway)).toContain('alive__echo');
  // The silent one would take its minute.
  expect(performance.now() - startedAt).toBeLessThan(20_000);
  // What is known to be short is stale at once.
  const reply = await gateway.post(...modernRequest('tools/list'));
  expect(reply.json.result.ttlMs).toBe(0);
  silent.close();
});

test.for([
  ['202', { 'server/discover': acceptsWithoutAnswer, initialize: acceptsWithoutAnswer }],
  ['an answer to something else', { initialize: answersWrongId() }],
] as const)(
  'a downstream that answers its handshake with %s holds up neither a reload nor a stop',
  async ([, answers]) => {
    await using odd = await plainServer({ era: 'legacy', answers });
    await using alive = await modernServer();
    const mcpServers = {
      crm: odd.entry({ connectTimeoutMs: 60_000 }),
      odd: odd.entry({ connectTimeoutMs: 60_000 }),
    };
    await using gateway = await startGateway({ mcpServers }, { settle: false });
    const begun = () => requestsOf(odd, Object.keys(answers)[0] as string).length;
    await expect.poll(begun).toBe(2);
    const changedAt = performance.now();
    await gateway.reload({ mcpServers: { ...mcpServers, crm: alive.entry() } });
    await expect.poll(() => gateway.gateway.status().downstreams.crm?.state).toBe('ready');
    await gateway.gateway.close();
    expect(performance.now() - changedAt).toBeLessThan(30_000);
  },
);

test('a downstream that comes up later is found, and its tools are listed', async () => {
  await using late = await modernServer();
  let isUp = false;
  const door = createServer((socket) => {
    socket.on('error', () => {});
    if (!isUp) return void socket.resetAndDestroy();
    const onward = connect(Number(new URL(late.url).port), '127.0.0.1').on('error', () => {});
    socket.pipe(onward).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(door, 'listening');
  const { port } = door.address() as { port: number };
  await using gateway = await startGateway({ mcpServers: { late: { url: `http://127.0.0.1:${port}/mcp` } } });
  expect(await names(gateway)).toEqual([]);
  isUp = true;
  await expect.poll(() => names(gateway)).toContain('late__echo');
  door.close();
});

test('a downstream that forgot its session gets a new one, and the call goes through [R49]', async () => {
  for (const start of [
    () => legacyServer({ sessions: true, json: true }),
    () => plainServer({ era: 'legacy', sessions: true }),
  ]) {
    await using downstream = await start();
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
    expect(await echo(gateway, 'crm__echo')).toBe('hello');
    await downstream.forgetSessions();
    expect(await echo(gateway, 'crm__echo')).toBe('hello');
    expect(downstream.calls.filter(({ tool }) => tool === 'echo')).toHaveLength(2);
  }
});

test('a downstream that restarts while nobody calls it is listed anew, and told what is watched [R49]', async () => {
  const streams = new Set<ServerResponse>();
  const subscribed: unknown[] = [];
  let name = 'old';
  await using downstream = await plainServer({
    era: 'legacy',
    sessions: true,
    capabilities: { tools: { listChanged: true }, resources: { subscribe: true } },
    answers: {
      'tools/list': ({ result }) => result({ tools: [{ name, inputSchema: { type: 'object' } }] }),
      'resources/list': ({ result }) =>
        result({ resources: ['test://a', 'test://b'].map((uri) => ({ uri, name: uri })) }),
      'resources/subscribe'({ message, result }) {
        subscribed.push(`${name} ${message.params.uri}`);
        result({});
      },
    },
    gets(_req, res) {
      streams.add(res.writeHead(200, { 'content-type': 'text/event-stream' }));
      res.flushHeaders();
    },
  });
  const restart = (as: string) => {
    name = as;
    downstream.forgetSessions();
  };
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  await expect.poll(() => streams.size).toBe(1);
  const caller = await gateway.connect({ era: 'legacy' });
  await caller.subscribeResource({ uri: 'test://a' });
  restart('new');
  for (const stream of streams) stream.destroy();
  await expect.poll(() => names(gateway)).toEqual(['crm__new']);
  await expect.poll(() => subscribed).toEqual(['old test://a', 'new test://a']);

  // A list that was read a moment ago is not read again.
  await sleep(1100);
  restart('newer');
  await caller.subscribeResource({ uri: 'test://b' });
  await expect.poll(() => names(gateway)).toEqual(['crm__newer']);
  await expect.poll(() => subscribed.slice(2).sort()).toEqual(['newer test://a', 'newer test://b']);
});

test('a downstream that says 404 to what it does not know keeps its connection, and grants nothing', async () => {
  await using downstream = await plainServer({
    era: 'legacy',
    sessions: true,
    capabilities: { tools: {}, resources: { subscribe: true } },
    answers: {
      'resources/list': ({ result }) => result({ resources: [{ uri: 'test://a', name: 'a' }] }),
      'resources/subscribe': answersStatus(404),
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  const caller = await gateway.connect({ era: 'legacy' });
  await sleep(1100);
  await expect(caller.subscribeResource({ uri: 'test://a' })).rejects.toMatchObject({ code: -32602 });
  expect(downstream.sessions.size).toBe(1);
});

test('a hundred calls that find their session gone open one new session together', async () => {
  await using downstream = await plainServer({ era: 'legacy', sessions: true, json: true });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  downstream.forgetSessions();
  const texts = Array.from({ length: 100 }, (_, i) => `call ${i}`);
  expect(await Promise.all(texts.map((text) => echo(gateway, 'crm__echo', text)))).toEqual(texts);
  expect(requestsOf(downstream, 'initialize')).toHaveLength(2);
  expect(downstream.calls).toHaveLength(100);
});

test.each([
  ['legacy', 'modern'],
  ['modern', 'legacy'],
] as const)(
  'a %s downstream that was replaced by a %s one is asked again what it speaks [R69]',
  async (before, after) => {
    await using first = await plainServer({ era: before, sessions: before === 'legacy' });
    await using second = await plainServer({ era: after, sessions: after === 'legacy' });
    let target = first.url;
    await using front = await frontOf(() => target);
    await using gateway = await startGateway({ mcpServers: { crm: { url: `${front.origin}/mcp` } } });
    const era = () => gateway.gateway.status().downstreams.crm?.era;
    expect(era()).toBe(before);
    expect(await echo(gateway, 'crm__echo')).toBe('hello');
    target = second.url;
    first.forgetSessions();
    await echo(gateway, 'crm__echo');
    await expect.poll(era).toBe(after);
    expect(await echo(gateway, 'crm__echo')).toBe('hello');
  },
);

test.each([
  ['the headers that it wants are not there', -32020],
  ['there is no _meta', -32602],
  ['there is no _meta, without an id', -32602, null],
])(
  'a legacy downstream that was replaced by a modern one that says only that %s is asked again what it speaks [R47] [R69]',
  async (_what, code, id?: null) => {
    const insists: Answer = ({ message, res, usual }) =>
      isModern(message)
        ? usual()
        : sendJson(res, 400, {
            ...{ jsonrpc: '2.0', id: id === null ? id : message.id },
            error: { code, message: 'Not like this' },
          });
    await using first = await plainServer({ era: 'legacy' });
    await using second = await plainServer({
      era: 'modern',
      answers: { 'tools/call': insists, 'tools/list': insists, ping: insists, initialize: insists },
    });
    let target = first.url;
    await using front = await frontOf(() => target);
    await using gateway = await startGateway({ mcpServers: { crm: { url: `${front.origin}/mcp` } } });
    expect(await echo(gateway, 'crm__echo')).toBe('hello');
    target = second.url;
    await gateway.post(...modernRequest('tools/call', { name: 'crm__echo', arguments: { text: 'lost' } }));
    await expect.poll(() => gateway.gateway.status().downstreams.crm?.era).toBe('modern');
    expect(await echo(gateway, 'crm__echo')).toBe('hello');
  },
);

test.each([
  ['legacy', {}],
  ['legacy', { ping: answersStatus(500) }],
  ['legacy', { ping: ({ error }: Exchange) => error(-32601, 'No such method', { status: 404 }) }],
  ['modern', {}],
] as const)(
  'a %s downstream that says of arguments with a 400 that they are wrong keeps its connection',
  async (era, answers) => {
    await using downstream = await plainServer({
      era,
      answers: {
        ...answers,
        'tools/call echo': ({ error }) => error(-32602, 'Not like this', { status: 400 }),
      },
    });
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
    for (let i = 0; i < 3; i++) {
      const call = { name: 'crm__echo', arguments: { text: `${i}` } };
      const { messages } = await gateway.post(...modernRequest('tools/call', call));
      expect(messages.at(-1)?.error).toEqual({ code: -32602, message: 'Not like this' });
    }
    expect(gateway.logs.filter((line) => line.includes('"downstream_ready"'))).toHaveLength(1);
  },
);

test('what a legacy server means by a code that 2026-07-28 keeps to itself is heard, and its call not run again', async () => {
  await using downstream = await plainServer({
    era: 'legacy',
    sessions: true,
    answers: { 'tools/call echo': ({ error }) => error(-32020, 'No more today', { status: 400 }) },
  });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  const call = modernRequest('tools/call', { name: 'crm__echo', arguments: { text: 'hello' } });
  expect((await gateway.post(...call)).messages.at(-1)?.error).toMatchObject({ message: 'No more today' });
  const called = requestsOf(downstream, 'tools/call');
  expect(called).toHaveLength(1);
});

test('a modern server that says nothing of the kind of its results stays connected while its tools fail [R6]', async () => {
  const discovered = { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } };
  await using downstream = await plainServer({
    era: 'modern',
    answers: {
      'server/discover': ({ result }) => result({ ...discovered, ttlMs: 0, cacheScope: 'private' }),
      'tools/call echo': answersStatus(500),
    },
  });
  await using gateway = await startGateway({
    ...{ mcpServers: { crm: downstream.entry() }, limits: { breakerFailures: 0 } },
  });
  const discoveries = () => requestsOf(downstream, 'server/discover').length;
  const before = discoveries();
  for (let i = 0; i < 3; i++) {
    await gateway.post(...modernRequest('tools/call', { name: 'crm__echo', arguments: { text: `${i}` } }));
    await expect.poll(discoveries).toBeGreaterThan(before + i);
  }
  expect(gateway.gateway.status().downstreams.crm?.state).toBe('ready');
  expect(gateway.logs.filter((line) => line.includes('"downstream_ready"'))).toHaveLength(1);
});

describe('the tool list of a downstream', () => {
  test('is read to its last page and given in one', async () => {
    await using downstream = await plainServer({ era: 'modern', page: pages(12) });
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
    expect(await names(gateway)).toHaveLength(12);
  });

  test.each([
    ['never ends', endlessPages(), 64],
    ['goes round in a circle', cursorLoop(), 2],
  ])('that %s is cut, with a warning', async (_what, page, tools) => {
    await using downstream = await plainServer({ era: 'modern', page });
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
    expect(await names(gateway)).toHaveLength(tools);
    expect(gateway.gateway.status().downstreams.crm?.warnings).toEqual([
      expect.stringContaining('does not end'),
    ]);
  });

  test.each([
    ['the empty string', '', 2, 0],
    ['null', null, 1, 0],
    ['a number', 7, 1, 1],
  ] as const)('whose next cursor is %s keeps its tools [R112]', async (_what, cursor, tools, warnings) => {
    await using downstream = await plainServer({ era: 'legacy', page: oddCursor(cursor) });
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
    expect(await names(gateway)).toHaveLength(tools);
    expect(gateway.gateway.status().downstreams.crm?.warnings).toHaveLength(warnings);
  });
});

describe('a stdio downstream', () => {
  test('that dies during a call fails that call at once, and is started again [R63]', async () => {
    await using downstream = stdioServer('dies');
    await using gateway = await startGateway({ mcpServers: { fragile: downstream.entry() } });
    const died = await gateway.post(...modernRequest('tools/call', { name: 'fragile__die', arguments: {} }));
    expect(died.json.result).toMatchObject({
      isError: true,
      content: [
        {
          text: '"fragile" closed the connection before answering. The call may have run: check before repeating it.',
        },
      ],
    });
    await expect.poll(() => echo(gateway, 'fragile__echo')).toBe('hello');
  });

  test('that exits on everything before initialize is served all the same', async () => {
    await using downstream = stdioServer('exits-on-probe');
    await using gateway = await startGateway({ mcpServers: { rust: downstream.entry() } });
    expect(await echo(gateway, 'rust__echo')).toBe('hello');
  });

  test('that prints noise to stdout and stderr is served all the same [R60]', async () => {
    await using downstream = stdioServer('noisy');
    await using gateway = await startGateway({ mcpServers: { noisy: downstream.entry() } });
    expect(await echo(gateway, 'noisy__echo')).toBe('hello');
  });

  test.each(['grandchild', 'stubborn'] as const)(
    'of the kind "%s" leaves no process behind [R62]',
    async (flavour) => {
      await using downstream = stdioServer(flavour);
      {
        await using gateway = await startGateway({ mcpServers: { child: downstream.entry() } });
        expect(await echo(gateway, 'child__echo')).toBe('hello');
        expect(downstream.pids.some(isAlive)).toBe(true);
      }
      await expect.poll(() => downstream.pids.filter(isAlive)).toEqual([]);
    },
  );

  test('whose command does not exist is down with that reason', async () => {
    await using gateway = await startGateway({
      mcpServers: { gone: { command: 'no-such-command-anywhere' } },
    });
    expect(gateway.gateway.status().downstreams.gone).toMatchObject({
      state: 'down',
      why: 'command not found',
    });
  });

  test("sees none of the gateway's environment but what its entry gives it [R145]", async () => {
    process.env.CANARY_OF_ANOTHER_SERVER = 'canary-value';
    try {
      await using downstream = stdioServer('v1');
      await using gateway = await startGateway({
        mcpServers: { child: downstream.entry({ env: { MINE: 'mine' } }) },
      });
      await echo(gateway, 'child__echo');
      const started = downstream.events.find((event) => 'env' in event) as
        | { env?: Record<string, string> }
        | undefined;
      expect(started?.env).toMatchObject({ MINE: 'mine' });
      expect(started?.env).not.toHaveProperty('CANARY_OF_ANOTHER_SERVER');
    } finally {
      delete process.env.CANARY_OF_ANOTHER_SERVER;
    }
  });
});
