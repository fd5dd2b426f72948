import { describe, expect, test } from 'vitest';
import type { Answer } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { textResult } from '../support/downstreams/wire.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { modernRequest } from '../support/messages.ts';

/** A tool that answers when the test says so, and shows in which order it was asked. */
function held() {
  const asked: string[] = [];
  const answers: (() => void)[] = [];
  const answer: Answer = async (given) => {
    const text = given.message.params?.arguments?.text;
    asked.push(text);
    await new Promise<void>((resolve) => {
      answers.push(resolve);
      given.signal.addEventListener('abort', () => resolve());
    });
    if (!given.signal.aborted) given.result(textResult(text, given.message));
  };
  return { asked, answers, answer };
}

const echo = (gateway: RunningGateway, text: string, key = 'crm') =>
  gateway.post(...modernRequest('tools/call', { name: `${key}__echo`, arguments: { text } }));
const textOf = async (reply: ReturnType<typeof echo>) =>
  (await reply).messages.at(-1)?.result.content[0].text as string;

test('as many requests as maxInFlight run, as many as maxQueue wait in order, the next one hears at once that it is busy', async () => {
  const { asked, answers, answer } = held();
  await using crm = await plainServer({ era: 'modern', answers: { 'tools/call echo': answer } });
  await using well = await plainServer({ era: 'modern' });
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry({ maxInFlight: 2, maxQueue: 2 }), well: well.entry() },
  });
  const calls: ReturnType<typeof echo>[] = [];
  for (const text of ['a', 'b', 'c', 'd']) {
    calls.push(echo(gateway, text));
    // One after the other reaches the gateway; the two that wait are seen by the one that finds no room.
    if (calls.length <= 2) await expect.poll(() => asked.length).toBe(calls.length);
    else await roundTrip(gateway);
  }
  const refused = (await echo(gateway, 'e')).json.result;
  expect(refused).toMatchObject({
    isError: true,
    content: [
      {
        text: '"crm" is busy: 2 requests run and 2 wait, as many as maxInFlight and maxQueue in servers.json allow. Trying again may help.',
      },
    ],
    _meta: { 'mcp-switchboard/failure': { downstream: 'crm', reason: 'busy', mayHaveRun: false } },
  });
  // Others are as if nothing were.
  expect(await textOf(echo(gateway, 'hello', 'well'))).toBe('hello');
  expect(asked).toEqual(['a', 'b']);
  for (let i = 0; i < 4; i++) {
    await expect.poll(() => answers.length).toBeGreaterThan(i);
    answers[i]?.();
  }
  expect(await Promise.all(calls.map(textOf))).toEqual(['a', 'b', 'c', 'd']);
  expect(asked).toEqual(['a', 'b', 'c', 'd']);
});

/** A call that has come back was behind all that was sent before it. */
const roundTrip = (gateway: RunningGateway) => echo(gateway, 'between', 'well');

test('who leaves the queue, by cancelling or for its deadline, is never sent, and makes room', async () => {
  const { asked, answers, answer } = held();
  await using crm = await plainServer({ era: 'modern', answers: { 'tools/call echo': answer } });
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry({ maxInFlight: 1, maxQueue: 1 }) },
  });
  const first = echo(gateway, 'first');
  await expect.poll(() => asked.length).toBe(1);
  const leave = new AbortController();
  const [body, headers] = modernRequest('tools/call', { name: 'crm__echo', arguments: { text: 'left' } });
  const usual = { 'content-type': 'application/json', authorization: `Bearer ${gateway.token}` };
  const left = gateway.send('/mcp', { body, headers: { ...usual, ...headers }, signal: leave.signal });
  left.catch(() => {});
  await expect.poll(async () => (await textOf(echo(gateway, 'x'))).includes('is busy')).toBe(true);
  leave.abort();
  await expect(left).rejects.toThrow();
  // Its place is free again once the gateway has heard of that.
  const waiting = () => gateway.gateway.waiting().downstream;
  await expect.poll(waiting).toBe(1);
  const second = echo(gateway, 'second');
  await expect.poll(waiting).toBe(2);
  answers[0]?.();
  await expect.poll(() => answers.length).toBe(2);
  answers[1]?.();
  expect(await textOf(first)).toBe('first');
  expect(await textOf(second)).toBe('second');
  expect(asked).toEqual(['first', 'second']);
});

test('who waits until its deadline hears that the server was busy, and that it did not run', async () => {
  const { asked, answers, answer } = held();
  await using crm = await plainServer({
    era: 'modern',
    answers: { 'tools/call echo': answer, 'tools/call fail': answer },
  });
  const overrides = { echo: { callTimeoutMs: 500 } };
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry({ maxInFlight: 1, tools: { overrides } }) },
  });
  const running = gateway.post(
    ...modernRequest('tools/call', { name: 'crm__fail', arguments: { text: 'a' } }),
  );
  await expect.poll(() => asked).toEqual(['a']);
  expect(await textOf(echo(gateway, 'b'))).toBe(
    '"crm" was busy for 500 ms with as many requests as maxInFlight in servers.json allows. Trying again may help.',
  );
  answers[0]?.();
  expect(await textOf(running)).toBe('a');
  expect(asked).toEqual(['a']);
});

test('resources that are watched take no connection from calls', async () => {
  const { asked, answers, answer } = held();
  let watched = 0;
  await using crm = await plainServer({
    era: 'legacy',
    capabilities: { tools: {}, resources: { subscribe: true } },
    answers: {
      'resources/list': ({ result }) => result({ resources: [{ uri: 'test://a', name: 'a' }] }),
      'resources/subscribe'(given) {
        watched++;
        return answer(given);
      },
    },
  });
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry({ maxInFlight: 1 }) },
  });
  const resourceSubscriptions = Array.from({ length: 100 }, (_, i) => `test://a/${i}`);
  const watching = await gateway.open(
    ...modernRequest('subscriptions/listen', { notifications: { resourceSubscriptions } }),
  );
  await expect.poll(() => asked.length).toBeGreaterThan(0);
  expect(await textOf(echo(gateway, 'hello'))).toBe('hello');
  // Each of them has its turn.
  await expect
    .poll(() => {
      for (const go of answers.splice(0)) go();
      return watched;
    })
    .toBe(100);
  watching.cut();
});

describe('the same holds for a command on stdio', () => {
  test('one runs, and what does not fit is busy', async () => {
    await using crm = stdioServer('v1');
    await using gateway = await startGateway({
      mcpServers: { crm: crm.entry({ maxInFlight: 1, maxQueue: 0 }) },
    });
    const replies = await Promise.all(
      [1, 2, 3].map((n) =>
        gateway.post(...modernRequest('tools/call', { name: 'crm__slow', arguments: { ms: 1500, n } })),
      ),
    );
    const texts = replies.map(({ messages }) => messages.at(-1)?.result.content[0].text as string);
    expect(texts.filter((text) => text === 'waited 1500 ms')).toHaveLength(1);
    expect(texts.filter((text) => text.startsWith('"crm" is busy: 1 requests run and 0 wait'))).toHaveLength(
      2,
    );
  });
});
