import { expect, test } from 'vitest';
import { plainServer } from '../support/downstreams/plain.ts';
import { asks } from '../support/downstreams/wire.ts';
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
  await using crm = await plainServer({ era: 'modern', json: true });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  await using caller = await rawCaller(gateway.url);
  const [body, headers] = modernRequest('tools/call', { name: 'crm__slow', arguments: { ms: 12_000 } });
  const accept = 'application/json, text/event-stream';
  caller.send(rawPost(gateway.token, body, { ...headers, accept }));
  await caller.until(/waited 12000 ms/);
  const [first] = caller.chunks;
  expect(first?.bytes.toString()).toContain('HTTP/1.1 200');
  // Claude Code gives up after 60 s without a byte; the call is answered after 12.
  expect(first?.at).toBeLessThan(11_900);
});
