import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { requestsOf } from '../support/downstreams/downstream.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import {
  acceptsWithoutAnswer,
  answersEmptyBody,
  answersHtml,
  answersHuge,
  answersInvalidJson,
  answersResult,
  answersStatus,
  answersWrongId,
  asks,
  cutsConnection,
  endsStreamWithoutAnswer,
  neverAnswers,
  redirects,
} from '../support/downstreams/wire.ts';
import { startGateway } from '../support/gateway.ts';
import { sendJson } from '../support/http-server.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';

const MAY_HAVE_RUN = 'The call may have run: check before repeating it.';

/** What the downstream does, and the whole sentence that the model reads. */
const FAILURES: readonly (readonly [what: string, answer: Answer, sentence: string])[] = [
  [
    'ends its stream without an answer',
    endsStreamWithoutAnswer(),
    `"crm" sent no answer (its reply ended early). ${MAY_HAVE_RUN}`,
  ],
  [
    'ends its stream after progress',
    endsStreamWithoutAnswer(3),
    `"crm" sent no answer (its reply ended early). ${MAY_HAVE_RUN}`,
  ],
  ['accepts and says nothing', acceptsWithoutAnswer, `"crm" sent no answer (HTTP 202). ${MAY_HAVE_RUN}`],
  [
    'answers another id in JSON',
    answersWrongId('json'),
    `"crm" sent no answer (its reply was for another request). ${MAY_HAVE_RUN}`,
  ],
  [
    'answers another id in SSE',
    answersWrongId('sse'),
    `"crm" sent no answer (its reply was for another request). ${MAY_HAVE_RUN}`,
  ],
  [
    'answers a web page [R46]',
    answersHtml,
    `"crm" answered with something that is not MCP (text/html). ${MAY_HAVE_RUN}`,
  ],
  [
    'answers broken JSON',
    answersInvalidJson,
    `"crm" answered with something that is not MCP (invalid JSON). ${MAY_HAVE_RUN}`,
  ],
  ['answers nothing', answersEmptyBody, `"crm" sent no answer (its reply ended early). ${MAY_HAVE_RUN}`],
  [
    'answers 500 with a huge body',
    answersStatus(500, { bytes: 20_000_000 }),
    `"crm" failed (HTTP 500). ${MAY_HAVE_RUN}`,
  ],
  ['answers 400', answersStatus(400), '"crm" failed (HTTP 400).'],
  [
    'answers 401',
    answersStatus(401),
    `"crm" refused this gateway's credentials (HTTP 401). Trying again will not help until its headers are corrected.`,
  ],
  [
    'answers 403',
    answersStatus(403),
    `"crm" refused this gateway's credentials (HTTP 403). Trying again will not help until its headers are corrected.`,
  ],
  [
    'answers 429',
    answersStatus(429, { headers: { 'retry-after': '7' } }),
    '"crm" is limiting requests (HTTP 429). Try again in 7 s.',
  ],
  [
    'redirects elsewhere',
    redirects('https://evil.example/mcp?token=x'),
    '"crm" redirects to https://evil.example (HTTP 307), and headers are never sent to an address that is not in servers.json.',
  ],
  ['redirects to nowhere', ({ res }) => res.writeHead(304).end(), '"crm" failed (HTTP 304).'],
  ['redirects to what is no server', redirects('javascript:alert(1)'), '"crm" failed (HTTP 307).'],
  [
    'redirects to one of two places',
    ({ res }) => res.writeHead(302, ['location', 'https://b.example/x', 'location', '/login']).end(),
    '"crm" redirects to https://b.example (HTTP 302), and headers are never sent to an address that is not in servers.json.',
  ],
  [
    'cuts before any byte',
    cutsConnection('before headers'),
    `"crm" closed the connection before answering. ${MAY_HAVE_RUN}`,
  ],
  [
    'cuts after the headers',
    cutsConnection('after headers'),
    `"crm" closed the connection before answering. ${MAY_HAVE_RUN}`,
  ],
  [
    'cuts in the body',
    cutsConnection('in the body'),
    `"crm" closed the connection before answering. ${MAY_HAVE_RUN}`,
  ],
  [
    'answers more than the limit',
    answersHuge(300_000),
    `"crm" answered with more than 256 KiB, the limit set by limits.maxResultBytes. Ask it for less at a time. ${MAY_HAVE_RUN}`,
  ],
  [
    'answers more than the limit in SSE',
    answersHuge(300_000, 'sse'),
    `"crm" answered with more than 256 KiB, the limit set by limits.maxResultBytes. Ask it for less at a time. ${MAY_HAVE_RUN}`,
  ],
  [
    'answers a compressed bomb',
    answersHuge(100_000_000, 'gzip'),
    `"crm" answered with more than 256 KiB, the limit set by limits.maxResultBytes. Ask it for less at a time. ${MAY_HAVE_RUN}`,
  ],
  ['never answers [R73]', neverAnswers, `"crm" did not answer crm__echo within 400 ms. ${MAY_HAVE_RUN}`],
];

describe.each(['modern', 'legacy'] as const)('a call to a %s downstream that', (era) => {
  test.each(FAILURES)('%s is answered with one sentence', async (_what, answer, sentence) => {
    await using downstream = await plainServer({ era, answers: { 'tools/call echo': answer } });
    await using gateway = await startGateway({
      // What writes 20 MB in this process may take a while where others run.
      mcpServers: { crm: downstream.entry({ callTimeoutMs: answer === neverAnswers ? 400 : 5000 }) },
      limits: { maxResultBytes: 256 * 1024 },
    });
    for (const request of [modernRequest, legacyRequest]) {
      const reply = await gateway.post(...request('tools/call', { name: 'crm__echo', arguments: {} }));
      const { result } = reply.messages.at(-1) ?? {};
      expect(reply.status).toBe(200);
      expect(result.isError).toBe(true);
      expect(result.content).toEqual([{ type: 'text', text: sentence }]);
    }
    // The one that failed takes nothing else with it.
    const after = await gateway.post(
      ...modernRequest('tools/call', { name: 'crm__add', arguments: { a: 1, b: 2 } }),
    );
    expect(after.messages.at(-1)?.result.content[0].text).toBe('3');
  });
});

describe.each(['modern', 'legacy'] as const)('a refusal with 400 of a %s downstream', (era) => {
  test.each([
    ['without an id, as the specification has it', undefined],
    ['with the id null', null],
    ['with a name for an id, as Python SDKs have it', 'server-error'],
  ])('%s says why', async (_how, id) => {
    const error = { code: -32602, message: 'Validation error: text is missing' };
    const answer: Answer = ({ res }) => sendJson(res, 400, { jsonrpc: '2.0', id, error });
    await using downstream = await plainServer({
      era,
      sessions: era === 'legacy',
      answers: { 'tools/call echo': answer },
    });
    await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
    const reply = await gateway.post(...modernRequest('tools/call', { name: 'crm__echo', arguments: {} }));
    expect(reply.messages.at(-1)?.error).toEqual(error);
    expect(requestsOf(downstream, 'tools/call')).toHaveLength(1);
  });
});

test('an answer whose server and proxy both say what it is reaches the caller', async () => {
  const json = ({ id }: { id?: unknown }) =>
    JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: 'hello' }] } });
  const type = ['content-type', 'application/json', 'content-type', 'application/json'];
  await using downstream = await plainServer({
    era: 'legacy',
    answers: {
      'tools/call echo': ({ message, res }) => res.writeHead(200, type).end(json(message)),
      'tools/call add': ({ message, res }) =>
        res
          .writeHead(200, [...type, 'content-encoding', 'gzip', 'content-encoding', 'gzip'])
          .end(gzipSync(json(message))),
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  for (const name of ['crm__echo', 'crm__add']) {
    const reply = await gateway.post(...modernRequest('tools/call', { name, arguments: {} }));
    expect(reply.json.result.content).toEqual([{ type: 'text', text: 'hello' }]);
  }
});

test('a request for input that a legacy caller cannot be asked for is a failure, not a result', async () => {
  const inputRequired = answersResult({
    resultType: 'input_required',
    inputRequests: { roots: { method: 'roots/list' } },
  });
  await using downstream = await plainServer({
    era: 'modern',
    answers: { 'tools/call echo': inputRequired },
  });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  const reply = await gateway.post(...legacyRequest('tools/call', { name: 'crm__echo', arguments: {} }));
  expect(reply.messages[0]?.result).toMatchObject({ isError: true });
});

test('a legacy downstream that asks its caller something is told at once that nobody answers [R157]', async () => {
  await using downstream = await plainServer({
    era: 'legacy',
    answers: {
      'tools/call echo': asks('elicitation/create', { message: '?' }),
      'tools/call add': asks('ping'),
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  const client = await gateway.connect({ era: 'modern' });
  const asked = await client.callTool({ name: 'crm__echo', arguments: { text: 'x' } });
  expect(asked.content).toEqual([{ type: 'text', text: expect.stringContaining('-32601') }]);
  const pinged = await client.callTool({ name: 'crm__add', arguments: {} });
  expect(pinged.content).toEqual([{ type: 'text', text: '{}' }]);
});

test('a failure says nothing that the downstream said, in the answer or in the log [R111]', async () => {
  await using downstream = await plainServer({
    era: 'modern',
    answers: { 'tools/call echo': answersStatus(500, { headers: { 'x-internal': 'boom' } }) },
  });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  const reply = await gateway.post(...modernRequest('tools/call', { name: 'crm__echo', arguments: {} }));
  expect(reply.text).toContain('HTTP 500');
  expect(reply.text).not.toContain('boom');
  expect(gateway.logs.join('\n')).not.toContain('boom');
});

test('a failure is one sentence on one line, whatever its caller has asked for', async () => {
  await using crm = await plainServer({
    era: 'legacy',
    answers: {
      initialize: ({ result }) =>
        result({
          protocolVersion: '2025-11-25',
          capabilities: { resources: {} },
          serverInfo: { name: 'x', version: '1' },
        }),
      'resources/read': neverAnswers,
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ callTimeoutMs: 1000 }) } });
  const uri = 'notes://all\n[12:00:00.000] INFO: nothing happened';
  const reply = await gateway.post(...legacyRequest('resources/read', { uri }));
  const message = reply.messages[0]?.error?.message;
  expect(message).toContain(
    'did not answer notes://all [12:00:00.000] INFO: nothing happened within 1000 ms',
  );
  // On a terminal the log shows it as it is.
  expect(gateway.logs.map((line) => JSON.parse(line).msg)).toContain(message);
});

test("a downstream's own JSON-RPC error is its answer, and is passed on", async () => {
  const error: Answer = (given) => given.error(-32602, 'text is required', { data: { field: 'text' } });
  await using downstream = await plainServer({ era: 'modern', answers: { 'tools/call echo': error } });
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } });
  const reply = await gateway.post(
    ...modernRequest('tools/call', { name: 'crm__echo', arguments: {} }, 'id-1'),
  );
  expect(reply.json).toEqual({
    jsonrpc: '2.0',
    id: 'id-1',
    error: { code: -32602, message: 'text is required', data: { field: 'text' } },
  });
});
