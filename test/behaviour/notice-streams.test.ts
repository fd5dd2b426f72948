import { setTimeout as sleep } from 'node:timers/promises';
import { describe, test } from 'vitest';
import { requestsOf, serveDownstream } from '../support/downstreams/downstream.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { startGateway } from '../support/gateway.ts';
import { sendJson } from '../support/http-server.ts';
import { type Message, modernRequest } from '../support/messages.ts';

/**
 * A server with sessions and a stream of notices, which it closes after so many milliseconds. Of the requests for it some
 * are refused, the first being 1; what it says on it is nothing by default.
 */
async function streamingServer(streamMs: number, refused: (ask: number) => boolean = () => false, says = '') {
  const streams: number[] = [];
  let asks = 0;
  const sessions = new Set<string>();
  let tools = [{ name: 'a', inputSchema: { type: 'object' } }];
  const downstream = await serveDownstream({
    calls: [],
    handler({ method, body }, _req, res) {
      if (method === 'GET') {
        if (refused(++asks)) return void res.writeHead(503).end();
        streams.push(performance.now());
        res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
        res.write(says);
        return void setTimeout(() => res.end(), streamMs).unref();
      }
      if (method !== 'POST') return void res.writeHead(200).end();
      const { id, method: asked } = body as Message;
      if (id === undefined) return void res.writeHead(202).end();
      const answer = (result: object, headers = {}) =>
        sendJson(res, 200, { jsonrpc: '2.0', id, result }, headers);
      if (asked === 'tools/list') return answer({ tools });
      if (asked === 'tools/call') return answer({ content: [{ type: 'text', text: 'done' }] });
      if (asked !== 'initialize') {
        return sendJson(res, 200, { jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } });
      }
      const session = `session-${sessions.size + 1}`;
      sessions.add(session);
      const capabilities = { tools: { listChanged: true } };
      const serverInfo = { name: 'streaming', version: '1' };
      answer({ protocolVersion: '2025-11-25', capabilities, serverInfo }, { 'mcp-session-id': session });
    },
  });
  const asked = (method: string) => requestsOf(downstream, method).length;
  const change = (name: string) => {
    tools = [{ name, inputSchema: { type: 'object' } }];
  };
  return { ...downstream, streams, sessions, asked, change };
}

// Most of them wait to see that nothing comes.
describe.concurrent('of streams that are open for long, or are not to be asked for,', () => {
  test('a stream of notices that is closed at once is given up after three times, and calls go on', async ({
    expect,
  }) => {
    await using crm = await streamingServer(0);
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    await expect.poll(() => crm.streams.length).toBe(3);
    crm.change('b');
    // What changed while there was no stream is found all the same.
    const names = async () =>
      (await gateway.post(...modernRequest('tools/list'))).json.result.tools.map(
        ({ name }: { name: string }) => name,
      );
    await expect.poll(names).toEqual(['crm__b']);
    await sleep(3500);
    expect(crm.streams).toHaveLength(3);
    const params = { name: 'crm__b', arguments: {} };
    expect((await gateway.post(...modernRequest('tools/call', params))).json.result.content[0].text).toBe(
      'done',
    );
    expect(gateway.gateway.status().downstreams.crm?.state).toBe('ready');
    // Neither the streams nor the lists have cost a session.
    expect(crm.asked('initialize')).toBe(1);
    expect(crm.sessions.size).toBe(1);
  });

  test('a stream of notices that was short, and is refused for a while, is opened again', async ({
    expect,
  }) => {
    await using crm = await streamingServer(0, (ask) => ask === 2 || ask === 3);
    await using _gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    await expect.poll(() => crm.streams.length).toBe(2);
  });

  test.for(['0', '3000000000'])(
    'a stream of notices that says retry: %s, and is refused from then on, is not asked for without a pause',
    async (retry, { expect }) => {
      await using crm = await streamingServer(0, (ask) => ask > 1, `retry: ${retry}\n\n`);
      await using _gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
      await expect.poll(() => crm.streams.length).toBe(1);
      await sleep(3500);
      expect(crm.requests.filter(({ method }) => method === 'GET').length).toBeLessThan(4);
      expect(crm.asked('tools/list')).toBeLessThan(5);
    },
  );

  test('a stream of changes that is cut is asked for anew, also where its events had places to go on from', async ({
    expect,
  }) => {
    await using crm = await plainServer({
      era: 'modern',
      capabilities: { tools: { listChanged: true } },
      answers: {
        'subscriptions/listen': ({ message, res, stream }) => {
          const { send } = stream();
          res.write('id: 1\ndata:\n\n');
          send({
            method: 'notifications/subscriptions/acknowledged',
            params: {
              notifications: { toolsListChanged: true },
              _meta: { 'io.modelcontextprotocol/subscriptionId': message.id },
            },
          });
          res.end();
        },
      },
      gets: (_req, res) => res.writeHead(404).end(),
    });
    await using _gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    await expect.poll(() => requestsOf(crm, 'subscriptions/listen').length).toBeGreaterThan(1);
    expect(crm.requests.filter(({ method }) => method === 'GET')).toEqual([]);
  });

  test('a server that is left alone is asked nothing, and holds one session', async ({ expect }) => {
    await using crm = await streamingServer(60_000);
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
    await expect.poll(() => crm.streams.length).toBe(1);
    const before = crm.requests.length;
    await sleep(5000);
    expect(crm.requests.length).toBe(before);
    expect(crm.asked('initialize')).toBe(1);
    expect(gateway.gateway.status().downstreams.crm?.state).toBe('ready');
  });
});
