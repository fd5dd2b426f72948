import { expect, test } from 'vitest';
import { doorTo } from '../support/door.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { answersStatus, cutsConnection, neverAnswers } from '../support/downstreams/wire.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { type Message, modernRequest } from '../support/messages.ts';
import type { OpenReply } from '../support/wire-client.ts';

let calls = 0;

/** No two are the same: those would be joined. */
async function call(gateway: RunningGateway): Promise<string> {
  const given = { name: 'crm__echo', arguments: { text: 'hello', n: ++calls } };
  const reply = await gateway.post(...modernRequest('tools/call', given));
  return reply.messages.at(-1)?.result.content[0].text;
}

/** Calls until it is no longer left alone. */
async function callUntilSent(gateway: RunningGateway): Promise<string> {
  const text = await call(gateway);
  return text.includes('is left alone') ? callUntilSent(gateway) : text;
}

/** A server whose echo is as broken as the test says at the moment. */
async function breakable(broken: Answer, era: 'modern' | 'legacy' = 'modern') {
  const state = { answer: undefined as Answer | undefined, calls: 0 };
  const answer: Answer = (given) => {
    state.calls++;
    return (state.answer ?? given.usual)(given);
  };
  const server = await plainServer({ era, answers: { 'tools/call echo': answer } });
  state.answer = broken;
  return { ...server, state };
}

test.each([
  ['answers 500', answersStatus(500)],
  ['answers 503', answersStatus(503)],
  ['cuts the connection', cutsConnection('before headers')],
  ['does not answer in time', neverAnswers],
])(
  'a server that %s five times in a row is left alone, and what is not sent fails at once',
  async (_what, broken) => {
    await using crm = await breakable(broken);
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry({ callTimeoutMs: 1000 }) } });
    for (let i = 0; i < 5; i++) expect(await call(gateway)).not.toContain('in a row');
    const ms: number[] = [];
    for (let i = 0; i < 50; i++) {
      const startedAt = performance.now();
      expect(await call(gateway)).toMatch(
        /^"crm" failed 5 times in a row and is left alone for (30|2\d|1\d) s\./,
      );
      ms.push(performance.now() - startedAt);
    }
    expect(crm.state.calls).toBe(5);
    // A promise of 10 ms, which a machine that is busy with other things keeps for the quickest of them.
    expect(Math.min(...ms)).toBeLessThan(10);
    expect(gateway.gateway.status().downstreams.crm).toMatchObject({
      state: 'down',
      why: 'its calls fail one after the other',
    });
  },
);

test('one call finds out whether it has recovered, and then all are sent again', async () => {
  await using crm = await breakable(answersStatus(500));
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry() },
    limits: { breakerFailures: 2, breakerOpenMs: 3000 },
  });
  await call(gateway);
  await call(gateway);
  expect(await call(gateway)).toContain('is left alone for 3 s');
  let go = () => {};
  const probed = new Promise<void>((resolve) => {
    go = resolve;
  });
  crm.state.answer = async (given) => {
    await probed;
    return given.usual();
  };
  const probe = callUntilSent(gateway);
  await expect.poll(() => crm.state.calls).toBe(3);
  expect(await call(gateway)).toContain('is being tried with one request');
  expect(crm.state.calls).toBe(3);
  go();
  expect(await probe).toBe('hello');
  expect(await Promise.all([call(gateway), call(gateway)])).toEqual(['hello', 'hello']);
  expect(gateway.gateway.status().downstreams.crm?.state).toBe('ready');
});

/** The one call that finds out, sent as soon as one may be, with the first that is heard of it. */
async function probe(gateway: RunningGateway): Promise<OpenReply & { first: Message | undefined }> {
  const _meta = {
    progressToken: 'mine',
    'io.modelcontextprotocol/clientCapabilities': { elicitation: {} },
    'io.modelcontextprotocol/logLevel': 'debug',
  };
  const given = { name: 'crm__echo', arguments: { text: 'hello', n: ++calls }, _meta };
  const reply = await gateway.open(...modernRequest('tools/call', given));
  const first = await reply.next();
  return JSON.stringify(first).includes('is left alone') ? probe(gateway) : { ...reply, first };
}

const FORM = { message: 'Sure?', requestedSchema: { type: 'object', properties: {} } };

const LOGGED = { level: 'info', data: 'x' };

test.each([
  ['reports progress', 'all are sent', 'modern', 'notifications/progress', { progress: 1 }],
  ['asks its caller something', 'all are sent', 'legacy', 'elicitation/create', FORM],
  // It may be about another call, where they share a channel.
  ['logs something', 'others are still refused', 'modern', 'notifications/message', LOGGED],
] as const)('when a server %s about the one call that it is tried with, %s', async (...row) => {
  const [_what, then, era, method, said] = row;
  await using crm = await breakable(answersStatus(500), era);
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry() },
    limits: { breakerFailures: 1, breakerOpenMs: 300 },
  });
  await call(gateway);
  crm.state.answer = ({ message, stream }) => {
    crm.state.answer = undefined;
    const { progressToken } = message.params._meta;
    const id = method === 'elicitation/create' ? { id: 'q' } : {};
    stream().send({ ...id, method, params: { progressToken, ...said } });
  };
  const { first, cut } = await probe(gateway);
  expect(JSON.stringify(first)).toContain(method);
  const heard = then === 'all are sent' ? 'hello' : 'is being tried with one request';
  expect(await call(gateway)).toContain(heard);
  cut();
});

test('an answer that says isError, a JSON-RPC error and a 4xx are no failures', async () => {
  await using crm = await breakable(answersStatus(400));
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry() },
    limits: { breakerFailures: 2 },
  });
  for (let i = 0; i < 4; i++) expect(await call(gateway)).toContain('HTTP 400');
  crm.state.answer = (given) =>
    given.result({ content: [{ type: 'text', text: 'no' }], isError: true, resultType: 'complete' });
  for (let i = 0; i < 4; i++) expect(await call(gateway)).toBe('no');
  // One failure, one answer: never two in a row.
  for (let i = 0; i < 4; i++) {
    crm.state.answer = answersStatus(500);
    expect(await call(gateway)).toContain('HTTP 500');
    crm.state.answer = undefined;
    expect(await call(gateway)).toBe('hello');
  }
});

test('a server that went away is a matter of its connection: back again, it is called at once', async () => {
  await using crm = await plainServer({ era: 'modern' });
  await using door = await doorTo(crm.url);
  await using gateway = await startGateway({
    mcpServers: { crm: { url: door.url } },
    limits: { breakerFailures: 1, breakerOpenMs: 600_000 },
  });
  expect(await call(gateway)).toBe('hello');
  const open = await door.close();
  for (let i = 0; i < 5; i++) expect(await call(gateway)).not.toContain('in a row');
  await open();
  await expect.poll(() => gateway.gateway.status().downstreams.crm?.state).toBe('ready');
  expect(await call(gateway)).toBe('hello');
  expect(gateway.logs.join('\n')).not.toContain('circuit_open');
});

test('with breakerFailures 0 every call is sent', async () => {
  await using crm = await breakable(answersStatus(500));
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry() },
    limits: { breakerFailures: 0 },
  });
  for (let i = 0; i < 20; i++) expect(await call(gateway)).toContain('HTTP 500');
  expect(crm.state.calls).toBe(20);
});
