import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createBrotliCompress, createDeflate, createGzip } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { plainServer } from '../support/downstreams/plain.ts';
import { flood } from '../support/downstreams/wire.ts';
import { startGateway } from '../support/gateway.ts';
import { listenOnLoopback, sendJson } from '../support/http-server.ts';
import { type Message, modernRequest } from '../support/messages.ts';

/** A server of the transport of 2024-11-05, by hand, with a tool `echo`. */
interface SseScript {
  /** What the first event says; default: where messages are heard. */
  readonly endpoint?: (origin: string) => string;
  /** Writes an event; default: in one piece. */
  readonly write?: (res: ServerResponse, event: string) => void;
  /** Of the stream, beside its type. */
  readonly headers?: OutgoingHttpHeaders;
  /** Sends who comes to `/sse` there first. */
  readonly redirectsTo?: string;
  /** Answers the POST of a call in place of the server. True where that is all. */
  readonly onCall?: (message: Message, post: ServerResponse, stream: ServerResponse) => boolean;
  /** Answers the POST of an answer to what the server has asked. */
  readonly onAnswer?: (post: ServerResponse) => void;
}

async function sseServer({
  endpoint,
  write = (res, event) => void res.write(event),
  headers: streamHeaders = {},
  redirectsTo,
  onCall,
  onAnswer,
}: SseScript = {}) {
  let stream: ServerResponse | undefined;
  let opened = 0;
  const initialized = {
    protocolVersion: '2024-11-05',
    capabilities: { tools: {} },
    serverInfo: { name: 'old', version: '1' },
  };
  const resultOf = ({ method, params }: Message) => {
    if (method === 'initialize') return initialized;
    if (method === 'tools/list') return { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] };
    return { content: [{ type: 'text', text: `${params?.arguments?.text}` }] };
  };
  const server = await listenOnLoopback(({ url, headers, body }, req, res) => {
    if (headers['x-api-key'] !== 'k') return sendJson(res, 401, {});
    if (req.method === 'GET' && url === '/sse?v=1' && redirectsTo !== undefined)
      return res.writeHead(307, { location: redirectsTo }).end();
    if (req.method === 'GET' && url === (redirectsTo ?? '/sse?v=1')) {
      opened++;
      stream = res;
      res.writeHead(200, { ...streamHeaders, 'content-type': 'text/event-stream' });
      write(res, `event: endpoint\ndata: ${endpoint?.(server.origin) ?? `/in?s=${opened}`}\n\n`);
      return;
    }
    if (!url.startsWith('/in?s=') || stream === undefined) return sendJson(res, 405, {}, { allow: 'GET' });
    const message = body as Message;
    if (message.method === 'tools/call' && onCall?.(message, res, stream)) return;
    if (message.method === undefined && onAnswer !== undefined) return onAnswer(res);
    res.writeHead(202).end('Accepted');
    if (message.id === undefined) return;
    const answer = { jsonrpc: '2.0', id: message.id, result: resultOf(message) };
    write(stream, `event: message\ndata: ${JSON.stringify(answer)}\n\n`);
  });
  return {
    ...server,
    entry: { url: `${server.origin}/sse?v=1`, headers: { 'X-API-KEY': 'k' } },
    get opened() {
      return opened;
    },
    get isOpen() {
      return stream?.closed === false;
    },
  };
}

const CALL = { name: 'old__echo', arguments: { text: 'hello' } };

async function call(gateway: Awaited<ReturnType<typeof startGateway>>) {
  const reply = await gateway.post(...modernRequest('tools/call', CALL));
  return reply.messages.at(-1)?.result;
}

describe('a server of 2024-11-05 over HTTP+SSE', () => {
  test('hears the cookies that came with its stream, which tell a load balancer where that is', async () => {
    await using server = await sseServer({ headers: { 'set-cookie': 'LB=1; Path=/' } });
    await using gateway = await startGateway({ mcpServers: { old: server.entry } });
    expect(await call(gateway)).toMatchObject({ content: [{ text: 'hello' }] });
    const messages = server.requests.filter(({ url }) => url.startsWith('/in'));
    expect(messages.length).toBeGreaterThan(3);
    for (const { headers } of messages) expect(headers.cookie).toBe('LB=1');
  });

  test.each<[string, SseScript]>([
    ['named by path', {}],
    ['behind a redirect to another path', { redirectsTo: '/sse/?v=1' }],
    [
      'before messages with a byte order mark',
      { write: (res, event) => void res.write(event.replace('data: {', 'data: \uFEFF{')) },
    ],
    ['named by address', { endpoint: (origin) => `${origin}/in?s=1` }],
    [
      'in pieces of a byte',
      {
        write: (res, event) => {
          for (const byte of Buffer.from(event)) res.write(Buffer.of(byte));
        },
      },
    ],
  ])('is found out, listed and called with its headers: endpoint %s [R48]', async (_how, script) => {
    await using server = await sseServer(script);
    await using gateway = await startGateway({ mcpServers: { old: server.entry } });
    expect(gateway.gateway.status().downstreams.old).toMatchObject({ state: 'ready', era: 'legacy' });
    expect((await call(gateway)).content[0].text).toBe('hello');
    expect(server.requests.every(({ headers }) => headers['x-api-key'] === 'k')).toBe(true);
  });

  test.each([
    ['gzip', createGzip],
    ['br', createBrotliCompress],
    ['deflate', createDeflate],
  ])('may compress its stream with %s, though nobody asked for it', async (encoding, createEncoder) => {
    const encoders = new Map<ServerResponse, ReturnType<typeof createEncoder>>();
    await using server = await sseServer({
      headers: { 'content-encoding': encoding },
      write: (res, event) => {
        let encoder = encoders.get(res);
        if (encoder === undefined) {
          encoder = createEncoder();
          encoders.set(res, encoder);
          encoder.pipe(res);
        }
        encoder.write(event);
        encoder.flush();
      },
    });
    await using gateway = await startGateway({ mcpServers: { old: server.entry } });
    expect((await call(gateway)).content[0].text).toBe('hello');
  });

  test('that says so in its entry is not posted to first', async () => {
    await using server = await sseServer();
    await using gateway = await startGateway({ mcpServers: { old: { ...server.entry, type: 'sse' } } });
    expect((await call(gateway)).content[0].text).toBe('hello');
    expect(server.requests[0]?.method).toBe('GET');
  });

  test('that says so and has moved on to Streamable HTTP is connected to all the same', async () => {
    await using server = await plainServer({ era: 'modern' });
    await using gateway = await startGateway({ mcpServers: { old: server.entry({ type: 'sse' }) } });
    expect((await call(gateway)).content[0].text).toBe('hello');
  });

  test('that says so and answers a GET with something else is connected to over Streamable HTTP', async () => {
    await using server = await plainServer({
      era: 'legacy',
      gets: (_req, res) => sendJson(res, 200, { status: 'ok' }),
    });
    await using gateway = await startGateway({ mcpServers: { old: server.entry({ type: 'sse' }) } });
    expect((await call(gateway)).content[0].text).toBe('hello');
  });

  test('that redirects to itself without end is given up', async () => {
    await using server = await sseServer({ redirectsTo: '/sse?v=1' });
    await using gateway = await startGateway({ mcpServers: { old: { ...server.entry, type: 'sse' } } });
    expect(gateway.gateway.status().downstreams.old).toMatchObject({ state: 'down', why: 'HTTP 307' });
    expect(server.requests).toHaveLength(6);
  });

  test('is never sent its headers to another address that it names', async () => {
    await using elsewhere = await listenOnLoopback((_recorded, _req, res) => sendJson(res, 202, {}));
    await using server = await sseServer({ endpoint: () => `${elsewhere.origin}/in` });
    await using gateway = await startGateway({ mcpServers: { old: server.entry } });
    expect(gateway.gateway.status().downstreams.old).toMatchObject({
      state: 'down',
      why: 'it wants messages sent to another address than that of its url',
    });
    expect(elsewhere.requests).toEqual([]);
  });

  test('that closes its stream during a call has not answered, and is connected to again', async () => {
    let calls = 0;
    await using server = await sseServer({
      onCall: (_message, post, stream) => {
        if (++calls > 1) return false;
        post.writeHead(202).end();
        stream.destroy();
        return true;
      },
    });
    await using gateway = await startGateway({ mcpServers: { old: server.entry } });
    const failed = await call(gateway);
    expect(failed.content[0].text).toBe(
      '"old" closed the connection before answering. The call may have run: check before repeating it.',
    );
    await expect.poll(() => gateway.gateway.status().downstreams.old?.state).toBe('ready');
    expect((await call(gateway)).content[0].text).toBe('hello');
    expect(server.opened).toBe(2);
  });

  test.each([
    [401, `"old" refused this gateway's credentials (HTTP 401).`],
    [429, '"old" is limiting requests (HTTP 429).'],
    [500, '"old" failed (HTTP 500). The call may have run'],
  ])('that refuses the message of a call with %d: it fails at once', async (status, sentence) => {
    await using server = await sseServer({
      onCall: (_message, post) => {
        sendJson(post, status, {});
        return true;
      },
    });
    await using gateway = await startGateway({ mcpServers: { old: server.entry } });
    const { isError, content } = await call(gateway);
    expect([isError, content[0].text]).toEqual([true, expect.stringContaining(sentence)]);
  });

  test('that no longer knows the stream is asked over a new one, since the call cannot have begun', async () => {
    let calls = 0;
    await using server = await sseServer({
      onCall: (_message, post) => {
        if (++calls > 1) return false;
        sendJson(post, 404, {});
        return true;
      },
    });
    await using gateway = await startGateway({ mcpServers: { old: server.entry } });
    expect((await call(gateway)).content[0].text).toBe('hello');
    expect([calls, server.opened]).toEqual([2, 2]);
  });

  test('that no longer knows the stream goes on with what it was asked over it before', async () => {
    let answerFirst: (() => void) | undefined;
    await using server = await sseServer({
      onCall(message, post, stream) {
        const { text } = message.params.arguments;
        if (text === 'held') {
          post.writeHead(202).end();
          const result = { content: [{ type: 'text', text }] };
          answerFirst = () => {
            const answer = { jsonrpc: '2.0', id: message.id, result };
            stream.write(`event: message\ndata: ${JSON.stringify(answer)}\n\n`);
          };
          return true;
        }
        if (server.opened > 1) return false;
        post.writeHead(404).end();
        return true;
      },
    });
    await using gateway = await startGateway({ mcpServers: { old: server.entry } });
    const held = gateway.post(
      ...modernRequest('tools/call', { name: 'old__echo', arguments: { text: 'held' } }),
    );
    await expect.poll(() => answerFirst).toBeDefined();
    expect((await call(gateway)).content[0].text).toBe('hello');
    answerFirst?.();
    expect((await held).messages.at(-1)?.result.content[0].text).toBe('held');
  });

  test('that leaves what accepts a message open, or cuts it, can be called all the same', async () => {
    let calls = 0;
    await using server = await sseServer({
      onCall: ({ id }, post, stream) => {
        post.writeHead(202).write('Accepted');
        const result = { content: [{ type: 'text', text: `${++calls}` }] };
        const answer = () => stream.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`);
        if (calls > 1) return answer();
        setTimeout(() => post.destroy(), 50);
        setTimeout(answer, 150);
        return true;
      },
    });
    const old = { ...server.entry, type: 'sse', callTimeoutMs: 4000, maxInFlight: 1 };
    await using gateway = await startGateway({ mcpServers: { old } });
    // More than there are connections.
    for (let n = 1; n <= 20; n++) expect((await call(gateway)).content[0].text).toBe(`${n}`);
  });

  test('that accepts no message for a while is called again when it does, and not with what was given up', async () => {
    let isStuck = true;
    const texts: unknown[] = [];
    await using server = await sseServer({
      onCall: ({ params }) => {
        texts.push(params?.arguments?.text);
        return isStuck;
      },
    });
    const old = { ...server.entry, type: 'sse', callTimeoutMs: 400, maxInFlight: 1 };
    await using gateway = await startGateway({ mcpServers: { old }, limits: { breakerFailures: 0 } });
    const textOf = async (text: string) => {
      const given = { name: 'old__echo', arguments: { text } };
      return (await gateway.post(...modernRequest('tools/call', given))).messages.at(-1)?.result.content[0]
        .text;
    };
    // More than there are connections.
    const stuck = Array.from({ length: 20 }, (_, n) => `stuck ${n}`);
    for (const text of stuck) expect(await textOf(text)).toContain('did not answer');
    isStuck = false;
    expect(await textOf('again')).toBe('again');
    expect(texts).toEqual([...stuck, 'again']);
  });

  test('that answers with more than is taken is cut off, and told of as such', async () => {
    await using server = await sseServer({
      onCall: ({ id }, post, stream) => {
        post.writeHead(202).end();
        stream.write(`data: {"jsonrpc":"2.0","id":${id},"result":{"content":"${'x'.repeat(20_000)}`);
        return true;
      },
    });
    const limits = { maxResultBytes: 10_000 };
    await using gateway = await startGateway({ mcpServers: { old: server.entry }, limits });
    expect((await call(gateway)).content[0].text).toContain('the limit set by limits.maxResultBytes');
  });
});

test('questions without end on its stream hold up no other server', async () => {
  const ping = { jsonrpc: '2.0', id: 'q', method: 'ping', params: { padding: 'x'.repeat(1000) } };
  const events = `data: ${JSON.stringify(ping)}\n\n`.repeat(100);
  await using server = await sseServer({
    onCall({ id }, post, stream) {
      post.writeHead(202).end();
      stream.write(`data: {"jsonrpc":"2.0","id":${id},"result":{"content":[]}}\n\n`);
      flood(stream, events);
      return true;
    },
  });
  await using crm = await plainServer({ era: 'modern' });
  await using gateway = await startGateway({
    mcpServers: { old: server.entry, crm: crm.entry() },
    limits: { maxNoticesPerSecond: 10 },
  });
  expect((await call(gateway)).content).toEqual([]);
  for (let n = 0; n < 40; n++) {
    const request = modernRequest('tools/call', { name: 'crm__echo', arguments: { text: `${n}` } });
    expect((await gateway.post(...request)).messages.at(-1)?.result.content[0].text).toBe(`${n}`);
  }
  // Of each piece that is read, all is answered.
  expect(server.requests.length).toBeLessThan(1000);
});

test('a stream whose server asks, and takes no answers, is read no further until it does', async () => {
  const ping = { jsonrpc: '2.0', id: 'q', method: 'ping', params: { padding: 'x'.repeat(50_000) } };
  const event = `data: ${JSON.stringify(ping)}\n\n`;
  const held: ServerResponse[] = [];
  let bytes = 0;
  let takes = false;
  await using server = await sseServer({
    onAnswer(post) {
      if (takes) post.writeHead(202).end();
      else held.push(post);
    },
    onCall({ id }, post, stream) {
      post.writeHead(202).end();
      stream.write(`data: {"jsonrpc":"2.0","id":${id},"result":{"content":[]}}\n\n`);
      flood(stream, event, () => {
        bytes += event.length;
      });
      return true;
    },
  });
  await using gateway = await startGateway({ mcpServers: { old: server.entry } });
  expect((await call(gateway)).content).toEqual([]);
  await expect.poll(() => held.length).toBeGreaterThan(10);
  await sleep(3000);
  expect(bytes).toBeLessThan(30_000_000);
  const before = bytes;
  takes = true;
  for (const post of held) post.writeHead(202).end();
  await expect.poll(() => bytes).toBeGreaterThan(before + 5_000_000);
});

test('a URL where neither transport is spoken is told of as before', async () => {
  await using nothing = await listenOnLoopback((_recorded, _req, res) => sendJson(res, 404, {}));
  await using gateway = await startGateway({ mcpServers: { old: { url: `${nothing.origin}/mcp` } } });
  expect(gateway.gateway.status().downstreams.old?.why).toBe('nothing is at its url: HTTP 404');
});

test('closing the gateway closes the stream', async () => {
  await using server = await sseServer();
  const gateway = await startGateway({ mcpServers: { old: server.entry } });
  expect(server.isOpen).toBe(true);
  await gateway[Symbol.asyncDispose]();
  await expect.poll(() => server.isOpen).toBe(false);
});
