import { expect, test } from 'vitest';
import { deferred } from '../../src/promises.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { asks, textResult } from '../support/downstreams/wire.ts';
import { startGateway } from '../support/gateway.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';
import { rawCaller, rawPost } from '../support/raw-caller.ts';

test('F85 a question whose caller has gone is taken back', async () => {
  const question = asks('elicitation/create', { message: '?', requestedSchema: { type: 'object' } });
  await using crm = await plainServer({ era: 'legacy', answers: { 'tools/call echo': question } });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const begin = {
    protocolVersion: '2025-11-25',
    capabilities: { elicitation: {} },
    clientInfo: { name: 't', version: '1' },
  };
  const { headers } = await gateway.post(...legacyRequest('initialize', begin));
  const [body] = legacyRequest('tools/call', { name: 'crm__echo', arguments: {} }, { id: 2 });
  const stream = await gateway.open(body, { 'mcp-session-id': String(headers['mcp-session-id']) });
  expect(await stream.next()).toMatchObject({ method: 'elicitation/create' });
  stream.cut();
  const answers = () =>
    crm.requests.map(({ body }) => body as { id?: unknown; result?: unknown } | undefined);
  await expect
    .poll(() => answers().find((body) => body?.id === 'question-1')?.result)
    .toEqual({
      action: 'cancel',
    });
  await expect.poll(() => gateway.gateway.waiting().calls).toBe(0);
});

test('F86 a call that takes long says so before its caller gives up', async () => {
  const heard = deferred<void>();
  const answer: Answer = async ({ message, result }) => {
    await heard.promise;
    result(textResult('done', message));
  };
  await using crm = await plainServer({ era: 'modern', answers: { 'tools/call echo': answer } });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  await using caller = await rawCaller(gateway.url);
  const [body, headers] = modernRequest('tools/call', { name: 'crm__echo', arguments: {} });
  const accept = 'application/json, text/event-stream';
  caller.send(rawPost(gateway.token, body, { ...headers, accept }));
  // It is answered when the caller has heard something. Claude Code gives up after 60 s without a byte.
  await caller.until(/HTTP\/1.1 200/);
  expect(caller.text).not.toContain('done');
  heard.resolve();
  await caller.until(/done/);
});
