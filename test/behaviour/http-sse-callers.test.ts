import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import {
  ElicitRequestSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { expect, test } from 'vitest';
import { plainServer } from '../support/downstreams/plain.ts';
import { COUNTER, wholeServer } from '../support/downstreams/whole.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { modernRequest } from '../support/messages.ts';
import { rawCaller, rawPost } from '../support/raw-caller.ts';

const sse = ({ url }: RunningGateway, path = '/sse') => new URL(path, url);

/** SDK v1's client of the old transport, which can be asked to fill in a form. */
async function connect(gateway: RunningGateway, path?: string) {
  const client = new Client({ name: 'old', version: '1' }, { capabilities: { elicitation: {} } });
  const headers = { authorization: `Bearer ${gateway.token}` };
  const authorized = (url: string | URL, init?: RequestInit) => {
    const all = new Headers(init?.headers);
    all.set('authorization', headers.authorization);
    return fetch(url, { ...init, headers: all });
  };
  const transport = new SSEClientTransport(sse(gateway, path), {
    requestInit: { headers },
    eventSourceInit: { fetch: authorized },
  });
  await client.connect(transport);
  return client;
}

test.each(['legacy', 'modern'] as const)(
  'a caller over HTTP+SSE has all of a %s server [R170]',
  async (era) => {
    await using crm = await wholeServer(era);
    await using gateway = await startGateway({ legacySse: true, mcpServers: { crm: crm.entry() } });
    const client = await connect(gateway);
    try {
      const heard: string[] = [];
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard.push('tools'));
      client.setNotificationHandler(
        ResourceUpdatedNotificationSchema,
        ({ params }) => void heard.push(params.uri),
      );
      client.setRequestHandler(ElicitRequestSchema, () => ({
        action: 'accept',
        content: { choice: 'blue' },
      }));
      const { tools } = await client.listTools();
      expect(tools.map(({ name }) => name)).toContain('crm__echo');
      const call = async (tool: string, onprogress?: (told: { progress: number }) => void) => {
        const params = { name: `crm__${tool}`, arguments: {} };
        const result = await client.callTool(params, undefined, onprogress && { onprogress });
        return JSON.parse((result.content as { text: string }[])[0]?.text ?? 'null');
      };
      const steps: number[] = [];
      expect(await call('steps', ({ progress }) => void steps.push(progress))).toBe('stepped');
      expect(steps).toEqual([1, 2, 3]);
      expect(await call('form')).toEqual({ action: 'accept', content: { choice: 'blue' } });
      await client.subscribeResource({ uri: COUNTER });
      // Called by one that cannot be asked, over the connection that hears of changes.
      const other = await gateway.connect({ era: 'legacy' });
      await other.callTool({ name: 'crm__touch', arguments: {} });
      await expect.poll(() => heard).toEqual([COUNTER]);
      await other.callTool({ name: 'crm__grow', arguments: {} });
      await expect.poll(() => heard).toEqual([COUNTER, 'tools']);
    } finally {
      await client.close();
    }
  },
);

test('a toolset and a profile are chosen as at /mcp', async () => {
  await using crm = await plainServer({ era: 'modern' });
  const toolsets = { little: { include: ['crm__echo'] } };
  await using gateway = await startGateway({ legacySse: true, toolsets, mcpServers: { crm: crm.entry() } });
  const client = await connect(gateway, '/sse/little?profile=claude');
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(['crm__echo']);
  await client.close();
  expect(await status(gateway, 'GET', '/sse/unknown')).toBe(404);
});

async function status(
  gateway: RunningGateway,
  method: 'GET' | 'POST',
  path: string,
  headers: Record<string, string> = { authorization: `Bearer ${gateway.token}` },
) {
  const { status } = await gateway.send(path, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(method === 'POST' && { body: { jsonrpc: '2.0', id: 1, method: 'ping' } }),
  });
  return status;
}

test('without the token, from a foreign host, or of another stream: refused', async () => {
  await using crm = await plainServer({ era: 'modern' });
  await using gateway = await startGateway({ legacySse: true, mcpServers: { crm: crm.entry() } });
  for (const [method, path] of [
    ['GET', '/sse'],
    ['POST', '/messages?sessionId=x'],
  ] as const) {
    expect(await status(gateway, method, path, {})).toBe(401);
    const evil = { authorization: `Bearer ${gateway.token}`, origin: 'https://evil.example' };
    expect(await status(gateway, method, path, evil)).toBe(403);
  }
  for (const path of ['/messages', '/messages?sessionId=x', '/messages?sessionId=__proto__']) {
    expect(await status(gateway, 'POST', path)).toBe(404);
  }
});

test('it is not there unless the file says so', async () => {
  await using crm = await plainServer({ era: 'modern' });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } });
  expect(await status(gateway, 'GET', '/sse')).toBe(404);
  expect(await status(gateway, 'POST', '/messages?sessionId=x')).toBe(404);
});

test('closing the gateway ends the stream [R170]', async () => {
  await using crm = await plainServer({ era: 'modern' });
  const gateway = await startGateway({ legacySse: true, mcpServers: { crm: crm.entry() } });
  const stream = await fetch(sse(gateway), { headers: { authorization: `Bearer ${gateway.token}` } });
  await gateway[Symbol.asyncDispose]();
  expect(await stream.text()).toMatch(/^event: endpoint\ndata: \/messages\?sessionId=[\w-]{36}\n\n$/);
});

test('a caller that does not read when its stream is ended costs nobody anything', async () => {
  const tools = Array.from({ length: 100 }, (_, n) => ({
    name: `t${n}`,
    description: 'x'.repeat(9000),
    inputSchema: { type: 'object' },
  }));
  await using crm = await plainServer({ era: 'legacy', tools });
  const servers = {
    mcpServers: { crm: crm.entry() },
    limits: { keepAliveCommentMs: 100, maxUnsentBytes: 2 ** 26 },
  };
  await using gateway = await startGateway({ legacySse: true, ...servers });
  await using caller = await rawCaller(gateway.url);
  caller.send(`GET /sse HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${gateway.token}\r\n\r\n`);
  const [, path = ''] = await caller.until(/data: (\S+)/);
  caller.socket.pause();
  for (let id = 1; id <= 12; id++) {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${gateway.token}` };
    await gateway.send(path, { headers, body: { jsonrpc: '2.0', id, method: 'tools/list' } });
  }
  await gateway.reload({ legacySse: false, ...servers });
  // Several of its keep-alives later.
  await sleep(350);
  expect(await status(gateway, 'GET', '/sse')).toBe(404);
});

test('one that is told that too many listen is not told so by an answer to its notification', async () => {
  await using crm = await plainServer({ era: 'legacy' });
  const limits = { maxListeners: 1 };
  await using gateway = await startGateway({ legacySse: true, limits, mcpServers: { crm: crm.entry() } });
  const listening = await gateway.open(...modernRequest('subscriptions/listen', { notifications: {} }, 'l'));
  void listening.next();
  const client = await connect(gateway);
  const errors: unknown[] = [];
  client.onerror = (error) => void errors.push(error);
  expect((await client.listTools()).tools).not.toEqual([]);
  expect(errors).toEqual([]);
  await client.close();
  listening.cut();
  await expect.poll(() => gateway.gateway.waiting()).toMatchObject({ calls: 0, listeners: 0 });
});

test('what comes to its end when its stream has closed is refused, and nobody listens for it', async () => {
  await using crm = await plainServer({ era: 'modern' });
  await using gateway = await startGateway({ legacySse: true, mcpServers: { crm: crm.entry() } });
  const { gateway: inside, token, url } = gateway;
  await using caller = await rawCaller(url);
  caller.send(`GET /sse HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`);
  const [, path = ''] = await caller.until(/data: (\S+)/);
  await using late = await rawCaller(url);
  const post = rawPost(token, { jsonrpc: '2.0', method: 'notifications/initialized' }).replace('/mcp', path);
  late.send(post.slice(0, -5));
  await expect.poll(() => inside.waiting().requests).toBe(2);
  caller.socket.destroy();
  await expect.poll(() => inside.waiting().requests).toBe(1);
  late.send(post.slice(-5));
  const { status } = await late.next();
  expect([status, inside.waiting().listeners]).toEqual([404, 0]);
});

test.each([
  ['without its toolset', '/sse/some', { legacySse: true }],
  ['without this transport', '/sse', {}],
])(
  'another configuration %s: what runs is answered, nothing more is taken, and the stream ends',
  async (_how, path, after) => {
    let finish = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await using crm = await plainServer({
      era: 'legacy',
      tools: [{ name: 'work', inputSchema: { type: 'object' } }],
      answers: {
        'tools/call work': async (given) => {
          await finished;
          given.result({ content: [{ type: 'text', text: 'done' }] });
        },
      },
    });
    const mcpServers = { crm: crm.entry() };
    const toolsets = { some: { include: ['*'] } };
    await using gateway = await startGateway({ mcpServers, legacySse: true, toolsets });
    await using caller = await rawCaller(gateway.url);
    caller.send(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${gateway.token}\r\n\r\n`);
    const [, messages = ''] = await caller.until(/data: (\S+)/);
    const call = async () => {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${gateway.token}` };
      const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'crm__work' } };
      return (await gateway.send(messages, { headers, body })).status;
    };
    expect(await call()).toBe(202);
    await expect.poll(() => gateway.gateway.waiting().downstream).toBe(1);
    await gateway.reload({ mcpServers, ...after });
    expect(await call()).toBe(404);
    finish();
    // The end of a body in chunks.
    await caller.until(/"text":"done"[\s\S]*\r\n0\r\n\r\n$/);
  },
);
