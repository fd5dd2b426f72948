import type { ServerResponse } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type Answer, sseEvent } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { neverAnswers, textResult } from '../support/downstreams/wire.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { modernRequest } from '../support/messages.ts';

const MAY_HAVE_RUN = 'The call may have run: check before repeating it.';
const HASTY = { profile: 'hasty', profiles: { hasty: { callTimeoutMs: 1000 } } };

/** Reports progress every so often, that many times, on the stream of the call or another one; then goes on. */
function reporting(times: number, then: Answer, onAnother?: (event: string) => void): Answer {
  return async (given) => {
    const stream = given.stream();
    const { progressToken } = given.message.params._meta;
    for (let progress = 1; progress <= times && !given.signal.aborted; progress++) {
      const report = { method: 'notifications/progress', params: { progressToken, progress } };
      if (onAnother === undefined) stream.send(report);
      else onAnother(sseEvent({ jsonrpc: '2.0', ...report }));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    if (!given.signal.aborted) await then({ ...given, stream: () => stream });
  };
}

const answers: Answer = (given) => given.stream().result(textResult('done', given.message));

async function call(gateway: RunningGateway, name = 'crm__echo', progressToken?: string): Promise<string> {
  const _meta = progressToken === undefined ? {} : { progressToken };
  const reply = await gateway.post(...modernRequest('tools/call', { name, arguments: {}, _meta }));
  return reply.messages.at(-1)?.result.content[0].text;
}

describe('a call that reports progress', () => {
  test('goes on beyond the time of its profile where its caller hears of it, and no longer where it does not', async () => {
    const answer = reporting(20, answers);
    await using downstream = await plainServer({ era: 'modern', answers: { 'tools/call echo': answer } });
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() }, ...HASTY });
    expect(await call(gateway, 'crm__echo', 'mine')).toBe('done');
    expect(await call(gateway)).toBe(`"crm" did not answer crm__echo within 1000 ms. ${MAY_HAVE_RUN}`);
  });

  // Servers on SDK v1 whose handler sends it without `extra`, as in its examples of 2025.
  test('goes on as well where its server tells of it on the stream of the session', async () => {
    let notices: ServerResponse | undefined;
    await using downstream = await plainServer({
      era: 'legacy',
      sessions: true,
      gets(_req, res) {
        res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
        notices = res;
      },
      answers: { 'tools/call echo': reporting(20, answers, (event) => notices?.write(event)) },
    });
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() }, ...HASTY });
    expect(await call(gateway, 'crm__echo', 'mine')).toBe('done');
  });

  test('and then nothing more is given up, and cancelled downstream', async () => {
    const answer = reporting(3, neverAnswers);
    await using downstream = await plainServer({ era: 'modern', answers: { 'tools/call echo': answer } });
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() }, ...HASTY });
    expect(await call(gateway, 'crm__echo', 'mine')).toBe(
      `"crm" reported no progress of crm__echo for 1000 ms, and no answer. ${MAY_HAVE_RUN}`,
    );
    await expect.poll(() => downstream.cancellations.length).toBe(1);
  });

  test.each([
    ['callTimeoutMs of its server', { callTimeoutMs: 2000 }],
    [
      'callTimeoutMs of its tool',
      { callTimeoutMs: 100, tools: { overrides: { echo: { callTimeoutMs: 2000 } } } },
    ],
    ['maxCallMs', { callTimeoutMs: 1500, maxCallMs: 2000 }],
    ['a maxCallMs that is shorter than the rest', { callTimeoutMs: 3000, maxCallMs: 2000 }],
  ])('is not extended beyond %s', async (_what, entry) => {
    const answer = reporting(1000, answers);
    await using downstream = await plainServer({ era: 'modern', answers: { 'tools/call echo': answer } });
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry(entry) } });
    expect(await call(gateway, 'crm__echo', 'mine')).toBe(
      `"crm" did not answer crm__echo within 2000 ms. ${MAY_HAVE_RUN}`,
    );
    await expect.poll(() => downstream.cancellations.length).toBe(1);
  });
});

describe('a call that hangs is answered when its time is over, and told to stop:', () => {
  const opensStream: Answer = async (given) => {
    given.stream();
    await neverAnswers(given);
  };
  const beginsBody: Answer = async (given) => {
    given.res.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    given.res.write('{"jsonrpc":"2.0",');
    await neverAnswers(given);
  };
  const sendsHeaders: Answer = async (given) => {
    given.res.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    await neverAnswers(given);
  };

  test.each([
    ['no headers', neverAnswers],
    ['headers and no body', sendsHeaders],
    ['half a body', beginsBody],
    ['a silent stream', opensStream],
  ])('%s', async (_what, answer) => {
    for (const era of ['modern', 'legacy'] as const) {
      await using downstream = await plainServer({ era, answers: { 'tools/call echo': answer } });
      await using gateway = await startGateway({
        mcpServers: { crm: downstream.entry({ tools: { overrides: { echo: { callTimeoutMs: 1000 } } } }) },
      });
      expect(await call(gateway)).toBe(`"crm" did not answer crm__echo within 1000 ms. ${MAY_HAVE_RUN}`);
      const by = era === 'modern' ? 'closed stream' : 'notification';
      await expect.poll(() => downstream.cancellations.map((each) => each.by)).toEqual([by]);
    }
  });

  test('a silent process', async () => {
    await using downstream = stdioServer('v1');
    await using gateway = await startGateway({
      mcpServers: { crm: downstream.entry({ callTimeoutMs: 1000 }) },
    });
    const slow = { name: 'crm__slow', arguments: { ms: 60_000 } };
    const { result } = (await gateway.post(...modernRequest('tools/call', slow))).json;
    expect(result.content[0].text).toBe(`"crm" did not answer crm__slow within 1000 ms. ${MAY_HAVE_RUN}`);
    await expect
      .poll(() => downstream.events.findLast((event) => event.event === 'call ended'))
      .toMatchObject({
        outcome: 'cancelled',
      });
  });
});

test('a call that was refused for its session, and waits for a new one until its time is over, was not sent', async () => {
  let isHeld = false;
  await using crm = await plainServer({
    ...{ era: 'legacy', sessions: true, json: true },
    answers: { initialize: (given) => (isHeld ? neverAnswers(given) : given.usual()) },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() }, ...HASTY });
  isHeld = true;
  crm.forgetSessions();
  expect(await call(gateway)).toBe(
    '"crm" is not reachable right now (the connection was lost). Trying again may help.',
  );
});

test('a call of a caller that can be asked, whose connection is not there in time, hears that and not that others run', async () => {
  await using crm = await plainServer({
    ...{ era: 'legacy', sessions: true, json: true },
    answers: {
      initialize: (given) =>
        given.message.params.capabilities.elicitation === undefined ? given.usual() : neverAnswers(given),
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() }, ...HASTY });
  const client = await gateway.connect({ era: 'legacy', capabilities: { elicitation: {} } });
  const { content } = await client.callTool({ name: 'crm__echo', arguments: { text: 'hello' } });
  const text =
    '"crm" is not reachable right now (it could not be connected to in time). Trying again may help.';
  expect(content).toEqual([{ type: 'text', text }]);
});

test('a server that does not list within its listTimeoutMs is down, with that reason', async () => {
  await using downstream = await plainServer({ era: 'modern', answers: { 'tools/list': neverAnswers } });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry({ listTimeoutMs: 300 }) } });
  expect(gateway.gateway.status().downstreams.crm).toMatchObject({
    state: 'down',
    why: 'its tools cannot be listed: it sent no answer (tools/list timed out after 300 ms)',
  });
});

test('a server that does not answer within its connectTimeoutMs is down, over HTTP and on stdio', async () => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => void sockets.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as { port: number };
  // Its own timers would take 20 s and 60 s.
  const script = 'process.stdin.resume(); setTimeout(() => {}, 60_000)';
  await using gateway = await startGateway({
    mcpServers: {
      http: { url: `http://127.0.0.1:${port}/mcp`, connectTimeoutMs: 600 },
      stdio: { command: process.execPath, args: ['-e', script], connectTimeoutMs: 600 },
    },
  });
  const down = { state: 'down', why: 'it did not answer in time (connectTimeoutMs)' };
  expect(gateway.gateway.status().downstreams).toMatchObject({ http: down, stdio: down });
  for (const socket of sockets) socket.destroy();
  silent.close();
});

const after =
  (ms: number, answer?: Answer): Answer =>
  async (given) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return answer === undefined ? given.usual() : answer(given);
  };

test('a server may take nearly all of its connectTimeoutMs for the first question', async () => {
  await using crm = await plainServer({ era: 'modern', answers: { 'server/discover': after(6000) } });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ connectTimeoutMs: 10_000 }) } });
  expect(gateway.gateway.status().downstreams.crm?.state).toBe('ready');
});

test('connectTimeoutMs is for all questions of the handshake together, over HTTP and on stdio', async () => {
  const discover = after(500, (given) => given.error(-32601, 'no', { status: 404 }));
  await using http = await plainServer({
    era: 'legacy',
    answers: { 'server/discover': discover, initialize: after(500) },
  });
  // Silent on what it does not know, as some are.
  const script = `
    const serverInfo = { name: 'slow', version: '1' };
    require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const { id, method, params } = JSON.parse(line);
      if (method !== 'initialize') return;
      const result = { protocolVersion: params.protocolVersion, capabilities: {}, serverInfo };
      setTimeout(() => console.log(JSON.stringify({ jsonrpc: '2.0', id, result })), 600);
    });`;
  await using gateway = await startGateway({
    mcpServers: {
      http: http.entry({ connectTimeoutMs: 800 }),
      stdio: { command: process.execPath, args: ['-e', script], connectTimeoutMs: 800 },
    },
  });
  const down = { state: 'down', why: 'it did not answer in time (connectTimeoutMs)' };
  expect(gateway.gateway.status().downstreams).toMatchObject({ http: down, stdio: down });
});
