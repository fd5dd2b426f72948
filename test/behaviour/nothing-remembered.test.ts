import { Pool } from 'undici';
import { afterEach, describe, expect, test } from 'vitest';
import { plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { legacyRequest, type Message, modernRequest } from '../support/messages.ts';

const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const pools: Pool[] = [];
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.close();
});

/** All of it over one connection, one request after the other. */
function oneConnection(gateway: RunningGateway) {
  const pool = new Pool(new URL(gateway.url).origin, { connections: 1, pipelining: 1 });
  pools.push(pool);
  let opened = 0;
  pool.on('connect', () => void opened++);
  return {
    get opened() {
      return opened;
    },
    async post(body: Message, headers: Record<string, string | undefined> = {}) {
      const given = {
        authorization: `Bearer ${gateway.token}`,
        'content-type': 'application/json',
        accept: 'application/json',
        ...headers,
      };
      const sent = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      const { statusCode, body: reply } = await pool.request({
        path: '/mcp',
        method: 'POST',
        headers: sent as Record<string, string>,
        body: JSON.stringify(body),
      });
      return { status: statusCode, message: (await reply.json()) as Message };
    },
  };
}

describe('on one connection', () => {
  test('each request is taken by what it says itself, whatever came before it [R13]', async () => {
    const question = { method: 'elicitation/create', params: { mode: 'form', message: '?' } };
    await using crm = await plainServer({
      era: 'modern',
      answers: {
        'tools/call echo': (given) =>
          given.result({ resultType: 'input_required', inputRequests: { q: question }, requestState: 's' }),
      },
    });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const connection = oneConnection(gateway);
    const { post } = connection;
    const call = (capabilities: object) =>
      post(...modernRequest('tools/call', { name: 'crm__echo', _meta: { [CAPABILITIES]: capabilities } }));
    for (let round = 0; round < 3; round++) {
      expect((await call({ elicitation: {} })).message.result.resultType).toBe('input_required');
      for (const capabilities of [{}, { sampling: {} }]) {
        expect((await call(capabilities)).message.error?.code).toBe(-32021);
      }
      const legacy = await post(...legacyRequest('tools/call', { name: 'crm__echo' }));
      expect(legacy.message.result).not.toHaveProperty('resultType');
      expect((await post(...modernRequest('initialize', {}))).status).toBe(404);
      expect((await post(...legacyRequest('initialize', {}))).message.result.serverInfo).toBeDefined();
    }
    expect(connection.opened).toBe(1);
  });

  test('each request needs the token, the one after a good one as well [R125]', async () => {
    await using crm = await plainServer({ era: 'modern' });
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    const connection = oneConnection(gateway);
    const { post } = connection;
    const [body, headers] = modernRequest('tools/list');
    for (let round = 0; round < 3; round++) {
      expect((await post(body, headers)).status).toBe(200);
      expect((await post(body, { ...headers, authorization: undefined })).status).toBe(401);
    }
    expect(connection.opened).toBe(1);
  });
});

test('a process serves all callers, one after the other and at once, and is started once [R16]', async () => {
  await using files = stdioServer('v2');
  await using gateway = await startGateway({ mcpServers: { files: files.entry() } });
  const call = async (text: string) => {
    const client = await gateway.connect({ era: 'legacy' });
    const { content } = await client.callTool({ name: 'files__echo', arguments: { text } });
    await client.close();
    return (content as { text: string }[])[0]?.text;
  };
  const started = () => files.events.filter(({ event }) => event === 'started').length;
  const before = started();
  expect(await call('first')).toBe('first');
  const texts = Array.from({ length: 20 }, (_none, index) => `caller ${index}`);
  expect(await Promise.all(texts.map(call))).toEqual(texts);
  expect(started()).toBe(before);
});

test('the lists are those of before, whatever was called meanwhile, on any connection and in any session [R96]', async () => {
  await using crm = await plainServer({ era: 'legacy', sessions: true });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  const [body, headers] = modernRequest('tools/list');
  const list = async () => JSON.stringify((await oneConnection(gateway).post(body, headers)).message.result);
  const before = await list();
  const client = await gateway.connect({ era: 'legacy', capabilities: { roots: {} } });
  await client.callTool({ name: 'crm__echo', arguments: { text: 'x' } });
  await client.callTool({ name: 'crm__fail', arguments: {} });
  expect((await client.listTools()).tools).toHaveLength(5);
  expect(await list()).toBe(before);
});
