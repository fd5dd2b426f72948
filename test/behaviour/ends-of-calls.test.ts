import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { requestsOf } from '../support/downstreams/downstream.ts';
import { type PlainDownstream, plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { cutsConnection } from '../support/downstreams/wire.ts';
import { startGateway } from '../support/gateway.ts';
import { legacyRequest, type Message, modernRequest } from '../support/messages.ts';

const call = (name: string, args: Record<string, unknown> = {}) => ({
  name: `crm__${name}`,
  arguments: args,
});
const calls = (server: PlainDownstream) => requestsOf(server, 'tools/call');
const argumentsOf = (body: unknown) => (body as Message).params.arguments;

describe.each(['legacy', 'modern'] as const)('of a %s downstream', (era) => {
  test('progress without end does not keep a call alive for ever [R73] [R74]', async () => {
    await using crm = await plainServer({
      era,
      answers: {
        'tools/call echo': async (given) => {
          const stream = given.stream();
          const { progressToken } = given.message.params._meta;
          for (let progress = 1; !given.signal.aborted; progress++) {
            stream.send({ method: 'notifications/progress', params: { progressToken, progress } });
            await sleep(20);
          }
        },
      },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ callTimeoutMs: 2000 }) } });
    const params = { ...call('echo'), _meta: { progressToken: 1 } };
    const { messages } = await gateway.post(...modernRequest('tools/call', params));
    expect(messages.length).toBeGreaterThan(1);
    expect(messages.at(-1)?.result.content[0].text).toContain('did not answer crm__echo within 2000 ms');
    // It has been told by the rule of its era.
    await expect.poll(() => crm.cancellations).toHaveLength(1);
    expect(crm.cancellations[0]?.by).toBe(era === 'modern' ? 'closed stream' : 'notification');
  });

  test('a call that has ended is never cancelled, however its caller leaves [R75]', async () => {
    await using crm = await plainServer({ era });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const begun = await gateway.post(...legacyRequest('initialize', {}));
    const session = { 'mcp-session-id': String(begun.headers['mcp-session-id']) };
    const [legacy] = legacyRequest('tools/call', call('echo', { text: 'x' }));
    for (let id = 1; id <= 5; id++) {
      await gateway.post({ ...legacy, id }, session);
      const stream = await gateway.open(...modernRequest('tools/call', call('echo', { text: 'x' }), id));
      await stream.next();
      stream.cut();
      for (const requestId of [id, id, id + 100]) {
        const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } };
        expect((await gateway.post(cancelled, session)).status).toBe(202);
      }
    }
    // Behind everything that could have come of it.
    await gateway.post(...modernRequest('tools/call', call('add', { a: 1, b: 2 })));
    expect(crm.cancellations).toEqual([]);
  });

  test('an answer that comes after its call was cancelled is dropped, and the next call has its own [R76] [R77]', async () => {
    await using crm = await plainServer({
      era,
      answers: {
        // It does not care that it is cancelled, and answers when it hears of it.
        'tools/call echo': (given) =>
          new Promise<void>((resolve) => {
            const stream = given.stream();
            given.signal.addEventListener('abort', () => {
              stream.result({ resultType: 'complete', content: [{ type: 'text', text: 'late' }] });
              resolve();
            });
          }),
      },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ repeatGraceMs: 0 }) } });
    const client = await gateway.connect({ era: 'modern' });
    for (let round = 1; round <= 20; round++) {
      const abort = new AbortController();
      const late = client.callTool(call('echo', { round }), { signal: abort.signal });
      const refused = expect(late).rejects.toThrow();
      await expect.poll(() => calls(crm).some(({ body }) => argumentsOf(body).round === round)).toBe(true);
      abort.abort();
      await refused;
      await expect.poll(() => crm.cancellations).toHaveLength(round);
      const { content } = await client.callTool(call('add', { a: round, b: 1 }));
      expect(content).toEqual([{ type: 'text', text: `${round + 1}` }]);
    }
  });

  test('what a tool says of itself does not make a call that was cut run twice [R102]', async () => {
    const annotations = { readOnlyHint: true, idempotentHint: true, destructiveHint: false };
    await using crm = await plainServer({
      era,
      tools: [{ name: 'look', inputSchema: { type: 'object' }, annotations }],
      answers: { 'tools/call look': cutsConnection('before headers') },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const { json } = await gateway.post(...modernRequest('tools/call', call('look')));
    expect(json.result.content[0].text).toContain('The call may have run');
    expect(calls(crm)).toHaveLength(1);
  });
});

test('on a pipe a call is cancelled by the id that it has there, and the pipe serves the next [R61]', async () => {
  await using files = stdioServer('v1');
  await using gateway = await startGateway({ mcpServers: { crm: files.entry() } });
  const client = await gateway.connect({ era: 'modern' });
  const heard = (method: string) =>
    files.events.flatMap((event) =>
      event.event === 'received' && event.message.method === method ? [event.message] : [],
    );
  const abort = new AbortController();
  const slow = expect(
    client.callTool(call('slow', { ms: 60_000 }), { signal: abort.signal }),
  ).rejects.toThrow();
  await expect.poll(() => heard('tools/call')).toHaveLength(1);
  abort.abort();
  await slow;
  await expect.poll(() => heard('notifications/cancelled').length).toBe(1);
  const [cancelled] = heard('notifications/cancelled');
  expect(cancelled?.params.requestId).toBe(heard('tools/call')[0]?.id);
  const { content } = await client.callTool(call('echo', { text: 'next' }));
  expect(content).toEqual([{ type: 'text', text: 'next' }]);
});
