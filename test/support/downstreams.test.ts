import { describe, expect, test } from 'vitest';
import { cancelSlowCall, connectDirectly, reportProgress, useCommonTools } from './common-tools.ts';
import type { HttpDownstream } from './downstreams/downstream.ts';
import { everythingEntry, everythingServer } from './downstreams/everything.ts';
import { legacyServer, legacyVersions } from './downstreams/legacy.ts';
import { modernServer } from './downstreams/modern.ts';
import { plainServer } from './downstreams/plain.ts';
import { send } from './wire-client.ts';

const accept = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
const httpServers: Record<string, [make: () => Promise<HttpDownstream>, version: string]> = {
  'modern McpServer': [() => modernServer(), '2026-07-28'],
  'modern Server, SSE': [() => modernServer({ api: 'Server', responseMode: 'sse' }), '2026-07-28'],
  'dual era': [() => modernServer({ dual: true }), '2026-07-28'],
  'plain modern': [() => plainServer({ era: 'modern' }), '2026-07-28'],
  'plain legacy': [() => plainServer({ era: 'legacy', sessions: true }), '2025-11-25'],
  'legacy, sessions, SSE': [() => legacyServer({ sessions: true, json: false }), '2025-11-25'],
  'legacy, no sessions, SSE': [() => legacyServer({ sessions: false, json: false }), '2025-11-25'],
};
for (const version of legacyVersions) {
  httpServers[`legacy ${version}`] = [() => legacyServer({ sessions: true, json: false, version }), version];
}

describe('an HTTP fixture', () => {
  test.each(Object.entries(httpServers))('%s has the common tools', async (name, [make, version]) => {
    await using server = await make();
    await using connected = await connectDirectly(server.entry());
    expect(connected.client.getNegotiatedProtocolVersion()).toBe(version);
    await useCommonTools(connected);
    await reportProgress(connected);
    // Without sessions a legacy server cannot know which call a cancellation means.
    if (name.includes('no sessions')) return;
    await cancelSlowCall(connected, () => server.calls.at(-1)?.tool === 'slow');
    await expect.poll(() => server.calls.at(-1)?.outcome).toBe('cancelled');
  });

  test('that answers JSON serves the same tools', async () => {
    await using server = await legacyServer({ sessions: true, json: true });
    await using connected = await connectDirectly(server.entry());
    await useCommonTools(connected);
  });

  test('with a guard lets in who has every header, and writes down what it received', async () => {
    const requires = { 'X-API-KEY': 'k', 'X-Tenant-ID': 'acme' };
    await using server = await modernServer({ requires, refusesWith: 403 });
    await expect(connectDirectly({ url: server.url, headers: { 'X-API-KEY': 'k' } })).rejects.toThrow();
    await using connected = await connectDirectly(server.entry());
    await connected.client.listTools();
    expect(server.requests.at(-1)).toMatchObject({
      method: 'POST',
      url: '/mcp',
      headers: { 'x-tenant-id': 'acme' },
    });
    await send(server.url, { headers: { ...accept, 'X-Mixed-Case': 'A' }, body: '{' });
    expect(server.requests.at(-1)).toMatchObject({
      rawHeaders: expect.arrayContaining(['X-Mixed-Case']),
      body: '{',
    });
  });

  test('forgets its sessions', async () => {
    for (const make of [
      () => legacyServer({ sessions: true, json: true }),
      () => plainServer({ era: 'legacy', sessions: true }),
    ]) {
      await using server = await make();
      await using connected = await connectDirectly(server.entry(), 'legacy');
      await connected.client.listTools();
      await server.forgetSessions();
      await expect(connected.client.listTools()).rejects.toMatchObject({
        message: expect.stringMatching('not found'),
      });
    }
  });
});

describe('the everything server', () => {
  test('speaks over HTTP and over stdio', async () => {
    await using server = await everythingServer();
    for (const entry of [server.entry(), everythingEntry()]) {
      await using connected = await connectDirectly(entry, 'legacy');
      const result = await connected.client.callTool({ name: 'echo', arguments: { message: 'hi' } });
      expect(result).toMatchObject({ content: [{ text: 'Echo: hi' }] });
    }
  });
});
