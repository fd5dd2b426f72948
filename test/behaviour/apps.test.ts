import type { Client } from '@modelcontextprotocol/client';
import { describe, expect, test } from 'vitest';
import { legacyOffers, modernOffers, type Offer } from '../support/downstreams/offers.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { startGateway } from '../support/gateway.ts';

const SERVERS = { modern: modernOffers, legacy: legacyOffers } as const;
const CELLS = (['modern', 'legacy'] as const).flatMap((server) =>
  (['modern', 'legacy', 'v1'] as const).map((caller) => [server, caller] as const),
);
const UI = 'io.modelcontextprotocol/ui';
const HOST = { extensions: { [UI]: { mimeTypes: ['text/html;profile=mcp-app'] } } };
const APP = 'ui://clock/app.html';
const inputSchema = { type: 'object' as const };

/** A server whose tool is shown by an app that has the same URI on each of them. */
const clock = (who: string, more: Partial<Offer> = {}): Offer => ({
  who,
  tools: [
    { name: 'get-time', inputSchema, _meta: { ui: { resourceUri: APP }, 'ui/resourceUri': APP } },
    { name: `${who}-tick`, inputSchema, _meta: { ui: { resourceUri: APP, visibility: ['app'] } } },
  ],
  resources: [{ uri: APP, name: 'app', mimeType: 'text/html;profile=mcp-app' }],
  resultMeta: { ui: { resourceUri: APP } },
  ...more,
});

function appOf(tool: { _meta?: Record<string, unknown> | undefined } | undefined): string {
  const { ui } = tool?._meta ?? {};
  return (ui as { resourceUri: string }).resourceUri;
}

describe.each(CELLS)('an app of a %s server, opened by a %s host:', (era, caller) => {
  test('each tool and each result leads to the app of its own server, and what that calls reaches it', async () => {
    await using alpha = await SERVERS[era](clock('alpha'));
    await using beta = await SERVERS[era](clock('beta'));
    await using gateway = await startGateway({
      mcpServers: { alpha: alpha.entry(), beta: beta.entry() },
    });
    const host = (await gateway.connect({ era: caller as 'modern', capabilities: HOST })) as Client;
    expect(host.getServerCapabilities()).toMatchObject({ extensions: { [UI]: {} } });
    const { tools } = await host.listTools();
    for (const who of ['alpha', 'beta']) {
      const tool = tools.find(({ name }) => name === `${who}__get-time`);
      const resourceUri = appOf(tool);
      expect(resourceUri).toMatch(/^ui:\/\//);
      expect(tool?._meta?.['ui/resourceUri']).toBe(resourceUri);
      const { contents } = await host.readResource({ uri: resourceUri });
      expect(contents).toEqual([{ uri: resourceUri, text: `${who} read ${APP}` }]);
      const result = await host.callTool({ name: `${who}__get-time`, arguments: {} });
      expect(result._meta?.ui).toEqual({ resourceUri });
      // What the app itself asks for, by the name that its server knows.
      const own = await host.callTool({ name: `${who}-tick`, arguments: { n: 1 } });
      expect(own.content).toEqual([{ type: 'text', text: `${who} ran ${who}-tick {"n":1}` }]);
    }
    await expect(host.callTool({ name: 'get-time', arguments: {} })).rejects.toThrow(
      'Several servers have one of that name: alpha__get-time, beta__get-time.',
    );
  });
});

test('behind one server an app keeps its URI, and calls by every name', async () => {
  await using alpha = await modernOffers(clock('alpha'));
  await using gateway = await startGateway({ mcpServers: { alpha: alpha.entry() } });
  const host = (await gateway.connect({ era: 'modern', capabilities: HOST })) as Client;
  const { tools } = await host.listTools();
  expect(tools.map(appOf)).toEqual([APP, APP]);
  const { content } = await host.callTool({ name: 'get-time', arguments: {} });
  expect(content).toEqual([{ type: 'text', text: 'alpha ran get-time {}' }]);
});

test('the names of a server without apps are no names here', async () => {
  await using plain = await plainServer({ era: 'modern' });
  await using alpha = await modernOffers(clock('alpha'));
  await using gateway = await startGateway({ mcpServers: { plain: plain.entry(), alpha: alpha.entry() } });
  const host = (await gateway.connect({ era: 'modern', capabilities: HOST })) as Client;
  await expect(host.callTool({ name: 'echo', arguments: { text: 'x' } })).rejects.toThrow(
    'Unknown tool: echo',
  );
});

test('what an operator took away from callers, an app cannot call either; what is set, it cannot change [R104]', async () => {
  await using alpha = await modernOffers(clock('alpha'));
  const overrides = {
    'get-time': { rename: 'now', arguments: { zone: { set: 'UTC' }, format: { rename: 'style' } } },
    'alpha-tick': { enabled: false },
  };
  await using gateway = await startGateway({ mcpServers: { alpha: alpha.entry({ tools: { overrides } }) } });
  const host = (await gateway.connect({ era: 'modern', capabilities: HOST })) as Client;
  await expect(host.callTool({ name: 'alpha-tick', arguments: {} })).rejects.toThrow('Unknown tool');
  const { content } = await host.callTool({ name: 'get-time', arguments: { zone: 'CET', format: 'short' } });
  expect(content).toEqual([{ type: 'text', text: 'alpha ran get-time {"zone":"UTC","format":"short"}' }]);
});

test('a caller that shows no apps is not shown the tools that are for apps alone', async () => {
  await using alpha = await modernOffers(clock('alpha'));
  await using gateway = await startGateway({ mcpServers: { alpha: alpha.entry() } });
  const voice = (await gateway.connect({ era: 'modern', query: '?profile=realtime' })) as Client;
  const { tools } = await voice.listTools();
  expect(tools.map(({ name }) => name)).toEqual(['alpha__get-time']);
  await expect(voice.callTool({ name: 'alpha-tick', arguments: {} })).rejects.toThrow('Unknown tool');
});

describe.each(['modern', 'legacy'] as const)('to a %s server', (era) => {
  test('it is said for every list that apps can be shown, since some list them to nobody else', async () => {
    const heard: unknown[] = [];
    const usual = (
      given: Parameters<NonNullable<Parameters<typeof plainServer>[0]['answers']>[string]>[0],
    ) => {
      const { params } = given.message;
      heard.push(params.capabilities ?? params._meta['io.modelcontextprotocol/clientCapabilities']);
      return given.usual();
    };
    const asked = era === 'modern' ? 'tools/list' : 'initialize';
    await using server = await plainServer({ era, answers: { [asked]: usual } });
    await using _gateway = await startGateway({ mcpServers: { server: server.entry() } });
    expect(heard).toMatchObject([HOST]);
  });
});
