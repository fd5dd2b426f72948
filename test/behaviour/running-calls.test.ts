import { describe, expect, test } from 'vitest';
import { deferred } from '../../src/promises.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { legacyServer } from '../support/downstreams/legacy.ts';
import { modernServer } from '../support/downstreams/modern.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { progressThenResult, textResult } from '../support/downstreams/wire.ts';
import { startGateway } from '../support/gateway.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';

const SLOW = { name: 'crm__slow', arguments: { ms: 60_000 } };

const DOWNSTREAMS = [
  ['modern', () => modernServer()],
  ['legacy', () => legacyServer({ sessions: true, json: false })],
  ['modern, by hand', () => plainServer({ era: 'modern' })],
  ['legacy, by hand', () => plainServer({ era: 'legacy' })],
] as const;

describe.each(DOWNSTREAMS)('with a %s downstream', (_what, start) => {
  test('a modern call whose caller closes its stream is cancelled downstream [R39]', async () => {
    await using downstream = await start();
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
    const abort = new AbortController();
    const client = await gateway.connect({ era: 'modern' });
    const call = client.callTool(SLOW, { signal: abort.signal });
    await expect.poll(() => downstream.calls.length).toBe(1);
    abort.abort();
    await expect(call).rejects.toThrow();
    await expect.poll(() => downstream.calls[0]?.outcome).toBe('cancelled');
  });

  test.each(['legacy', 'v1'] as const)(
    'a %s call that its caller cancels is cancelled downstream',
    async (era) => {
      await using downstream = await start();
      await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
      const client = await (era === 'v1' ? gateway.connect({ era }) : gateway.connect({ era }));
      const abort = new AbortController();
      const call =
        era === 'v1'
          ? (client as { callTool: (...args: unknown[]) => Promise<unknown> }).callTool(SLOW, undefined, {
              signal: abort.signal,
            })
          : (client as { callTool: (...args: unknown[]) => Promise<unknown> }).callTool(SLOW, {
              signal: abort.signal,
            });
      await expect.poll(() => downstream.calls.length).toBe(1);
      abort.abort();
      await expect(call).rejects.toThrow();
      await expect.poll(() => downstream.calls[0]?.outcome).toBe('cancelled');
    },
  );

  test('a legacy call whose caller loses its connection runs on [R147]', async () => {
    await using downstream = await start();
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
    const cut = new AbortController();
    const [body, headers] = legacyRequest('tools/call', { name: 'crm__slow', arguments: { ms: 300 } });
    const call = gateway.send('/mcp', {
      body,
      headers: { ...headers, 'content-type': 'application/json', authorization: `Bearer ${gateway.token}` },
      signal: cut.signal,
    });
    await expect.poll(() => downstream.calls.length).toBe(1);
    cut.abort();
    await expect(call).rejects.toThrow();
    await expect.poll(() => downstream.calls[0]?.outcome).toBe('answered');
  });

  test.each(['modern', 'legacy', 'v1'] as const)(
    'progress reaches its %s caller, in order and before the result [R36] [R79]',
    async (era) => {
      await using downstream = await start();
      await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
      const request = era === 'modern' ? modernRequest : legacyRequest;
      const params = { name: 'crm__progress', arguments: { steps: 20 }, _meta: { progressToken: 'mine' } };
      const reply = await gateway.post(...request('tools/call', params));
      expect(reply.framing).toBe('sse');
      expect(
        reply.messages.map(({ method, params: p }) =>
          method === undefined ? 'result' : [p.progressToken, p.progress],
        ),
      ).toEqual([...Array.from({ length: 20 }, (_, step) => ['mine', step + 1]), 'result']);
      const seen: number[] = [];
      const onprogress = ({ progress }: { progress: number }) => void seen.push(progress);
      const call = { name: 'crm__progress', arguments: { steps: 5 } };
      if (era === 'v1') await (await gateway.connect({ era })).callTool(call, undefined, { onprogress });
      else await (await gateway.connect({ era })).callTool(call, { onprogress });
      await expect.poll(() => seen).toEqual([1, 2, 3, 4, 5]);
    },
  );
});

test('a server that leaves what accepts a cancellation open can be called all the same', async () => {
  await using crm = await plainServer({
    era: 'legacy',
    beforeAccepting({ method }, res) {
      if (method === 'notifications/cancelled') res.writeHead(202).write('Accepted');
    },
  });
  const mcpServers = { crm: crm.entry({ callTimeoutMs: 200, joinRepeats: false }) };
  await using gateway = await startGateway({ mcpServers, limits: { maxInFlight: 1, breakerFailures: 0 } });
  const call = async (tool: string, args: object) => {
    const { messages } = await gateway.post(
      ...modernRequest('tools/call', { name: `crm__${tool}`, arguments: args }),
    );
    return messages.at(-1)?.result.content[0].text;
  };
  // More than there are connections beside that of a call.
  for (let n = 0; n < 18; n++) await call('slow', { ms: 60_000 });
  await expect.poll(() => call('echo', { text: 'hello' })).toBe('hello');
});

test('a stdio downstream hears of cancellations and tells its progress too', async () => {
  await using downstream = stdioServer('v2');
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  const client = await gateway.connect({ era: 'modern' });
  const seen: number[] = [];
  await client.callTool(
    { name: 'crm__progress', arguments: { steps: 3 } },
    { onprogress: ({ progress }) => void seen.push(progress) },
  );
  expect(seen).toEqual([1, 2, 3]);
  const abort = new AbortController();
  const call = client.callTool(SLOW, { signal: abort.signal });
  await expect.poll(() => JSON.stringify(downstream.events)).toContain('"name":"slow"');
  abort.abort();
  await expect(call).rejects.toThrow();
  await expect
    .poll(() => downstream.events.findLast((event) => event.event === 'call ended'))
    .toMatchObject({ tool: 'slow', outcome: 'cancelled' });
});

test('progress that goes back, or that nobody asked for, does not reach the caller [R79]', async () => {
  await using downstream = await plainServer({
    era: 'modern',
    answers: {
      'tools/call echo': (given) => {
        const stream = given.stream();
        const token = given.message.params._meta.progressToken;
        for (const [progressToken, progress] of [
          [token, 1],
          ['foreign', 2],
          [token, 1],
          [token, 0],
          [token, 'x'],
          [token, 3],
        ]) {
          stream.send({ method: 'notifications/progress', params: { progressToken, progress } });
        }
        stream.send({ method: 'notifications/message', params: { level: 'info', data: 'x' } });
        stream.result({ resultType: 'complete', content: [] });
        stream.send({ method: 'notifications/progress', params: { progressToken: token, progress: 4 } });
      },
      'tools/call add': progressThenResult(3),
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  const asked = { name: 'crm__echo', arguments: {}, _meta: { progressToken: 0 } };
  const reply = await gateway.post(...modernRequest('tools/call', asked));
  expect(reply.messages.map(({ params }) => params?.progress)).toEqual([1, 3, undefined]);
  const silent = await gateway.post(...modernRequest('tools/call', { name: 'crm__add', arguments: {} }));
  expect([silent.framing, silent.messages.length]).toEqual(['json', 1]);
});

test('progress beyond all numbers does not reach the caller, nor hold up what follows', async () => {
  await using downstream = await plainServer({
    era: 'modern',
    answers: {
      'tools/call echo': ({ message, res, ...given }) => {
        const stream = given.stream();
        const token = message.params._meta.progressToken;
        for (const told of ['"progress":1e400', '"progress":5,"total":1e400', '"progress":6,"total":6']) {
          const params = `{"progressToken":${JSON.stringify(token)},${told}}`;
          res.write(`data: {"jsonrpc":"2.0","method":"notifications/progress","params":${params}}\n\n`);
        }
        stream.result({ resultType: 'complete', content: [] });
      },
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  const asked = { name: 'crm__echo', arguments: {}, _meta: { progressToken: 'p' } };
  const { messages } = await gateway.post(...modernRequest('tools/call', asked));
  expect(messages.map(({ params }) => params)).toEqual([
    { progressToken: 'p', progress: 5 },
    { progressToken: 'p', progress: 6, total: 6 },
    undefined,
  ]);
});

test('a caller that accepts JSON only gets its result without the progress', async () => {
  await using downstream = await modernServer();
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  const [body, headers] = legacyRequest('tools/call', {
    name: 'crm__progress',
    arguments: { steps: 3 },
    _meta: { progressToken: 1 },
  });
  const reply = await gateway.post(body, { ...headers, accept: 'application/json' });
  expect(reply.json.result.content).toEqual([{ type: 'text', text: '3 steps' }]);
});

describe('notifications/cancelled', () => {
  test("ends its sender's call and not another's that has the same id [R76] [R77]", async () => {
    const held = deferred<void>();
    const calls: AbortSignal[] = [];
    const slow: Answer = async ({ signal, result, message }) => {
      calls.push(signal);
      await held.promise;
      if (!signal.aborted) result(textResult('finished', message));
    };
    await using downstream = await plainServer({ era: 'modern', answers: { 'tools/call slow': slow } });
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
    const call = (session: string | undefined) =>
      gateway.post(legacyRequest('tools/call', { name: 'crm__slow', arguments: { ms: 0 } })[0], {
        'mcp-session-id': session,
      });
    const begin = async () =>
      (await gateway.post(...legacyRequest('initialize', {}))).headers['mcp-session-id'] as string;
    const [a, b, c] = [await begin(), await begin(), await begin()];
    const running = [call(a), call(b), call(undefined)];
    await expect.poll(() => calls.length).toBe(3);
    const cancelled = () => calls.filter(({ aborted }) => aborted).length;
    const cancel = (requestId: unknown, session?: string) =>
      gateway.post(
        { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } },
        { 'mcp-session-id': session },
      );
    // Of nobody's, of another type, unknown, malformed, and from one that nothing tells from others.
    for (const id of [99, '1', null, { x: 1 }, undefined]) expect((await cancel(id, a)).status).toBe(202);
    expect((await cancel(1)).status).toBe(202);
    expect((await cancel(1, c)).status).toBe(202);
    expect(cancelled()).toBe(0);
    expect((await cancel(1, a)).status).toBe(202);
    await expect.poll(cancelled).toBe(1);
    held.resolve();
    const [ended, ...finished] = await Promise.all(running);
    // Its stream is closed, without a response.
    expect([ended?.status, ended?.messages]).toEqual([200, []]);
    for (const reply of finished) expect(reply.messages.at(-1)?.result.content[0].text).toBe('finished');
  });

  test('ends a call that waits for the first lists: it is not run', async () => {
    const connecting = deferred<void>();
    const late: Answer = async (given) => {
      await connecting.promise;
      return given.usual();
    };
    await using crm = await plainServer({ era: 'modern' });
    await using slow = await plainServer({ era: 'modern', answers: { 'server/discover': late } });
    await using before = await startGateway({ mcpServers: { crm: crm.entry() } });
    // A session goes on after a restart.
    const { headers } = await before.post(...legacyRequest('initialize', {}));
    const session = { 'mcp-session-id': headers['mcp-session-id'] as string };
    const servers = { mcpServers: { crm: crm.entry(), slow: slow.entry() }, limits: { firstListMs: 60_000 } };
    await using gateway = await startGateway(servers, { settle: false });
    const call = gateway.post(
      legacyRequest('tools/call', { name: 'crm__echo', arguments: { text: 'x' } }, { id: 5 })[0],
      session,
    );
    await expect.poll(() => gateway.gateway.waiting().requests).toBe(1);
    await gateway.post(
      { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 5 } },
      session,
    );
    connecting.resolve();
    expect((await call).messages).toEqual([]);
    expect(crm.calls).toEqual([]);
  });
});
