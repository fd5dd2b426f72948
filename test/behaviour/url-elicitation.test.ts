import type { Client } from '@modelcontextprotocol/client';
import { describe, expect, test } from 'vitest';
import type { PlainDownstream } from '../support/downstreams/plain.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { startGateway } from '../support/gateway.ts';
import { type Message, modernRequest } from '../support/messages.ts';

/* Revision 2025-11-25: a server may want an address to be opened before it does what it was asked. */

const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const SIGN_IN = { mode: 'url', elicitationId: 'e1', url: 'https://example.com/in', message: 'Sign in' };
const tools = [{ name: 'act', inputSchema: { type: 'object' } }];

/** Wants it opened the first time it is called, and then runs. */
function wants(elicitations: unknown): Promise<PlainDownstream> {
  let isOpened = false;
  return plainServer({
    era: 'legacy',
    tools,
    answers: {
      'tools/call act'({ error, result }) {
        if (isOpened) return result({ content: [{ type: 'text', text: 'done' }] });
        isOpened = true;
        error(-32042, 'Open these first', { data: { elicitations } });
      },
    },
  });
}

async function callModern(crm: PlainDownstream, capabilities: object): Promise<Message> {
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry(), other: crm.entry() } });
  const params = { name: 'crm__act', arguments: {}, _meta: { [CAPABILITIES]: capabilities } };
  return (await gateway.post(...modernRequest('tools/call', params))).messages.at(-1) as Message;
}

describe('an address that is to be opened first', () => {
  test.each([
    ['accept', 'done'],
    ['decline', 'needs something to be opened first, and that was declined'],
  ] as const)('is a question to a caller of the modern era that opens some: %s', async (action, told) => {
    await using crm = await wants([SIGN_IN]);
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const asked: string[] = [];
    const client = await gateway.connect({
      era: 'modern',
      capabilities: { elicitation: { url: {} } },
      onElicit: ({ params }) => {
        asked.push(`${params.message} ${(params as { url?: string }).url}`);
        return { action };
      },
    });
    const { content } = await client.callTool({ name: 'crm__act', arguments: {} });
    expect(JSON.stringify(content)).toContain(told);
    expect(asked).toEqual(['Sign in https://example.com/in']);
  });

  test('that is declined has a reason of its own: no credentials were refused', async () => {
    await using crm = await wants([SIGN_IN]);
    let refusals = 0;
    await using gateway = await startGateway(
      { mcpServers: { crm: crm.entry() } },
      { onCredentialsRefused: () => void refusals++ },
    );
    const client = await gateway.connect({
      era: 'modern',
      capabilities: { elicitation: { url: {} } },
      onElicit: () => ({ action: 'decline' }),
    });
    const { _meta } = await client.callTool({ name: 'crm__act', arguments: {} });
    expect(_meta?.['mcp-switchboard/failure']).toEqual({
      downstream: 'crm',
      reason: 'declined',
      mayHaveRun: false,
      retryable: false,
    });
    const lines = gateway.logs.map((line) => JSON.parse(line));
    const calls = lines.filter(({ event }) => event === 'call');
    expect(calls.at(-1)).toMatchObject({ outcome: 'failed', reason: 'declined' });
    const headers = { authorization: `Bearer ${gateway.token}` };
    const { text } = await gateway.send('/metrics', { method: 'GET', headers });
    expect(text).toContain('mcp_switchboard_call_failures_total{downstream="crm",reason="declined"} 1');
    expect(refusals).toBe(0);
  });

  test.each(['legacy', 'v1'] as const)('is passed on to a %s caller that opens some', async (era) => {
    await using crm = await wants([SIGN_IN]);
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry(), other: crm.entry() } });
    const capabilities = { elicitation: { url: {} } };
    const client = (await gateway.connect({ era: era as 'legacy', capabilities })) as Client;
    const call = client.callTool({ name: 'crm__act', arguments: {} });
    await expect(call).rejects.toMatchObject({
      code: -32042,
      data: { elicitations: [{ ...SIGN_IN, message: 'crm: Sign in' }] },
    });
    expect(JSON.stringify(await client.callTool({ name: 'crm__act', arguments: {} }))).toContain('done');
  });

  test('is kept from callers that open none', async () => {
    for (const capabilities of [{}, { elicitation: {} }, { elicitation: { form: {} }, roots: {} }]) {
      await using crm = await wants([SIGN_IN]);
      const requiredCapabilities = { elicitation: { url: {} } };
      expect((await callModern(crm, capabilities)).error).toMatchObject({
        code: -32021,
        data: { requiredCapabilities },
      });
      await using again = await wants([SIGN_IN]);
      await using gateway = await startGateway({ mcpServers: { crm: again.entry() } });
      const client = await gateway.connect({ era: 'legacy', capabilities });
      const { isError, content } = await client.callTool({ name: 'crm__act', arguments: {} });
      expect([isError, JSON.stringify(content)]).toEqual([
        true,
        expect.stringContaining('cannot be given here'),
      ]);
    }
  });

  test.each([
    ['a script', [{ ...SIGN_IN, url: 'javascript:alert(1)' }], 'no http or https address'],
    ['one of them a file', [SIGN_IN, { ...SIGN_IN, url: 'file:///etc/passwd' }], 'no http or https address'],
    ['a form', [{ ...SIGN_IN, mode: 'form' }], 'cannot be given here'],
    ['nothing', [], 'cannot be given here'],
    ['nonsense', 'x', 'cannot be given here'],
  ])('that is %s is opened by nobody', async (_what, elicitations, sentence) => {
    await using crm = await wants(elicitations);
    const { result } = await callModern(crm, { elicitation: { url: {} } });
    expect([result.isError, result.content[0].text]).toEqual([true, expect.stringContaining(sentence)]);
    await using again = await wants(elicitations);
    await using gateway = await startGateway({ mcpServers: { crm: again.entry() } });
    const client = await gateway.connect({ era: 'legacy', capabilities: { elicitation: { url: {} } } });
    const { content } = await client.callTool({ name: 'crm__act', arguments: {} });
    expect(JSON.stringify(content)).toContain(sentence);
  });
});

test('that it is done hears who was to open it, whoever calls meanwhile, once, and nobody else [R171]', async () => {
  const method = 'notifications/elicitation/complete';
  await using crm = await plainServer({
    era: 'legacy',
    tools: ['act', 'asks', 'finishes'].map((name) => ({ name, inputSchema: { type: 'object' } })),
    answers: {
      'tools/call act': ({ error }) =>
        error(-32042, 'Open these first', { data: { elicitations: [SIGN_IN] } }),
      async 'tools/call asks'({ stream, message, responseTo }) {
        const events = stream();
        const id = `of ${message.id}`;
        events.send({ id, method: 'elicitation/create', params: { ...SIGN_IN, elicitationId: 'e2' } });
        await responseTo(id);
        events.send({ method, params: { elicitationId: 'e2' } });
        events.result({ content: [] });
      },
      'tools/call finishes'({ stream }) {
        const events = stream();
        for (const elicitationId of ['e1', 'e1', 'e3', 7]) events.send({ method, params: { elicitationId } });
        events.result({ content: [] });
      },
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const heard: unknown[] = [];
  const connect = async (name: string) => {
    const client = await gateway.connect({
      era: 'legacy',
      capabilities: { elicitation: { url: {} } },
      onElicit: () => ({ action: 'accept' }),
    });
    client.setNotificationHandler(method, ({ params }) => void heard.push(`${name} ${params.elicitationId}`));
    return client;
  };
  const [alice, bob] = [await connect('alice'), await connect('bob')];
  await alice.callTool({ name: 'crm__asks', arguments: {} });
  await expect.poll(() => heard).toEqual(['alice e2']);
  await expect(alice.callTool({ name: 'crm__act', arguments: {} })).rejects.toMatchObject({ code: -32042 });
  await bob.callTool({ name: 'crm__finishes', arguments: {} });
  await expect.poll(() => heard).toEqual(['alice e2', 'alice e1']);
  await bob.callTool({ name: 'crm__asks', arguments: {} });
  await expect.poll(() => heard).toEqual(['alice e2', 'alice e1', 'bob e2']);
});
