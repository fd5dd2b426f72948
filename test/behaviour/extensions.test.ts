import { describe, expect, test } from 'vitest';
import type { Exchange } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';

const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const MAPS = 'com.example/maps';
const SETTINGS = { [MAPS]: { zoom: 3 } };

/** A server of the modern era with an extension that this gateway has never heard of. */
function mapServer(extensions: object = SETTINGS) {
  const heard: Record<string, unknown>[] = [];
  const hear = (given: Exchange) => {
    heard.push(given.message.params);
    return given.message.method === 'maps/route'
      ? given.result({ resultType: 'com.example/drawn', of: given.message.params.to })
      : given.usual();
  };
  const discovered = {
    supportedVersions: ['2026-07-28'],
    resultType: 'complete',
    ttlMs: 0,
    cacheScope: 'private',
  };
  return plainServer({
    era: 'modern',
    answers: {
      'server/discover': (given) => given.result({ ...discovered, capabilities: { tools: {}, extensions } }),
      'maps/route': hear,
      'tools/call echo': hear,
    },
  }).then((server) => Object.assign(server, { heard }));
}

async function ask(
  gateway: RunningGateway,
  method: string,
  params: object,
  capabilities: object,
  meta: object = {},
) {
  const _meta = { ...meta, [CAPABILITIES]: capabilities };
  const { messages } = await gateway.post(...modernRequest(method, { ...params, _meta }));
  return messages[0];
}

const KNOWS = { extensions: { ...SETTINGS, 'com.example/other': {} } };

test('an extension that a caller and one server have passes between them as it is', async () => {
  await using server = await mapServer();
  await using plain = await plainServer({ era: 'modern' });
  await using gateway = await startGateway({ mcpServers: { maps: server.entry(), plain: plain.entry() } });
  const discovered = await ask(gateway, 'server/discover', {}, KNOWS);
  expect(discovered?.result.capabilities.extensions).toEqual(SETTINGS);

  const meta = { 'com.example/units': 'km', 'com.stranger/units': 'mi' };
  const drawn = await ask(gateway, 'maps/route', { to: 'Rome' }, KNOWS, meta);
  expect(drawn?.result).toEqual({ resultType: 'com.example/drawn', of: 'Rome' });
  await ask(gateway, 'tools/call', { name: 'maps__echo', arguments: { text: 'x' } }, KNOWS, meta);
  for (const { _meta } of server.heard as { _meta: Record<string, unknown> }[]) {
    // Told of this extension, and not of one that the server does not have.
    expect(_meta).toMatchObject({ [CAPABILITIES]: { extensions: SETTINGS }, 'com.example/units': 'km' });
    expect((_meta[CAPABILITIES] as { extensions: object }).extensions).toEqual(SETTINGS);
    expect(_meta).not.toHaveProperty('com.stranger/units');
  }
  expect(server.heard[0]).toMatchObject({ to: 'Rome' });
});

test('a caller of the legacy era that declares it in its session is told of it, and uses it', async () => {
  await using server = await mapServer();
  await using gateway = await startGateway({ mcpServers: { maps: server.entry() } });
  const client = await gateway.connect({ era: 'legacy', capabilities: { extensions: SETTINGS } });
  expect(client.getServerCapabilities()).toMatchObject({ extensions: SETTINGS });
  await client.callTool({ name: 'maps__echo', arguments: { text: 'x' } });
  expect(server.heard[0]).toMatchObject({ _meta: { [CAPABILITIES]: { extensions: SETTINGS } } });
});

test('settings that no session id can hold are not known of, in any script, and the session goes on', async () => {
  await using server = await mapServer();
  await using gateway = await startGateway({ mcpServers: { maps: server.entry() } });
  const extensions = { [MAPS]: { note: '\u8a9e'.repeat(4000) } };
  const client = await gateway.connect({ era: 'legacy', capabilities: { extensions } });
  await client.callTool({ name: 'maps__echo', arguments: { text: 'x' } });
  expect(JSON.stringify(server.heard[0])).not.toContain(MAPS);
});

test('a method that fits no header is unknown, and costs its server nothing', async () => {
  await using server = await mapServer();
  await using gateway = await startGateway({ mcpServers: { maps: server.entry() } });
  const before = server.requests.length;
  const capabilities = { extensions: SETTINGS };
  const { headers } = await gateway.post(...legacyRequest('initialize', { capabilities }));
  const session = { 'mcp-session-id': String(headers['mcp-session-id']) };
  for (const method of ['maps/日本', 'maps/a\r\nx-evil: 1', `maps/${'x'.repeat(300)}`]) {
    const { messages } = await gateway.post(legacyRequest(method, {})[0], session);
    expect(messages[0]?.error?.code).toBe(-32601);
  }
  expect(server.requests).toHaveLength(before);
});

test('without it on both ends, nothing of it passes [R72]', async () => {
  await using server = await mapServer();
  await using gateway = await startGateway({ mcpServers: { maps: server.entry() } });
  const unknown = { error: { code: -32601 } };
  expect(await ask(gateway, 'maps/route', { to: 'Rome' }, {})).toMatchObject(unknown);
  const other = { extensions: { 'com.example/other': {} } };
  expect(await ask(gateway, 'maps/route', { to: 'Rome' }, other)).toMatchObject(unknown);
  const [legacy] = (await gateway.post(...legacyRequest('maps/route', { to: 'Rome' }))).messages;
  expect(legacy).toMatchObject(unknown);
  // What the protocol has itself is no matter of an extension.
  expect(await ask(gateway, 'logging/setLevel', { level: 'debug' }, KNOWS)).toMatchObject(unknown);
  expect(server.heard).toEqual([]);
});

test('one that two servers have is nobody’s: whose a request is, it does not say', async () => {
  await using one = await mapServer();
  await using two = await mapServer();
  await using gateway = await startGateway({ mcpServers: { one: one.entry(), two: two.entry() } });
  const discovered = await ask(gateway, 'server/discover', {}, KNOWS);
  expect(discovered?.result.capabilities).not.toHaveProperty('extensions');
  expect(await ask(gateway, 'maps/route', { to: 'Rome' }, KNOWS)).toMatchObject({ error: { code: -32601 } });
});

describe('what a caller says about itself in _meta', () => {
  const meta = {
    'openai/locale': 'it-IT',
    'openai/userLocation': { city: 'Rome' },
    'com.example.deep/key': [1],
    plain: true,
    progressToken: 'token-of-the-caller',
    'io.modelcontextprotocol/somethingNew': 'x',
    traceparent: 'no trace at all',
  };

  test.each([
    [undefined, []],
    [
      ['openai/locale', 'com.example.*'],
      ['com.example.deep/key', 'openai/locale'],
    ],
    [['*'], ['com.example.deep/key', 'openai/locale', 'openai/userLocation', 'plain']],
  ])('goes on where passMeta is %j: %j', async (passMeta, passed) => {
    await using server = await plainServer({ era: 'modern', json: true });
    await using other = await plainServer({ era: 'legacy', json: true });
    await using gateway = await startGateway({
      mcpServers: { server: server.entry(passMeta && { passMeta }), other: other.entry() },
    });
    for (const name of ['server__echo', 'other__echo']) {
      await ask(gateway, 'tools/call', { name, arguments: { text: 'x' } }, {}, meta);
    }
    const heard = (at: typeof server) =>
      Object.keys(at.calls[0]?.meta ?? {}).filter((key) => !/^io\.|progressToken/.test(key));
    expect(heard(server).sort()).toEqual(passed);
    expect(heard(other)).toEqual([]);
    expect(server.calls[0]?.meta).not.toMatchObject({ progressToken: meta.progressToken });
    expect(server.calls[0]?.meta).not.toHaveProperty('io.modelcontextprotocol/somethingNew');
  });
});
