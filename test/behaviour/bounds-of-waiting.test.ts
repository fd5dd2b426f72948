import { expect, test } from 'vitest';
import { plainServer } from '../support/downstreams/plain.ts';
import { startGateway } from '../support/gateway.ts';
import { modernRequest } from '../support/messages.ts';

test('of more calls than maxParked that wait for answers, the server hears why its question is not put, and the others go on', async () => {
  let asked = 0;
  await using crm = await plainServer({
    era: 'legacy',
    tools: [{ name: 'ask', inputSchema: { type: 'object' } }],
    answers: {
      'tools/call ask': async (given) => {
        const stream = given.stream();
        const id = `question-of-call-${++asked}`;
        const params = { message: 'Which one?', requestedSchema: { type: 'object', properties: {} } };
        stream.send({ id, method: 'elicitation/create', params });
        const { result, error } = await given.responseTo(id);
        stream.result({ content: [{ type: 'text', text: JSON.stringify(result ?? error) }] });
      },
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() }, limits: { maxParked: 2 } });
  const _meta = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
  const call = async (n: number, round: object = {}) => {
    const params = { name: 'crm__ask', arguments: { n }, ...round, _meta };
    return (await gateway.post(...modernRequest('tools/call', params))).messages.at(-1)?.result;
  };
  const [first, second] = [await call(1), await call(2)];
  expect([first.resultType, second.resultType]).toEqual(['input_required', 'input_required']);
  expect(gateway.gateway.waiting().parked).toBe(2);
  const beyond = await call(3);
  const text =
    '2 calls wait for their callers to answer, as many as limits.maxParked in servers.json of this gateway allows.';
  expect(JSON.parse(beyond.content[0].text)).toEqual({ code: -32603, message: text });

  const answer = { action: 'accept', content: { choice: 'blue' } };
  const answers = ({ inputRequests, requestState }: { inputRequests: object; requestState: string }) => ({
    inputResponses: Object.fromEntries(Object.keys(inputRequests).map((key) => [key, answer])),
    requestState,
  });
  const toldTo = async (n: number, round: typeof first) =>
    JSON.parse((await call(n, answers(round))).content[0].text);
  expect(await toldTo(1, first)).toEqual(answer);
  // There is room again.
  const another = await call(4);
  expect(another.resultType).toBe('input_required');
  expect([await toldTo(2, second), await toldTo(4, another)]).toEqual([answer, answer]);
  expect(gateway.gateway.waiting().parked).toBe(0);
});

test('more streams of HTTP+SSE than maxListeners are a 429, and the one that is open goes on', async () => {
  await using crm = await plainServer({ era: 'modern' });
  await using gateway = await startGateway({
    legacySse: true,
    mcpServers: { crm: crm.entry() },
    limits: { maxListeners: 1 },
  });
  const headers = { authorization: `Bearer ${gateway.token}` };
  const sse = new URL('/sse', gateway.url);
  const first = await fetch(sse, { headers });
  const reader = (first.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
  const [, path = ''] = String((await reader.read()).value).match(/data: (.*)\n/) ?? [];
  const second = await gateway.send('/sse', { method: 'GET', headers });
  expect([second.status, second.headers['retry-after'], second.json]).toEqual([
    429,
    '5',
    { error: '1 streams of changes are open, as many as limits.maxListeners in servers.json allows.' },
  ]);
  const body = { jsonrpc: '2.0', id: 'mine', method: 'ping' };
  const sent = { ...headers, 'content-type': 'application/json' };
  expect((await gateway.send(path, { body, headers: sent })).status).toBe(202);
  expect((await reader.read()).value).toContain('"id":"mine"');
  await reader.cancel();
});
