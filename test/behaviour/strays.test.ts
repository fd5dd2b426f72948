import { describe, expect, test } from 'vitest';
import { requestsOf, type ServerEntry } from '../support/downstreams/downstream.ts';
import { lateServer } from '../support/downstreams/late.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';

/* What a server says without saying to which call it belongs, after the call that it belongs to is over. */

interface Server extends AsyncDisposable {
  entry(extra?: ServerEntry): ServerEntry;
  heard(method: string): number;
}

async function startServer(over: 'stdio' | 'HTTP'): Promise<Server> {
  if (over === 'HTTP') {
    const server = await lateServer();
    const heard = (method: string) => requestsOf(server, method).length;
    return { ...server, heard };
  }
  const server = stdioServer('late');
  return {
    entry: server.entry,
    heard: (method) =>
      server.events.filter((event) => event.event === 'received' && event.message.method === method).length,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const ANSWER = { action: 'accept', content: {} } as const;

async function connect(gateway: RunningGateway) {
  const heard: unknown[] = [];
  const client = await gateway.connect({
    era: 'legacy',
    capabilities: { elicitation: { form: {} } },
    onElicit: ({ params }) => {
      heard.push(params.message);
      return ANSWER;
    },
  });
  client.setNotificationHandler('notifications/message', ({ params }) => void heard.push(params.data));
  const call = async (name: string, signal?: AbortSignal) => {
    const params = { name: `crm__${name}`, arguments: {} };
    const { content } = await client.callTool(params, signal && { signal });
    return (content as { text: string }[])[0]?.text ?? '';
  };
  return { call, heard };
}

describe.each(['stdio', 'HTTP'] as const)('a legacy server over %s', (over) => {
  test('that goes on with a cancelled call asks and tells nobody else, and its own caller still', async () => {
    await using crm = await startServer(over);
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ callTimeoutMs: 20_000 }) } });
    const [alice, bob] = [await connect(gateway), await connect(gateway)];
    const abort = new AbortController();
    const call = expect(alice.call('holds', abort.signal)).rejects.toThrow();
    await expect.poll(() => crm.heard('tools/call')).toBe(1);
    abort.abort();
    await call;
    await expect.poll(() => crm.heard('notifications/cancelled')).toBe(1);
    expect(JSON.parse(await bob.call('waits'))).toMatchObject({ code: -32601 });
    expect([alice.heard, bob.heard]).toEqual([[], []]);
    expect(JSON.parse(await alice.call('waits'))).toEqual(ANSWER);
    expect(alice.heard).toContain('late question');
  });

  test('that goes on with a call that took too long asks and tells nobody else', async () => {
    await using crm = await startServer(over);
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ callTimeoutMs: 1500 }) } });
    const [alice, bob] = [await connect(gateway), await connect(gateway)];
    // A process is started for who can be asked, and that may take longer than a call.
    await expect.poll(() => bob.call('waits')).toBe(JSON.stringify(ANSWER));
    bob.heard.length = 0;
    expect(await alice.call('holds')).toContain('did not answer');
    expect(JSON.parse(await bob.call('waits'))).toMatchObject({ code: -32601 });
    expect([alice.heard, bob.heard]).toEqual([[], []]);
  });
});

test('what a call logged on another stream than its answer is not told to who calls next', async () => {
  await using crm = await lateServer();
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const [alice, bob] = [await connect(gateway), await connect(gateway)];
  await bob.call('quick');
  expect(JSON.parse(await bob.call('waits'))).toEqual(ANSWER);
  // His own, all of it.
  expect(bob.heard).toEqual(['late log', 'late question']);
  bob.heard.length = 0;
  await alice.call('quick');
  expect(JSON.parse(await bob.call('waits'))).toEqual(ANSWER);
  expect(bob.heard).toEqual(['late question']);
});
