import { once } from 'node:events';
import { request } from 'undici';
import { describe, expect, test } from 'vitest';
import { deferred } from '../../src/promises.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { evilServer, type Step } from '../support/evil/wire.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';

const TOOL = { name: 'dump', inputSchema: { type: 'object' } };
const HALF = 'é"\\'.repeat(100_000);
const eras = ['modern', 'legacy'] as const;
type Era = (typeof eras)[number];
type Framing = 'json' | 'sse';

/** A result whose second half is written when the test says so. */
function inHalves(server: Era, options: { order?: 'result first'; isError?: boolean; rest?: string } = {}) {
  const second = deferred<void>();
  const answer: Answer = async ({ message, res }) => {
    const envelope = `"jsonrpc":"2.0","id":${message.id}`;
    const before = options.order === 'result first' ? '{"result":' : `{${envelope},"result":`;
    const after = options.order === 'result first' ? `,${envelope}}` : '}';
    const type = server === 'modern' ? '"resultType":"complete",' : '';
    const text = JSON.stringify(HALF + HALF);
    // Somewhere in an escape and in a character.
    const [first, rest] = [text.slice(0, 450_007), text.slice(450_007)];
    res.setHeader('content-type', 'application/json');
    res.write(
      `${before}{${type}\n"isError":${options.isError === true},"content":[{"type":"text","text":${first}`,
    );
    await second.promise;
    res.end(options.rest ?? `${rest}}]}${after}`);
  };
  return { answer, finish: () => second.resolve() };
}

async function behind(server: Era, answer: Answer, settings = {}) {
  const downstream = await plainServer({
    era: server,
    tools: [TOOL],
    answers: { 'tools/call dump': answer },
  });
  const gateway = await startGateway({ mcpServers: { big: downstream.entry() }, ...settings });
  return {
    downstream,
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await downstream[Symbol.asyncDispose]();
    },
  };
}

async function callDump(url: string, token: string, era: Era, framing: Framing, given = {}) {
  const [body, headers] = (era === 'modern' ? modernRequest : legacyRequest)('tools/call', {
    name: 'big__dump',
    arguments: given,
  });
  const accept = framing === 'json' ? 'application/json' : 'application/json, text/event-stream';
  return request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers, accept },
    body: JSON.stringify(body),
  });
}

function messageIn(text: string, framing: Framing) {
  if (framing === 'json') return JSON.parse(text);
  const [start, data, ...rest] = text.split('\n');
  expect([start, ...rest]).toEqual(['event: message', '', '']);
  return JSON.parse((data as string).slice('data: '.length));
}

/** Calls, lets its server go on when the first piece has come, and gives what comes until the connection is cut. */
async function untilCut(
  { url, token }: RunningGateway,
  [era, framing]: readonly [Era, Framing],
  goOn: () => void,
): Promise<string> {
  const { body } = await callDump(url, token, era, framing);
  const reading = body[Symbol.asyncIterator]();
  let text = String((await reading.next()).value);
  goOn();
  await expect(async () => {
    for await (const chunk of { [Symbol.asyncIterator]: () => reading }) text += chunk;
  }).rejects.toThrow();
  return text;
}

const cells = (
  [
    ['modern', 'modern', 'json'],
    ['legacy', 'legacy', 'json'],
    ['legacy', 'legacy', 'sse'],
    ['legacy', 'modern', 'json'],
  ] as const
).flatMap((cell) => [[...cell, undefined] as const, [...cell, 'result first'] as const]);

describe('a large result goes on while it arrives', () => {
  test.each(cells)('from a %s server to a %s caller, as %s, %s', async (server, caller, framing, order) => {
    const { answer, finish } = inHalves(server, { ...(order !== undefined && { order }) });
    await using all = await behind(server, answer);
    const { body } = await callDump(all.gateway.url, all.gateway.token, caller, framing);
    const reading = body[Symbol.asyncIterator]();
    // Before the second half has been written.
    const chunks: Buffer[] = [(await reading.next()).value];
    finish();
    for await (const chunk of { [Symbol.asyncIterator]: () => reading }) chunks.push(chunk);
    const message = messageIn(Buffer.concat(chunks).toString(), framing);
    expect(message.result.content).toEqual([{ type: 'text', text: HALF + HALF }]);
    expect(message.result.resultType).toBe(caller === 'modern' ? 'complete' : undefined);
    expect(message.id).toBe(1);
  });

  test('one that a legacy caller might not understand is held until its end', async () => {
    const { answer, finish } = inHalves('modern');
    await using all = await behind('modern', answer);
    const reply = callDump(all.gateway.url, all.gateway.token, 'legacy', 'json');
    finish();
    const message = messageIn(await (await reply).body.text(), 'json');
    expect(message.result).toEqual({ isError: false, content: [{ type: 'text', text: HALF + HALF }] });
  });

  test.each(['json', 'sse'] as const)('as %s: what is cut is no answer', async (framing) => {
    const { answer, finish } = inHalves('legacy', { rest: 'no end' });
    await using all = await behind('legacy', answer);
    await untilCut(all.gateway, ['legacy', framing], finish);
  });

  test('no server ends an event early by a line break in a text', async () => {
    const { answer, finish } = inHalves('legacy', {
      rest: '\n\nevent: message\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n',
    });
    await using all = await behind('legacy', answer);
    const text = await untilCut(all.gateway, ['legacy', 'sse'], finish);
    expect(text).not.toContain('"result":{}');
  });

  test('who repeats it meanwhile hears that it has run, and it runs once', async () => {
    const { answer, finish } = inHalves('legacy');
    let runs = 0;
    const counted: Answer = (given) => {
      runs++;
      return answer(given);
    };
    await using all = await behind('legacy', counted);
    const { body } = await callDump(all.gateway.url, all.gateway.token, 'legacy', 'json');
    const reading = body[Symbol.asyncIterator]();
    await reading.next();
    const again = await callDump(all.gateway.url, all.gateway.token, 'legacy', 'json');
    expect(messageIn(await again.body.text(), 'json').result.isError).toBe(true);
    finish();
    for await (const _chunk of { [Symbol.asyncIterator]: () => reading });
    expect(runs).toBe(1);
  });

  test('a caller that does not read holds its server up, and not the gateway', async () => {
    let written = 0;
    const piece = 'x'.repeat(64 * 1024);
    const most = 256;
    const stuck = deferred<void>();
    const answer: Answer = async ({ message, res }) => {
      res.setHeader('content-type', 'application/json');
      res.write(`{"jsonrpc":"2.0","id":${message.id},"result":{"content":[{"type":"text","text":"`);
      for (; written < most; written++) {
        if (res.write(piece)) continue;
        const timer = setTimeout(stuck.resolve, 1000);
        await once(res, 'drain');
        clearTimeout(timer);
      }
      stuck.resolve();
      res.end('"}]}}');
    };
    await using all = await behind('legacy', answer, { limits: { maxResultBytes: 32 * 1024 * 1024 } });
    const { body } = await callDump(all.gateway.url, all.gateway.token, 'legacy', 'json');
    await stuck.promise;
    expect(written).toBeLessThan(most);
    const message = messageIn(await body.text(), 'json');
    expect(message.result.content[0].text).toHaveLength(most * piece.length);
  });

  test('a caller that reads slowly uses up no time of its server, and gets all of it', async () => {
    const piece = 'x'.repeat(64 * 1024);
    const answer: Answer = async ({ message, res }) => {
      res.setHeader('content-type', 'application/json');
      res.write(`{"jsonrpc":"2.0","id":${message.id},"result":{"content":[{"type":"text","text":"`);
      for (let written = 0; written < 256; written++) if (!res.write(piece)) await once(res, 'drain');
      res.end('"}]}}');
    };
    await using downstream = await plainServer({
      ...{ era: 'legacy', tools: [TOOL] },
      answers: { 'tools/call dump': answer },
    });
    await using gateway = await startGateway({
      mcpServers: { big: downstream.entry({ callTimeoutMs: 4000, maxCallMs: 4000 }) },
      limits: { maxResultBytes: 32 * 1024 * 1024, breakerFailures: 1 },
    });
    const { body } = await callDump(gateway.url, gateway.token, 'legacy', 'json');
    // What takes longer than this server may take to answer.
    await new Promise((resolve) => setTimeout(resolve, 4500));
    const message = messageIn(await body.text(), 'json');
    expect(message.result.content[0].text).toHaveLength(256 * piece.length);
    expect(gateway.gateway.status().downstreams.big?.state).toBe('ready');
  });

  test.each([
    ['as it is', '"resultType":"input_required"'],
    ['with an escape', '"result\\u0054ype":"input_required"'],
    ['as no text', '"resultType":["complete"]'],
  ])('what says later that it is of another type, %s, is no answer', async (_how, type) => {
    const more = `"inputRequests":{"q":{"method":"elicitation/create","params":{"mode":"url","url":"javascript:0"}}}`;
    for (const server of eras) {
      const { answer, finish } = inHalves(server, { rest: `"}],${type},${more}}}` });
      await using all = await behind(server, answer);
      await untilCut(all.gateway, [server, 'json'], finish);
      expect(all.gateway.logs.join('\n')).toContain('a result of two types');
    }
  });

  test('what says twice that it is complete, or has such a text elsewhere, is an answer', async () => {
    const rest = '"}],"structuredContent":{"resultType":"x"},"other":"resultType","resultType":"complete"}}';
    const { answer, finish } = inHalves('modern', { rest });
    await using all = await behind('modern', answer);
    const reply = await callDump(all.gateway.url, all.gateway.token, 'modern', 'json');
    finish();
    expect(messageIn(await reply.body.text(), 'json').result.other).toBe('resultType');
  });

  test('what is cut after some of it has gone is not asked for again, even where that is allowed', async () => {
    let runs = 0;
    const gone = deferred<void>();
    const answer: Answer = async ({ message, res }) => {
      runs++;
      res.setHeader('content-type', 'application/json');
      res.write(
        `{"jsonrpc":"2.0","id":${message.id},"result":{"content":[{"type":"text","text":"${'x'.repeat(600_000)}`,
      );
      await gone.promise;
      res.destroy();
    };
    const downstream = await plainServer({
      ...{ era: 'legacy', tools: [TOOL] },
      answers: { 'tools/call dump': answer },
    });
    const entry = downstream.entry({ tools: { overrides: { dump: { retry: true } } } });
    await using gateway = await startGateway({ mcpServers: { big: entry } });
    await untilCut(gateway, ['legacy', 'json'], gone.resolve);
    expect(runs).toBe(1);
    await downstream[Symbol.asyncDispose]();
  });

  test.each([
    ['says how long it is', (bytes: number) => `Content-Length: ${bytes}\r\n`, 0],
    ['ends with the connection', () => '', 0],
    ['is cut in the middle', (bytes: number) => `Content-Length: ${bytes}\r\n`, 1000],
  ])('over a connection that its server closes behind it, where it %s', async (_how, length, missing) => {
    const close: Step = ({ message, socket }) => {
      const content = [{ type: 'text', text: 'x'.repeat(1_000_000) }];
      const result = { resultType: 'complete', content };
      const body = JSON.stringify({ jsonrpc: '2.0', id: message.id, result });
      const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n`;
      socket.end(`${head}${length(body.length)}\r\n${body.slice(0, body.length - missing)}`);
    };
    await using evil = await evilServer({ era: 'modern', on: { 'tools/call': [close] } });
    await using gateway = await startGateway({ mcpServers: { big: evil.entry() } });
    const answers = await Promise.all(
      Array.from({ length: 4 }, (_, n) =>
        gateway.post(...modernRequest('tools/call', { name: 'big__work', arguments: { n } })).then(
          ({ json }) => json.result.content[0].text.length,
          () => 'cut',
        ),
      ),
    );
    expect(answers).toEqual(Array.from({ length: 4 }, () => (missing > 0 ? 'cut' : 1_000_000)));
  });

  test.each(eras)(
    'of a server of the legacy era that begin with a type of its own are answers to a %s caller',
    async (era) => {
      const content = [{ type: 'text', text: 'x'.repeat(1_000_000) }];
      const answer: Answer = (given) => given.result({ resultType: 'table', content });
      await using at = await behind('legacy', answer);
      const { body } = await callDump(at.gateway.url, at.gateway.token, era, 'json');
      const { result } = JSON.parse(await body.text());
      expect(result).toEqual({ ...(era === 'modern' && { resultType: 'complete' }), content });
    },
  );

  test('callers that leave meanwhile hold nothing up, and nobody is blamed for it', async () => {
    let sent = 0;
    const piece = 'x'.repeat(64 * 1024);
    const answer: Answer = async ({ message, res }) => {
      res.setHeader('content-type', 'application/json');
      res.write(`{"jsonrpc":"2.0","id":${message.id},"result":{"content":[{"type":"text","text":"`);
      for (let written = 0; written < 256; written++) if (!res.write(piece)) await once(res, 'drain');
      res.end('"}]}}', () => sent++);
    };
    await using all = await behind('legacy', answer, { limits: { maxResultBytes: 32 * 1024 * 1024 } });
    const { gateway } = all;
    for (let left = 1; left <= 2; left++) {
      const { body } = await callDump(gateway.url, gateway.token, 'legacy', 'json', { left });
      await body[Symbol.asyncIterator]().next();
      body.on('error', () => {}).destroy();
      await expect.poll(() => sent).toBe(left);
    }
    await expect.poll(() => gateway.gateway.waiting().calls).toBe(0);
  });
});

test('a result that goes on in pieces is recorded with the bytes of its answer', async () => {
  const { answer, finish } = inHalves('modern');
  await using at = await behind('modern', answer);
  const { body } = await callDump(at.gateway.url, at.gateway.token, 'modern', 'json');
  finish();
  const bytes = Buffer.byteLength(await body.text());
  await expect
    .poll(() => at.gateway.logs.filter((line) => line.includes(`"resultBytes":${bytes}}`)).length)
    .toBe(1);
});
