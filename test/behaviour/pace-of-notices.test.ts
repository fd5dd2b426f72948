import { describe, expect, test } from 'vitest';
import type { Exchange } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { neverAnswers } from '../support/downstreams/wire.ts';
import { startGateway } from '../support/gateway.ts';
import { legacyRequest, type Message, modernRequest } from '../support/messages.ts';

/*
 * A server that tells more than anybody reads: of progress a caller hears 20 reports a second, of what is logged 100, and
 * never too few of what matters.
 */

const MANY = 500;
const LOG_LEVEL = 'io.modelcontextprotocol/logLevel';

/** What a call tells all at once, before its result. */
type Tells = (given: Exchange, send: (method: string, params: object) => void) => void;

async function heardOf(era: 'legacy' | 'modern', tells: Tells): Promise<Message[]> {
  await using crm = await plainServer({
    era,
    answers: {
      'tools/call echo': (given) => {
        const stream = given.stream();
        tells(given, (method, params) => stream.send({ method, params }));
        stream.result({ resultType: 'complete', content: [] });
      },
    },
  });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const _meta = { progressToken: 'mine', ...(era === 'modern' && { [LOG_LEVEL]: 'info' }) };
  const request = era === 'modern' ? modernRequest : legacyRequest;
  const params = { name: 'crm__echo', arguments: {}, _meta };
  const { messages } = await gateway.post(...request('tools/call', params));
  expect(messages.at(-1)?.result).toMatchObject({ content: [] });
  return messages.slice(0, -1);
}

describe.each(['legacy', 'modern'] as const)('of a %s server', (era) => {
  test('of five hundred reports of progress a caller hears few, in order, and the last', async () => {
    const startedAt = performance.now();
    const heard = await heardOf(era, ({ message }, send) => {
      const { progressToken } = message.params._meta;
      for (let progress = 1; progress <= MANY; progress++)
        send('notifications/progress', { progressToken, progress, total: MANY });
    });
    const seconds = Math.ceil((performance.now() - startedAt) / 1000);
    const steps = heard.map(({ params }) => params.progress);
    expect(steps.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(steps.at(-1)).toBe(MANY);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(steps.length).toBeLessThanOrEqual(20 * seconds + 1);
  });

  test('of reports that come all at once, before it is silent, it hears the last as well, and soon', async () => {
    await using crm = await plainServer({
      era,
      answers: {
        'tools/call echo': async (given) => {
          const { progressToken } = given.message.params._meta;
          const stream = given.stream();
          for (let progress = 1; progress < MANY; progress++)
            stream.send({ method: 'notifications/progress', params: { progressToken, progress } });
          const message = 'Waiting for you to confirm it on your phone';
          const params = { progressToken, progress: MANY, message };
          stream.send({ method: 'notifications/progress', params });
          await neverAnswers(given);
        },
      },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const params = { name: 'crm__echo', arguments: {}, _meta: { progressToken: 'mine' } };
    const call = await gateway.open(...modernRequest('tools/call', params));
    let last: Message | undefined;
    while (last?.params.progress !== MANY) last = await call.next();
    expect(last?.params).toMatchObject({ progressToken: 'mine', message: expect.stringContaining('phone') });
    call.cut();
    await expect.poll(() => crm.cancellations.length).toBe(1);
  });

  test('of five hundred lines of log it hears a hundred, and every error', async () => {
    const startedAt = performance.now();
    const heard = await heardOf(era, (_given, send) => {
      for (let line = 1; line <= MANY; line++) {
        const level = line % 50 === 0 ? 'error' : 'info';
        send('notifications/message', { level, data: line });
      }
    });
    const seconds = Math.ceil((performance.now() - startedAt) / 1000);
    const errors = heard.filter(({ params }) => params.level === 'error');
    expect(errors.map(({ params }) => params.data)).toEqual(
      Array.from({ length: 10 }, (_, index) => (index + 1) * 50),
    );
    expect(heard.length - errors.length).toBeGreaterThan(80);
    expect(heard.length - errors.length).toBeLessThanOrEqual(100 * seconds);
  });
});
