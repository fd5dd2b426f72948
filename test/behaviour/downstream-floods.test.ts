import { brotliCompressSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { Answer } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { answersHuge, flood, textResult } from '../support/downstreams/wire.ts';
import { startGateway } from '../support/gateway.ts';
import { modernRequest } from '../support/messages.ts';

const ECHO = { name: 'crm__echo', arguments: { text: 'hello' } };
const CAP = 1024 * 1024;
const limits = { maxResultBytes: CAP };

async function answered(answer: Answer, given: object = limits) {
  await using crm = await plainServer({ era: 'modern', answers: { 'tools/call echo': answer } });
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry({ callTimeoutMs: 10_000 }) },
    limits: given,
  });
  const request = modernRequest('tools/call', { ...ECHO, _meta: { progressToken: 'p' } });
  const reply = await gateway.post(...request);
  return { messages: reply.messages, text: reply.messages.at(-1)?.result.content[0].text as string };
}

const TOO_LARGE = 'answered with more than 1 MiB, the limit set by limits.maxResultBytes';

test('a body that says it is too large is refused before any of it has come', async () => {
  const announces: Answer = ({ res }) => {
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': String(CAP + 1) });
    res.flushHeaders();
  };
  expect((await answered(announces)).text).toContain(TOO_LARGE);
});

const bomb = Buffer.alloc(100 * CAP, ' ');

test.each([
  ['JSON without a length', answersHuge(200 * CAP, 'json')],
  ['an event', answersHuge(200 * CAP, 'sse')],
  ['gzip', answersHuge(200 * CAP, 'gzip')],
  ['gzip of 100 KB that becomes 100 MB', compressed('gzip', gzipSync(bomb))],
  ['brotli of 100 bytes that becomes 100 MB', compressed('br', brotliCompressSync(bomb))],
])('%s is cut off at the limit, and memory with it', async (_what, answer) => {
  const before = process.memoryUsage();
  let peak = 0;
  const watching = setInterval(() => {
    const { external, arrayBuffers } = process.memoryUsage();
    peak = Math.max(peak, external + arrayBuffers - before.external - before.arrayBuffers);
  }, 1);
  expect((await answered(answer)).text).toContain(TOO_LARGE);
  clearInterval(watching);
  // The server of the attack is in this process as well.
  expect(peak).toBeLessThan(50 * CAP);
});

function compressed(encoding: string, bytes: Buffer): Answer {
  return ({ res }) => {
    res.writeHead(200, { 'content-type': 'application/json', 'content-encoding': encoding });
    res.end(bytes);
  };
}

test('an encoding that was not asked for and is not known is refused unread', async () => {
  expect((await answered(compressed('zstd', bomb.subarray(0, 100)))).text).toContain('encoding/zstd');
});

test.each(['none', 'utf-8', 'UTF-8', '', 'identity'])(
  'an encoding %j, which says nothing, leaves an answer as it is',
  async (encoding) => {
    for (const framing of ['json', 'sse'] as const) {
      const odd: Answer = (given) => {
        given.res.setHeader('content-encoding', encoding);
        const result = textResult('hello', given.message);
        return framing === 'json' ? given.result(result) : given.stream().result(result);
      };
      expect((await answered(odd)).text).toBe('hello');
    }
  },
);

test('an event larger than maxEventBytes names that limit, however it is cut into pieces', async () => {
  const large: Answer = (given) => given.stream().result(textResult('x'.repeat(5000), given.message));
  const { text } = await answered(large, { maxEventBytes: 4096 });
  expect(text).toContain('answered with more than 4 KiB, the limit set by limits.maxEventBytes');
});

test('of more notices than maxNoticesPerSecond the rest is dropped, and the answer behind them is not', async () => {
  const flood: Answer = (given) => {
    const stream = given.stream();
    for (let progress = 1; progress <= 50; progress++) {
      const params = { progressToken: given.message.params?._meta?.progressToken, progress, total: progress };
      stream.send({ method: 'notifications/progress', params });
    }
    stream.result(textResult('done', given.message));
  };
  const { messages } = await answered(flood, { maxNoticesPerSecond: 10 });
  expect(messages.map(({ params, result }) => params?.progress ?? result.content[0].text)).toEqual([
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    'done',
  ]);
});

test('answers over stdio are none of the notices that maxNoticesPerSecond counts', async () => {
  await using server = stdioServer('tells');
  await using gateway = await startGateway({
    mcpServers: { crm: server.entry({ env: { ERA: 'legacy' } }) },
    limits: { maxNoticesPerSecond: 20 },
  });
  const replies = await Promise.all(
    Array.from({ length: 10 }, (_, nonce) => {
      const params = {
        name: 'crm__tell',
        arguments: { nonce: String(nonce) },
        _meta: { progressToken: nonce },
      };
      return gateway.post(...modernRequest('tools/call', params));
    }),
  );
  for (const { messages } of replies)
    expect(messages.map(({ method }) => method)).toEqual(['notifications/progress', undefined]);
});

test('a list of large pages is read no further than maxResultBytes, and what has come is served', async () => {
  await using crm = await plainServer({
    era: 'modern',
    page: (cursor = '1') => {
      const tools = [
        { name: `big${cursor}`, description: 'x'.repeat(240_000), inputSchema: { type: 'object' } },
      ];
      return { tools, nextCursor: String(Number(cursor) + 1) };
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() }, limits });
  expect(gateway.gateway.status().downstreams.crm).toMatchObject({
    tools: 5,
    warnings: [
      'The tool list is larger than 1 MiB (limits.maxResultBytes); it was cut after page 5 with 5 tools.',
    ],
  });
});

test('comments without end do not fill memory, and are too large for an answer', async () => {
  const comments: Answer = ({ res, stream }) => {
    stream();
    flood(res, `: ${'x'.repeat(60_000)}\n`);
  };
  await using crm = await plainServer({ era: 'modern', answers: { 'tools/call echo': comments } });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() }, limits });
  const reply = await gateway.post(...modernRequest('tools/call', ECHO));
  expect(reply.messages.at(-1)?.result.content[0].text).toContain('answered with more than 1 MiB');
});

test.each([
  ['JSON', 'application/json', '{"jsonrpc":"2.0","id":0,"result":{"instructions":"'],
  ['an event', 'text/event-stream', 'event: message\r\ndata: '],
])(
  'a handshake that is answered with endless %s fails at the limit, and the others are served',
  async (_what, type, start) => {
    let sent = 0;
    const endless: Answer = ({ res }) => {
      res.writeHead(200, { 'content-type': type });
      res.write(start);
      const piece = type === 'application/json' ? 'x'.repeat(65_536) : `${'x'.repeat(65_536)}\r\ndata: `;
      flood(res, piece, () => {
        sent += piece.length;
      });
    };
    await using endlessServer = await plainServer({
      era: 'modern',
      answers: { 'server/discover': endless, initialize: endless },
    });
    await using well = await plainServer({ era: 'modern' });
    await using gateway = await startGateway(
      {
        mcpServers: { crm: endlessServer.entry({ connectTimeoutMs: 2000 }), well: well.entry() },
        limits: { maxEventBytes: CAP, ...limits },
      },
      { settle: false },
    );
    await expect.poll(() => gateway.gateway.status().downstreams.crm?.state).toBe('down');
    // Handshakes of both eras, each up to the limit and what is on its way.
    expect(sent).toBeLessThan(64 * CAP);
    const call = modernRequest('tools/call', { ...ECHO, name: 'well__echo' });
    expect((await gateway.post(...call)).json.result.content[0].text).toBe('hello');
  },
);

test('questions without end on the stream of one call hold up no other server, nor the end of that call', async () => {
  const ping = { jsonrpc: '2.0', id: 'q', method: 'ping', params: { padding: 'x'.repeat(10_000) } };
  const events = `data: ${JSON.stringify(ping)}\n\n`.repeat(10);
  const floods: Answer = ({ res, message }) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    const answer = { jsonrpc: '2.0', id: message.id, result: textResult('over', message) };
    setTimeout(() => res.end(`data: ${JSON.stringify(answer)}\n\n`), 2000);
    flood(res, events);
  };
  let answers = 0;
  await using noisy = await plainServer({
    era: 'legacy',
    answers: { 'tools/call echo': floods },
    beforeAccepting({ method }) {
      if (method === undefined) answers++;
    },
  });
  await using crm = await plainServer({ era: 'modern' });
  await using gateway = await startGateway({
    mcpServers: { noisy: noisy.entry(), crm: crm.entry() },
    limits: { maxNoticesPerSecond: 200 },
  });
  const noise = gateway.post(...modernRequest('tools/call', { ...ECHO, name: 'noisy__echo' }));
  for (let n = 0; n < 40; n++) {
    const request = modernRequest('tools/call', { ...ECHO, arguments: { text: `${n}` } });
    expect((await gateway.post(...request)).messages.at(-1)?.result.content[0].text).toBe(`${n}`);
  }
  expect((await noise).messages.at(-1)?.result.content[0].text).toBe('over');
  expect(answers).toBeLessThan(5000);
});

test.each([
  ['notices', { method: 'notifications/tools/list_changed' }],
  ['questions', { id: 'q', method: 'ping' }],
])('%s without end on the stream of one server hold up no other server', async (_what, message) => {
  // Not more than some sixty in what is read at once: each is answered.
  const params = { padding: 'x'.repeat(1000) };
  const event = `data: ${JSON.stringify({ jsonrpc: '2.0', ...message, params })}\n\n`.repeat(200);
  let bytes = 0;
  await using noisy = await plainServer({
    era: 'legacy',
    gets(_req, res) {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      flood(res, event, () => {
        bytes += event.length;
      });
    },
  });
  await using crm = await plainServer({ era: 'modern' });
  await using gateway = await startGateway({
    mcpServers: { noisy: noisy.entry(), crm: crm.entry() },
    limits: { maxNoticesPerSecond: 100 },
  });
  await expect.poll(() => bytes).toBeGreaterThan(0);
  const ms: number[] = [];
  for (let n = 0; n < 50; n++) {
    const startedAt = performance.now();
    const reply = await gateway.post(
      ...modernRequest('tools/call', { ...ECHO, arguments: { text: `${n}` } }),
    );
    expect(reply.messages.at(-1)?.result.content[0].text).toBe(`${n}`);
    ms.push(performance.now() - startedAt);
  }
  // Whatever else the machine has to do holds up some of them.
  expect(Math.min(...ms)).toBeLessThan(80);
  expect(bytes).toBeLessThan(10 * CAP);
});
