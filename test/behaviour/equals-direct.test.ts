import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { describe, expect, test } from 'vitest';
import type { HttpDownstream } from '../support/downstreams/downstream.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { legacyServer } from '../support/downstreams/legacy.ts';
import { modernServer } from '../support/downstreams/modern.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { answersResult } from '../support/downstreams/wire.ts';
import { startGateway } from '../support/gateway.ts';
import { legacyRequest, type Message, modernRequest } from '../support/messages.ts';
import { send } from '../support/wire-client.ts';

const ODD_TOOL = {
  name: 'odd',
  title: 'Odd',
  description: 'Line one.\nLine two: "quotes", \\ and 😀.',
  inputSchema: {
    type: 'object',
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $defs: { a: { $anchor: 'a', type: ['string', 'null'] } },
    properties: { a: { $ref: '#/$defs/a' }, constructor: { type: 'string' }, __proto__x: {} },
    // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own word.
    allOf: [{ if: { required: ['a'] }, then: { minProperties: 1 } }],
    additionalProperties: false,
    'x-vendor': [1, 2.5, null],
  },
  outputSchema: { type: 'object', properties: {} },
  annotations: { readOnlyHint: true, 'x-odd': 1 },
  icons: [{ src: 'https://example.com/i.png' }],
  _meta: { 'example.com/x': { deep: [[[]]] }, 'anthropic/alwaysLoad': true },
  unknownField: { kept: true },
};

const ODD_RESULT = {
  content: [
    { type: 'text', text: 'a\u0000b\u2028c\ud800', annotations: { audience: ['user'] }, extra: 1 },
    { type: 'image', data: 'AAAA', mimeType: 'image/png' },
    { type: 'audio', data: 'AAAA', mimeType: 'audio/wav' },
    { type: 'resource', resource: { uri: 'test://x', blob: 'AAAA' } },
    { type: 'resource_link', uri: 'file:///x', name: 'x' },
    { type: 'unknown_kind', payload: { n: 1e21, m: -0.5 } },
  ],
  structuredContent: { list: [1, 'two', null], 'odd key': 1e21 },
  isError: false,
  _meta: { 'example.com/y': [1, 2, 3] },
  unknownField: 'kept',
};

const FIXTURES: readonly (readonly [what: string, start: () => Promise<HttpDownstream>])[] = [
  ['a modern SDK server', () => modernServer()],
  ['a legacy SDK server without sessions', () => legacyServer({ sessions: false, json: true })],
  [
    'a modern server with everything odd',
    () =>
      plainServer({
        era: 'modern',
        tools: [ODD_TOOL],
        answers: { 'tools/call odd': answersResult({ resultType: 'complete', ...ODD_RESULT }) },
      }),
  ],
  [
    'a legacy server with everything odd',
    () =>
      plainServer({
        era: 'legacy',
        tools: [ODD_TOOL],
        answers: { 'tools/call odd': answersResult(ODD_RESULT) },
      }),
  ],
];

/** What is the gateway's own to say, in results of the modern era. */
function withoutOwn(result: Message['result'], list: boolean) {
  const { resultType: _type, ttlMs: _ttl, cacheScope: _scope, ...rest } = result;
  if (list) delete rest._meta;
  return rest;
}

describe.each(FIXTURES)('through the gateway equals direct, for %s:', (_what, start) => {
  test.each(['modern', 'legacy'] as const)('lists and results, to a %s caller [R24]', async (era) => {
    await using downstream = await start();
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry({ prefix: '' }) } });
    const direct = await directCalls(downstream);
    const ask = async (method: string, params: Record<string, unknown> = {}) => {
      const request = era === 'modern' ? modernRequest(method, params) : legacyRequest(method, params);
      return (await gateway.post(...request)).messages.at(-1)?.result;
    };

    const directList = await direct('tools/list');
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    expect(withoutOwn(await ask('tools/list'), true)).toEqual({ tools: directList.tools.sort(byName) });

    for (const call of [
      { name: 'echo', arguments: { text: 'x' } },
      { name: 'fail', arguments: {} },
      { name: 'add', arguments: { a: 1, b: 2 } },
      { name: 'odd', arguments: { a: null } },
    ].filter(({ name }) => directList.tools.some((tool: { name: string }) => tool.name === name))) {
      const expected = withoutOwn(await direct('tools/call', call), false);
      expect(withoutOwn(await ask('tools/call', call), false), call.name).toEqual(expected);
    }
  });
});

describe('numbers that JavaScript cannot hold, and how they are written, are left as they are', () => {
  const written = '{"content":[],"n":12345678901234567890,"x":1.0,"e":1E400}';
  const eras = ['modern', 'legacy'] as const;
  const servers = [
    ['legacy', '', written],
    ['modern', '', `{"resultType":"complete",${written.slice(1)}`],
    ['modern', ' that says its type last', `${written.slice(0, -1)},"resultType":"complete"}`],
  ] as const;
  test.each(servers.flatMap(([...server]) => eras.map((caller) => [...server, caller] as const)))(
    'from a %s server%s: %s to a %s caller',
    async (server, _how, result, caller) => {
      const answer: Answer = ({ message, res }) => {
        res.setHeader('content-type', 'application/json');
        res.end(`{"result":${result},"jsonrpc":"2.0","id":${message.id}}`);
      };
      await using downstream = await plainServer({
        era: server,
        tools: [ODD_TOOL],
        answers: { 'tools/call odd': answer },
      });
      await using gateway = await startGateway({ mcpServers: { crm: downstream.entry({ prefix: '' }) } });
      const params = { name: 'odd', arguments: {} };
      const request =
        caller === 'modern' ? modernRequest('tools/call', params) : legacyRequest('tools/call', params);
      expect((await gateway.post(...request)).text).toContain(written.slice(1, -1));
    },
  );
});

/** Asks the fixture itself, in the era that it speaks. */
async function directCalls(downstream: HttpDownstream) {
  const probe = new Client({ name: 'probe', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await probe.connect(new StreamableHTTPClientTransport(new URL(downstream.url)));
  const isModern = probe.getProtocolEra() === 'modern';
  await probe.close();
  return async (method: string, params: Record<string, unknown> = {}) => {
    const [body, headers] = isModern ? modernRequest(method, params) : legacyRequest(method, params);
    const usual = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    const reply = await send(downstream.url, { body, headers: { ...usual, ...headers } });
    return reply.messages.at(-1)?.result;
  };
}
