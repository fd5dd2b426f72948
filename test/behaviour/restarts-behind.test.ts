import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { doorTo } from '../support/door.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import {
  answersStatus,
  asks,
  cutsConnection,
  neverAnswers,
  textResult,
} from '../support/downstreams/wire.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { modernRequest } from '../support/messages.ts';

const FORM = { mode: 'form', message: 'Which one?', requestedSchema: { type: 'object', properties: {} } };

async function echo(gateway: RunningGateway, text: string): Promise<string> {
  const params = { name: 'crm__echo', arguments: { text } };
  return (await gateway.post(...modernRequest('tools/call', params))).messages.at(-1)?.result.content[0].text;
}

describe.each(['modern', 'legacy'] as const)('a %s server', (era) => {
  test('that starts again within 300 ms, and again, costs no call that comes meanwhile', async () => {
    await using crm = await plainServer({ era, json: true, sessions: era === 'legacy' });
    await using door = await doorTo(crm.url);
    await using gateway = await startGateway({ mcpServers: { crm: { url: door.url } } });
    expect(await echo(gateway, 'before')).toBe('before');
    const ran = () => crm.calls.map((call) => (call.arguments as { text: string }).text);
    for (let times = 0; times < 3; times++) {
      const open = await door.close();
      const texts = Array.from({ length: 20 }, (_, index) => `${times}: call ${index}`);
      const answers = Promise.all(texts.map((text) => echo(gateway, text)));
      await sleep(250);
      crm.forgetSessions();
      await open();
      expect(await answers).toEqual(texts);
      expect(ran().slice(-20).toSorted()).toEqual(texts.toSorted());
    }
    expect(ran()).toHaveLength(61);
  });

  test('that does not come back is told of within seconds, and then at once', async () => {
    await using crm = await plainServer({ era, json: true });
    await using door = await doorTo(crm.url);
    await using gateway = await startGateway({ mcpServers: { crm: { url: door.url } } });
    const open = await door.close();
    const startedAt = performance.now();
    expect(await echo(gateway, 'first')).toContain('connection refused');
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(gateway.gateway.status().downstreams.crm?.state).toBe('down');
    const ms: number[] = [];
    for (let n = 0; n < 10; n++) {
      const again = performance.now();
      expect(await echo(gateway, `again ${n}`)).toContain('connection refused');
      ms.push(performance.now() - again);
    }
    // Whatever else the machine has to do holds up some of them.
    expect(Math.min(...ms)).toBeLessThan(100);
    await open();
  });
});

test('a legacy server that starts again costs no call of who can be asked, and can ask it afterwards', async () => {
  await using crm = await plainServer({
    era: 'legacy',
    sessions: true,
    tools: ['ask', 'echo'].map((name) => ({ name, inputSchema: { type: 'object' } })),
    answers: {
      'tools/call ask': asks('elicitation/create', FORM),
      'tools/call echo': (given) => given.result(textResult('echo', given.message)),
    },
  });
  await using door = await doorTo(crm.url);
  await using gateway = await startGateway({ mcpServers: { crm: { url: door.url } } });
  const client = await gateway.connect({
    era: 'legacy',
    capabilities: { elicitation: { form: {} } },
    onElicit: () => ({ action: 'decline' }),
  });
  const call = async (name: string) => {
    const { content } = await client.callTool({ name: `crm__${name}`, arguments: {} });
    return (content as { text: string }[])[0]?.text;
  };
  expect(await call('ask')).toBe('{"action":"decline"}');
  const open = await door.close();
  const meanwhile = call('echo');
  await sleep(250);
  crm.forgetSessions();
  await open();
  expect(await meanwhile).toBe('echo');
  expect(await call('ask')).toBe('{"action":"decline"}');
});

test('a server that loses its session again and again is not taken for one that crashes', async () => {
  await using crm = await plainServer({ era: 'legacy', sessions: true, json: true });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  for (let n = 0; n < 20; n++) {
    crm.forgetSessions();
    expect(await echo(gateway, `call ${n}`)).toBe(`call ${n}`);
  }
  expect(gateway.gateway.status().downstreams.crm?.state).toBe('ready');
  expect(crm.calls).toHaveLength(20);
});

test.each([
  ['cut off', cutsConnection('before headers')],
  ['answered with 503', answersStatus(503)],
  ['answered with 429', answersStatus(429)],
])('a server that fails, and whose own question about that is %s, stays connected', async (_what, fails) => {
  let isFailing = false;
  let asked = 0;
  const discover: Answer = (given) => {
    asked++;
    return isFailing ? fails(given) : given.usual();
  };
  await using crm = await plainServer({
    era: 'modern',
    json: true,
    answers: { 'server/discover': discover, 'tools/call fail': answersStatus(500) },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  isFailing = true;
  for (let times = 2; times < 5; times++) {
    await gateway.post(...modernRequest('tools/call', { name: 'crm__fail', arguments: { times } }));
    await expect.poll(() => asked).toBe(times);
    expect(await echo(gateway, `call ${times}`)).toBe(`call ${times}`);
  }
  expect(gateway.logs.filter((line) => line.includes('downstream_down'))).toEqual([]);
});

test('a server that fails, and leaves the question about that unanswered, stays connected', async () => {
  let asked = 0;
  await using crm = await plainServer({
    era: 'modern',
    json: true,
    answers: {
      'server/discover': (given) => (++asked === 1 ? given.usual() : neverAnswers(given)),
      'tools/call fail': answersStatus(500),
    },
  });
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry() },
    limits: { breakerFailures: 0 },
  });
  let times = 0;
  // It is asked again when its time for the first question is over.
  const askedAfterFailure = async () => {
    await gateway.post(...modernRequest('tools/call', { name: 'crm__fail', arguments: { times: ++times } }));
    return asked;
  };
  await expect.poll(askedAfterFailure, { timeout: 60_000, interval: 200 }).toBeGreaterThan(2);
  expect(gateway.logs.filter((line) => line.includes('downstream_down'))).toEqual([]);
});
