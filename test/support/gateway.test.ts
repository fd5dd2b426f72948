import { expect, test } from 'vitest';
import { openaiRealtime } from './callers/openai.ts';
import { legacyServer } from './downstreams/legacy.ts';
import { modernServer } from './downstreams/modern.ts';
import { stdioServer } from './downstreams/stdio.ts';
import { startGateway } from './gateway.ts';
import { legacyRequest, modernRequest } from './messages.ts';

test('the real gateway runs in this process, for real clients and for bare requests', async () => {
  await using crm = await modernServer({ requires: { 'X-API-KEY': 'k-123456' } });
  await using old = await legacyServer({ sessions: true, json: false });
  await using local = stdioServer('v2');
  const mcpServers = { crm: crm.entry(), old: old.entry({ prefix: 'old_' }), local: local.entry() };
  await using gateway = await startGateway({ mcpServers });

  for (const era of ['modern', 'legacy', 'auto'] as const) {
    const client = await gateway.connect({ era });
    const result = await client.callTool({ name: 'crm__echo', arguments: { text: era } });
    expect(result).toMatchObject({ content: [{ text: era }] });
  }
  const first = await gateway.connect({ era: 'v1' });
  expect(await first.callTool({ name: 'old_echo', arguments: { text: 'v1' } })).toMatchObject({
    content: [{ text: 'v1' }],
  });

  const modern = await gateway.post(...modernRequest('tools/list'));
  expect(modern.json.result.tools).toHaveLength(15);
  expect(await gateway.post(...legacyRequest('ping'))).toMatchObject({
    status: 200,
    messages: [{ id: 1, result: {} }],
  });
  expect(await gateway.post({}, { authorization: undefined })).toMatchObject({ status: 401 });
  expect(await gateway.send('/healthz', { method: 'GET' })).toMatchObject({ status: 200, framing: 'json' });

  const stream = await gateway.open(
    ...modernRequest('tools/call', {
      name: 'crm__progress',
      arguments: { steps: 1 },
      _meta: { progressToken: 't' },
    }),
  );
  expect(await stream.next()).toMatchObject({
    method: 'notifications/progress',
    params: { progressToken: 't' },
  });
  expect(await stream.next()).toMatchObject({ id: 1, result: { content: [{ text: '1 steps' }] } });

  const call = { name: 'local__echo', arguments: { text: 'hello' } };
  expect(await openaiRealtime(gateway.url, gateway.token, { call })).toMatchObject({ version: '2026-07-28' });
  expect(gateway.logs.join('\n')).not.toContain('k-123456');
});
