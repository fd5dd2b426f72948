import { expect, test, vi } from 'vitest';
import { plainServer } from '../support/downstreams/plain.ts';
import { neverAnswers } from '../support/downstreams/wire.ts';
import { silence } from '../support/evil/steps.ts';
import { evilServer } from '../support/evil/wire.ts';
import { startGateway } from '../support/gateway.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';
import { refusingPort } from '../support/refusing-port.ts';

test('F2 an attempt that gets no answer leaves no connection behind', async () => {
  const on = { 'server/discover': [silence], initialize: [silence] };
  await using evil = await evilServer({ era: 'modern', on });
  const entry = evil.entry({ connectTimeoutMs: 200 });
  await using gateway = await startGateway({ mcpServers: { evil: entry } });
  for (let attempts = 1; attempts <= 3; attempts++) {
    await expect
      .poll(() => evil.heard.filter(({ method }) => method === 'server/discover').length)
      .toBe(attempts);
    await expect.poll(() => evil.connections.open).toBe(0);
  }
  expect(gateway.gateway.status().downstreams.evil?.state).toBe('down');
});

test('F3 with every server down and none known, lists are empty and the process is well', async () => {
  await using dead = await refusingPort();
  const url = `http://127.0.0.1:${dead.port}/mcp`;
  await using gateway = await startGateway({ mcpServers: { a: { url }, b: { url } } });
  for (const request of [modernRequest, legacyRequest]) {
    const reply = await gateway.post(...request('tools/list'));
    expect([reply.status, reply.messages[0]?.result.tools]).toEqual([200, []]);
  }
  for (const page of ['/healthz', '/readyz']) {
    expect((await gateway.send(page, { method: 'GET' })).status).toBe(200);
  }
});

test.each([
  ['forward', 3_600_000],
  ['back', -3_600_000],
])('F14 a clock that jumps by an hour, %s, ends no call', async (_where, ms) => {
  let goOn = () => {};
  await using crm = await plainServer({
    era: 'modern',
    answers: {
      'tools/call echo': async (given) => {
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
        return given.usual();
      },
      'tools/call add': neverAnswers,
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ callTimeoutMs: 3000 }) } });
  const call = (name: string) =>
    gateway.post(...modernRequest('tools/call', { name, arguments: { text: 'hello', a: 1, b: 2 } }));
  const [well, late] = [call('crm__echo'), call('crm__add')];
  await expect.poll(() => crm.requests.filter(({ body }) => isCall(body)).length).toBe(2);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms });
  try {
    goOn();
    expect((await well).messages.at(-1)?.result.content[0].text).toBe('hello');
    // Its time is neither over at once, nor an hour longer.
    expect((await late).json.result.content[0].text).toContain('within 3000 ms');
    expect((await gateway.post(...modernRequest('tools/list'))).status).toBe(200);
  } finally {
    vi.useRealTimers();
  }
});

const isCall = (body: unknown) => (body as { method?: string }).method === 'tools/call';
