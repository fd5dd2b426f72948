import { describe, expect, test } from 'vitest';
import { commonNames } from './common-tools.ts';
import { cursorLoop, endlessPages, oddCursor, pages } from './downstreams/pages.ts';
import { plainServer } from './downstreams/plain.ts';
import * as wire from './downstreams/wire.ts';
import { envelope, legacyRequest, modernRequest } from './messages.ts';
import { open, send } from './wire-client.ts';

const accept = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
describe('a plain server puts on the wire', () => {
  const call = { name: 'x', arguments: {} };
  async function answered(
    answer: Parameters<typeof plainServer>[0]['answers'] & object,
    era: 'modern' | 'legacy',
  ) {
    const server = await plainServer({ era, answers: answer });
    const [body, headers] = (era === 'modern' ? modernRequest : legacyRequest)('tools/call', call);
    return { server, reply: () => send(server.url, { body, headers: { ...accept, ...headers } }) };
  }

  test.each<[string, Parameters<typeof answered>[0][string] & object, object]>([
    ['a stream without an answer', wire.endsStreamWithoutAnswer(2), { framing: 'sse', status: 200 }],
    ['202', wire.acceptsWithoutAnswer, { status: 202, text: '' }],
    ['a wrong id', wire.answersWrongId('sse'), { messages: [{ id: 'not-yours' }] }],
    ['a login page', wire.answersHtml, { framing: 'other', text: expect.stringContaining('Sign in') }],
    ['nothing', wire.answersEmptyBody, { framing: 'json', text: '' }],
    [
      'a 500 of 100 KB',
      wire.answersStatus(500, { bytes: 100_000 }),
      { status: 500, text: expect.stringMatching(/^boom/) },
    ],
    ['a 401', wire.answersStatus(401, { headers: { 'www-authenticate': 'Bearer' } }), { status: 401 }],
    ['a redirect', wire.redirects('https://elsewhere.example/mcp'), { status: 307 }],
    ['exactly one result', wire.answersResult({ odd: null }), { messages: [{ result: { odd: null } }] }],
  ])('%s', async (_, answer, expected) => {
    const { server, reply } = await answered({ 'tools/call x': answer }, 'legacy');
    await using _server = server;
    expect(await reply()).toMatchObject(expected);
  });

  test('what is not JSON, and connections that break', async () => {
    for (const answer of [
      wire.answersInvalidJson,
      wire.cutsConnection('before headers'),
      wire.cutsConnection('after headers'),
      wire.cutsConnection('in the body'),
    ]) {
      const { server, reply } = await answered({ 'tools/call': answer }, 'modern');
      await using _server = server;
      await expect(reply()).rejects.toThrow();
      expect(server.cancellations).toEqual([]);
    }
  });

  test('progress and its result in one piece', async () => {
    const { server, reply } = await answered({ 'tools/call': wire.progressThenResult(50) }, 'modern');
    await using _server = server;
    const { messages } = await reply();
    expect(messages).toHaveLength(51);
    expect(messages.at(-1)?.result.content).toEqual([{ type: 'text', text: 'done' }]);
  });

  test('a huge answer, plain and compressed', async () => {
    for (const as of ['json', 'sse', 'gzip'] as const) {
      const { server, reply } = await answered({ 'tools/call': wire.answersHuge(3_000_000, as) }, 'legacy');
      await using _server = server;
      const { text, messages } = await reply();
      if (as === 'gzip') expect(text.length).toBeLessThan(10_000);
      else expect(messages[0]?.result.content[0].text).toHaveLength(3_000_000);
    }
  });

  test('a question to the caller on the stream of its own call', async () => {
    const answers = { 'tools/call': wire.asks('elicitation/create', { message: 'Sure?' }, 7) };
    await using server = await plainServer({ era: 'legacy', answers });
    const [body] = legacyRequest('tools/call', call);
    const reply = await open(server.url, { body, headers: accept });
    expect(await reply.next()).toMatchObject({
      id: 7,
      method: 'elicitation/create',
      params: { message: 'Sure?' },
    });
    const answer = { jsonrpc: '2.0', id: 7, result: { action: 'accept' } };
    expect(await send(server.url, { body: answer, headers: accept })).toMatchObject({ status: 202 });
    expect((await reply.next())?.result.content[0].text).toBe('{"action":"accept"}');
    expect(await reply.next()).toBeUndefined();
  });

  test('a redirect to itself with a slash', async () => {
    await using server = await plainServer({ era: 'modern', redirectsTo: '/mcp/' });
    const [body, headers] = modernRequest('tools/list');
    const sending = { body, headers: { ...accept, ...headers } };
    const { status, headers: given } = await send(server.url, sending);
    expect([status, given.location]).toEqual([307, '/mcp/']);
    expect((await send(`${server.url}/`, sending)).json.result.tools).toHaveLength(commonNames.length);
  });

  test('cancellations, told apart by how they came', async () => {
    const slow = { name: 'slow', arguments: { ms: 60_000 } };
    await using modern = await plainServer({ era: 'modern' });
    const [body, headers] = modernRequest('tools/call', slow, 'a');
    (await open(modern.url, { body, headers: { ...accept, ...headers } })).cut();
    await expect.poll(() => modern.cancellations).toEqual([{ requestId: 'a', by: 'closed stream' }]);
    await expect.poll(() => modern.calls[0]?.outcome).toBe('cancelled');

    await using legacy = await plainServer({ era: 'legacy' });
    const [call] = legacyRequest('tools/call', slow, { id: 'b' });
    (await open(legacy.url, { body: call, headers: accept })).cut();
    await expect.poll(() => legacy.requests[0]?.closedEarly).toBe(true);
    expect([legacy.cancellations, legacy.calls[0]?.outcome]).toEqual([[], 'running']);
    const params = { requestId: 'b', reason: 'enough' };
    await send(legacy.url, {
      body: { jsonrpc: '2.0', method: 'notifications/cancelled', params },
      headers: accept,
    });
    expect(legacy.cancellations).toEqual([{ requestId: 'b', reason: 'enough', by: 'notification' }]);
    expect(legacy.calls[0]?.outcome).toBe('cancelled');
  });

  test('silence, until the request is cancelled', async () => {
    await using server = await plainServer({ era: 'legacy', answers: { 'tools/call': wire.neverAnswers } });
    const silent = send(server.url, { body: legacyRequest('tools/call', call)[0], headers: accept });
    await expect.poll(() => server.requests.length).toBe(1);
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } };
    await send(server.url, { body: cancelled, headers: accept });
    expect(await silent).toMatchObject({ text: '' });
  });

  test('pages that end, and pages that never do', async () => {
    const cursors = async (page: ReturnType<typeof pages>) => {
      await using server = await plainServer({ era: 'modern', page });
      const seen: unknown[] = [];
      let cursor: unknown;
      do {
        const [body, headers] = modernRequest('tools/list', cursor === undefined ? {} : { cursor });
        const { result } = (await send(server.url, { body, headers: { ...accept, ...headers } })).json;
        cursor = result.nextCursor;
        seen.push(cursor);
      } while (cursor !== undefined && cursor !== null && seen.length < 4);
      return seen;
    };
    expect(await cursors(pages(2))).toEqual(['after-1', undefined]);
    expect(await cursors(endlessPages())).toEqual(['after-1', 'after-2', 'after-3', 'after-4']);
    expect(await cursors(cursorLoop())).toEqual(['ping', 'pong', 'ping', 'pong']);
    expect(await cursors(oddCursor(''))).toEqual(['', undefined]);
    expect(await cursors(oddCursor(null))).toEqual([null]);
  });

  test('2026-07-28 errors for what is older', async () => {
    await using server = await plainServer({ era: 'modern' });
    const [body, headers] = legacyRequest('initialize', { protocolVersion: '2025-11-25' });
    const reply = await send(server.url, { body, headers: { ...accept, ...headers } });
    expect([reply.status, reply.json.error.code]).toEqual([400, -32022]);
    expect(envelope('test')).toHaveProperty(['io.modelcontextprotocol/protocolVersion'], '2026-07-28');
  });
});
