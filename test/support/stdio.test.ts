import { describe, expect, test } from 'vitest';
import { isAlive } from './child.ts';
import { cancelSlowCall, connectDirectly, useCommonTools } from './common-tools.ts';
import { type StdioFlavour, stdioServer } from './downstreams/stdio.ts';
import { startLine } from './stdio-line.ts';

describe('a stdio fixture', () => {
  const flavours: [StdioFlavour, string][] = [
    ['v1', '2025-11-25'],
    ['v2', '2026-07-28'],
    ['v2-modern', '2026-07-28'],
    ['exits-on-probe', '2025-11-25'],
    ['noisy', '2025-11-25'],
    ['dies', '2025-11-25'],
  ];
  test.each(flavours)('%s has the common tools', async (flavour, version) => {
    await using server = stdioServer(flavour);
    await using connected = await connectDirectly(server.entry());
    expect(connected.client.getNegotiatedProtocolVersion()).toBe(version);
    await useCommonTools(connected);
    const received = (method: string) =>
      server.events.filter((e) => e.event === 'received' && e.message.method === method);
    await cancelSlowCall(connected, () => JSON.stringify(received('tools/call').at(-1)).includes('slow'));
    const cancelled = { event: 'call ended', tool: 'slow', outcome: 'cancelled' };
    await expect.poll(() => server.events).toContainEqual(cancelled);
    expect(received('notifications/cancelled')).toHaveLength(1);
  });

  // Not with an SDK client: over stdio both lose the progress that arrives together with the result.
  test.each(['v1', 'noisy'] as const)('%s reports progress before its result', async (flavour) => {
    await using server = stdioServer(flavour);
    await using line = startLine(server.entry());
    await line.request('initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 't', version: '1' },
    });
    line.send({ method: 'notifications/initialized' });
    const call = { name: 'progress', arguments: { steps: 3 }, _meta: { progressToken: 'p' } };
    await line.request('tools/call', call, 'c');
    expect(line.messages.slice(1).map((message) => message.params?.progress ?? message.id)).toEqual([
      1,
      2,
      3,
      'c',
    ]);
    expect(line.lines.length > line.messages.length).toBe(flavour === 'noisy');
  });

  test('dies in the middle of a call', async () => {
    await using server = stdioServer('dies');
    await using connected = await connectDirectly(server.entry());
    await expect(connected.client.callTool({ name: 'die', arguments: {} })).rejects.toThrow(
      'Connection closed',
    );
  });

  test('is ended with its grandchildren when the test ends, and when it is stubborn', async () => {
    for (const flavour of ['grandchild', 'stubborn'] as const) {
      const server = stdioServer(flavour);
      const { client } = await connectDirectly(server.entry(), 'legacy');
      const { pids } = server;
      expect(pids.filter(isAlive)).toHaveLength(flavour === 'grandchild' ? 2 : 1);
      if (flavour === 'grandchild') {
        await client.close();
        await expect.poll(() => pids.filter(isAlive).length).toBe(1);
      }
      await server[Symbol.asyncDispose]();
      await expect.poll(() => pids.filter(isAlive)).toEqual([]);
      await client.close();
    }
  });
});
