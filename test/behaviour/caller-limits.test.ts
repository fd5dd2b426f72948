import { once } from 'node:events';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { deferred } from '../../src/promises.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { answersResult, neverAnswers, textResult } from '../support/downstreams/wire.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { legacyRequest, type Message, modernRequest } from '../support/messages.ts';
import { rawCaller, rawPost } from '../support/raw-caller.ts';

/** No two are the same: those would be joined. */
const echoOf = (n: number) =>
  modernRequest('tools/call', { name: 'crm__echo', arguments: { text: 'hello', n } });
const echo = echoOf(1);
const listen = modernRequest('subscriptions/listen', { notifications: { toolsListChanged: true } });

const raw = (gateway: RunningGateway, [message, headers]: ReturnType<typeof modernRequest>) =>
  rawPost(gateway.token, message, { accept: 'application/json, text/event-stream', ...headers });

test('a connection on which requests come one behind the other keeps nothing of those that are over', async () => {
  await using crm = await plainServer({ era: 'modern' });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const warnings: string[] = [];
  const onWarning = ({ message }: Error) => void warnings.push(message);
  process.on('warning', onWarning);
  const caller = await rawCaller(gateway.url);
  const count = 40;
  const lists = Array.from({ length: count }, (_, n) => raw(gateway, modernRequest('tools/list', {}, n)));
  caller.send(lists.join(''));
  await expect.poll(() => caller.text.split('"jsonrpc"').length - 1).toBe(count);
  await caller[Symbol.asyncDispose]();
  await expect.poll(() => gateway.gateway.waiting().requests).toBe(0);
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
});

describe('what one caller has running at once', () => {
  test('does not count what it has pipelined once its connection has ended [R175]', async () => {
    await using crm = await plainServer({ era: 'modern', answers: { 'tools/call echo': neverAnswers } });
    await using gateway = await startGateway({
      mcpServers: { crm: crm.entry() },
      limits: { maxCallerInFlight: 4 },
    });
    const caller = await rawCaller(gateway.url);
    caller.send([listen, ...[1, 2, 3, 4].map(echoOf)].map((request) => raw(gateway, request)).join(''));
    await expect.poll(() => gateway.gateway.waiting().calls).toBe(4);
    await caller[Symbol.asyncDispose]();
    await expect.poll(() => gateway.gateway.waiting()).toMatchObject({ calls: 0, listeners: 0, requests: 0 });
    expect((await gateway.post(...modernRequest('tools/list'))).status).toBe(200);
    await expect.poll(() => crm.cancellations.length).toBe(4);
  });

  test('is answered with 429, Retry-After and a JSON-RPC error beyond maxCallerInFlight, and later served again [R9] [R175]', async () => {
    const waiting: (() => void)[] = [];
    const held: Answer = async (given) => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return given.usual();
    };
    await using crm = await plainServer({ era: 'modern', answers: { 'tools/call echo': held } });
    await using gateway = await startGateway({
      mcpServers: { crm: crm.entry() },
      limits: { maxCallerInFlight: 2 },
    });
    const running = [gateway.post(...echoOf(1)), gateway.post(...echoOf(2))];
    await expect.poll(() => waiting.length).toBe(2);
    for (const request of [
      modernRequest('tools/list', {}, 'mine'),
      legacyRequest('ping', {}, { id: 'mine' }),
    ]) {
      const refused = await gateway.post(...request);
      expect([refused.status, refused.headers['retry-after'], refused.json]).toEqual([
        429,
        '1',
        {
          jsonrpc: '2.0',
          id: 'mine',
          error: {
            code: 429,
            message:
              '2 requests of this caller run, as many as limits.maxCallerInFlight in servers.json allows.',
          },
        },
      ]);
    }
    // Ending something is no request, and what listens has a limit of its own.
    const notice = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 9 } };
    expect((await gateway.post(notice)).status).toBe(202);
    const listening = await gateway.open(...listen);
    expect(listening.status).toBe(200);
    for (const answer of waiting) answer();
    for (const reply of await Promise.all(running)) expect(reply.status).toBe(200);
    await expect.poll(async () => (await gateway.post(...modernRequest('tools/list'))).status).toBe(200);
    listening.cut();
  });

  test('is free again when the caller has left', async () => {
    await using crm = await plainServer({ era: 'modern', answers: { 'tools/call echo': neverAnswers } });
    await using gateway = await startGateway({
      mcpServers: { crm: crm.entry() },
      limits: { maxCallerInFlight: 1 },
    });
    const leave = new AbortController();
    const [body, headers] = echo;
    const usual = { 'content-type': 'application/json', authorization: `Bearer ${gateway.token}` };
    const call = gateway.send('/mcp', { body, headers: { ...usual, ...headers }, signal: leave.signal });
    const left = expect(call).rejects.toThrow();
    await expect.poll(async () => (await gateway.post(...modernRequest('tools/list'))).status).toBe(429);
    leave.abort();
    await left;
    await expect.poll(async () => (await gateway.post(...modernRequest('tools/list'))).status).toBe(200);
  });

  test('is a JSON-RPC error to a caller on stdio', async () => {
    await using crm = await plainServer({ era: 'modern', answers: { 'tools/call echo': neverAnswers } });
    await using gateway = await startGateway({
      mcpServers: { crm: crm.entry() },
      limits: { maxCallerInFlight: 1 },
    });
    const [input, output] = [new PassThrough(), new PassThrough()];
    const served = gateway.gateway.serveStdio(input, output);
    input.write(`${JSON.stringify({ ...echo[0], id: 'first' })}\n`);
    input.write(`${JSON.stringify({ ...echoOf(2)[0], id: 'second' })}\n`);
    const [line] = await once(output, 'data');
    expect(JSON.parse(String(line))).toMatchObject({ id: 'second', error: { code: 429 } });
    const cancelled = { method: 'notifications/cancelled', params: { requestId: 'first' } };
    input.end(`${JSON.stringify({ jsonrpc: '2.0', ...cancelled })}\n`);
    await served;
  });
});

test('more requests in a minute than maxRequestsPerMinute are a 429 that says when to come again [R175]', async () => {
  await using crm = await plainServer({ era: 'modern' });
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry() },
    limits: { maxRequestsPerMinute: 6 },
  });
  const statuses: number[] = [];
  for (let i = 0; i < 6; i++) statuses.push((await gateway.post(...modernRequest('tools/list'))).status);
  expect(statuses).toEqual([200, 200, 200, 200, 200, 200]);
  const refused = await gateway.post(...modernRequest('tools/list'));
  expect(refused.status).toBe(429);
  const seconds = Number(refused.headers['retry-after']);
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(10);
  expect(refused.json.error.message).toBe(
    `This caller has made 6 requests in a minute, as many as limits.maxRequestsPerMinute in servers.json allows. Try again in ${seconds} s.`,
  );
});

test('more streams of changes than maxListeners are a 429 in both eras, and the others go on', async () => {
  await using crm = await plainServer({ era: 'modern' });
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry() },
    limits: { maxListeners: 1 },
  });
  const first = await gateway.open(...listen);
  const acknowledged: Message | undefined = await first.next();
  expect(acknowledged?.method).toBe('notifications/subscriptions/acknowledged');
  const text = '1 streams of changes are open, as many as limits.maxListeners in servers.json allows.';
  const second = await gateway.post(...listen);
  expect([second.status, second.headers['retry-after'], second.json.error]).toEqual([
    429,
    '5',
    { code: 429, message: text },
  ]);
  const begun = await gateway.post(...legacyRequest('initialize', { protocolVersion: '2025-11-25' }));
  const stream = await gateway.send('/mcp', {
    method: 'GET',
    headers: {
      authorization: `Bearer ${gateway.token}`,
      accept: 'text/event-stream',
      'mcp-session-id': String(begun.headers['mcp-session-id']),
    },
  });
  expect([stream.status, stream.headers['retry-after'], stream.json]).toEqual([429, '5', { error: text }]);
  expect((await gateway.post(...modernRequest('tools/list'))).status).toBe(200);
  first.cut();
});

describe('a caller that does not read', () => {
  const reporting = modernRequest('tools/call', {
    name: 'crm__echo',
    arguments: { text: 'hello' },
    _meta: { progressToken: 1 },
  });

  /** Sends the request and then leaves all that comes in the kernel. */
  async function nonReader(url: string, token: string, [body, headers]: typeof echo) {
    const json = JSON.stringify(body);
    const { host, hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port) }).on('error', () => {});
    socket.pause();
    const given = {
      host,
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
      'content-length': Buffer.byteLength(json),
    };
    const lines = Object.entries(given).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`POST /mcp HTTP/1.1\r\n${lines.join('')}\r\n${json}`);
    return { socket, [Symbol.dispose]: () => void socket.destroy() };
  }

  const LARGE = 'x'.repeat(7_500_000);

  test('has its connection cut when nothing of an answer moves for unsentTimeoutMs', async () => {
    const large = answersResult({ content: [{ type: 'text', text: LARGE }], resultType: 'complete' });
    await using crm = await plainServer({ era: 'modern', answers: { 'tools/call echo': large } });
    await using gateway = await startGateway({
      mcpServers: { crm: crm.entry() },
      limits: { unsentTimeoutMs: 300, maxCallerInFlight: 1 },
    });
    using reader = await nonReader(gateway.url, gateway.token, echo);
    const { socket } = reader;
    await expect
      .poll(() => crm.requests.some(({ body }) => (body as Message).method === 'tools/call'))
      .toBe(true);
    // It counts as running until its connection has gone.
    await expect.poll(async () => (await gateway.post(...modernRequest('tools/list'))).status).toBe(200);
    let bytes = 0;
    socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
    socket.resume();
    await once(socket, 'close');
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(LARGE.length);
  });

  test('is kept no more than maxUnsentBytes of progress, and its answer', async () => {
    const [count, message] = [200, 'x'.repeat(500_000)];
    let isOver = false;
    const flood: Answer = async (given) => {
      const stream = given.stream();
      const progressToken = given.message.params?._meta?.progressToken;
      for (let progress = 1; progress <= count; progress++) {
        stream.send({ method: 'notifications/progress', params: { progressToken, progress, message } });
        // As fast as it is taken.
        if (given.res.writableNeedDrain) await once(given.res, 'drain');
      }
      stream.result(textResult('done', given.message));
      isOver = true;
    };
    await using crm = await plainServer({ era: 'modern', answers: { 'tools/call echo': flood } });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    using reader = await nonReader(gateway.url, gateway.token, reporting);
    await expect.poll(() => isOver).toBe(true);
    await expect.poll(() => gateway.gateway.waiting().downstream).toBe(0);
    let [bytes, text] = [0, ''];
    reader.socket.setEncoding('utf8').on('data', (piece: string) => {
      bytes += piece.length;
      text = text.slice(-1000) + piece;
    });
    reader.socket.resume();
    await expect.poll(() => text).toContain('done');
    // What the kernel holds of it is some megabytes.
    expect(bytes).toBeLessThan((count * message.length) / 3);
  });

  test('is cut when it reads nothing of a stream, and its call cancelled', async () => {
    const flood: Answer = async (given) => {
      const stream = given.stream();
      const progressToken = given.message.params?._meta?.progressToken;
      for (let progress = 1; !given.signal.aborted; progress++) {
        const message = 'x'.repeat(500_000);
        stream.send({ method: 'notifications/progress', params: { progressToken, progress, message } });
        await new Promise((done) => setTimeout(done, 50));
      }
    };
    await using crm = await plainServer({ era: 'modern', answers: { 'tools/call echo': flood } });
    await using gateway = await startGateway({
      mcpServers: { crm: crm.entry() },
      limits: { unsentTimeoutMs: 300 },
    });
    using _reader = await nonReader(gateway.url, gateway.token, reporting);
    await expect.poll(() => crm.cancellations.length).toBe(1);
    expect(crm.cancellations[0]?.by).toBe('closed stream');
  });

  test('but then has read all there is, is not cut', async () => {
    const held = deferred<void>();
    const answer: Answer = async (given) => {
      const stream = given.stream();
      const progressToken = given.message.params?._meta?.progressToken;
      stream.send({
        method: 'notifications/progress',
        params: { progressToken, progress: 1, message: LARGE },
      });
      await held.promise;
      stream.result(textResult('done', given.message));
    };
    await using crm = await plainServer({ era: 'modern', answers: { 'tools/call echo': answer } });
    await using gateway = await startGateway({
      mcpServers: { crm: crm.entry() },
      limits: { unsentTimeoutMs: 1000 },
    });
    using reader = await nonReader(gateway.url, gateway.token, reporting);
    let bytes = 0;
    let text = '';
    reader.socket.setEncoding('utf8').on('data', (piece: string) => {
      bytes += piece.length;
      text = text.slice(-1000) + piece;
    });
    reader.socket.resume();
    await expect.poll(() => bytes).toBeGreaterThan(LARGE.length);
    await sleep(1500);
    held.resolve();
    await expect.poll(() => text).toContain('done');
  });

  test('but has no more to read is not cut', async () => {
    await using crm = await plainServer({ era: 'modern' });
    await using gateway = await startGateway({
      mcpServers: { crm: crm.entry() },
      limits: { unsentTimeoutMs: 100 },
    });
    const slow = modernRequest('tools/call', { name: 'crm__slow', arguments: { ms: 1000 } });
    expect((await gateway.post(...slow)).json.result.content[0].text).toBe('waited 1000 ms');
    const listening = await gateway.open(...listen);
    await listening.next();
    const next = listening.next();
    await gateway.post(...slow);
    expect(await Promise.race([next, 'open'])).toBe('open');
    listening.cut();
  });
});
