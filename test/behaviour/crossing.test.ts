import { expect, test } from 'vitest';
import type { Answer } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { startGateway } from '../support/gateway.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';

const CALLERS = 1000;
const AT_ONCE = 100;

/** Tells the nonce as its progress, its log and its result, and lets others go first. */
const tells: Answer = async (given) => {
  const { arguments: args, _meta } = given.message.params;
  const stream = given.stream();
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
  const { progressToken } = _meta;
  stream.send({
    method: 'notifications/progress',
    params: { progressToken, progress: 1, message: args.nonce },
  });
  stream.send({ method: 'notifications/message', params: { level: 'info', data: args.nonce } });
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
  stream.result({ resultType: 'complete', content: [{ type: 'text', text: args.nonce }] });
};

test.each(['modern', 'legacy'] as const)(
  'a thousand callers with one request id and one progress token get each its own, from a %s downstream [R4] [R35] [R78]',
  { timeout: 60_000 },
  async (era) => {
    await using crm = await plainServer({ era, answers: { 'tools/call echo': tells } });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } }, { logLevel: 'warn' });
    const call = async (nonce: string, isModern: boolean) => {
      const _meta = { progressToken: 1, ...(isModern && { 'io.modelcontextprotocol/logLevel': 'debug' }) };
      const params = { name: 'crm__echo', arguments: { nonce }, _meta };
      const request = isModern ? modernRequest : legacyRequest;
      const { messages } = await gateway.post(...request('tools/call', params, 1));
      const [progress, log, answer] = messages;
      return [
        [progress?.params?.progressToken, progress?.params?.message],
        log?.params?.data,
        [answer?.id, answer?.result?.content?.[0]?.text],
      ];
    };
    for (let first = 0; first < CALLERS; first += AT_ONCE) {
      const nonces = Array.from({ length: AT_ONCE }, (_none, index) => `nonce ${first + index}`);
      const heard = await Promise.all(nonces.map((nonce, index) => call(nonce, index % 2 === 0)));
      expect(heard).toEqual(nonces.map((nonce) => [[1, nonce], nonce, [1, nonce]]));
    }
  },
);
