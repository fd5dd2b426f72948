import { expect, test } from 'vitest';
import { plainServer } from '../support/downstreams/plain.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { legacyRequest, type Message, modernRequest } from '../support/messages.ts';
import { send } from '../support/wire-client.ts';

/*
 * Proxies, load balancers and callers take a stream for dead on which nothing is said. Each kind of stream that is kept
 * open bears comments, at the pace of limits.keepAliveCommentMs (test/unit/config has its default of 15 s).
 */

const PACE_MS = 150;

/** A server whose call ends when the test says so. */
async function heldServer() {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const server = await plainServer({
    era: 'modern',
    tools: [{ name: 'wait', inputSchema: { type: 'object' } }],
    answers: {
      'tools/call wait': async (given) => {
        await released;
        given.result({ resultType: 'complete', content: [{ type: 'text', text: 'waited' }] });
      },
    },
  });
  return { server, release };
}

type Opening = (gateway: RunningGateway) => Promise<Response>;

/** A request with the token, answered when its headers are there. */
function ask(
  gateway: RunningGateway,
  method: 'GET' | 'POST',
  path: string,
  body?: Message,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(new URL(path, gateway.url), {
    method,
    ...(body !== undefined && { body: JSON.stringify(body) }),
    headers: {
      accept: 'application/json, text/event-stream',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      authorization: `Bearer ${gateway.token}`,
      ...headers,
    },
  });
}

const notifications = { toolsListChanged: true };
const WAIT = { name: 'crm__wait', arguments: {} };

const STREAMS: Readonly<Record<string, Opening>> = {
  'changes, of a caller that listens': (gateway) =>
    ask(gateway, 'POST', '/mcp', ...modernRequest('subscriptions/listen', { notifications })),
  'a session of the legacy era': async (gateway) => {
    const { headers } = await gateway.post(...legacyRequest('initialize', { capabilities: {} }));
    const session = { 'mcp-session-id': String(headers['mcp-session-id']) };
    return ask(gateway, 'GET', '/mcp', undefined, session);
  },
  'HTTP+SSE': (gateway) => ask(gateway, 'GET', '/sse'),
  'a call of the modern era that runs': (gateway) =>
    ask(gateway, 'POST', '/mcp', ...modernRequest('tools/call', WAIT)),
  'a call of the legacy era that runs': (gateway) =>
    ask(gateway, 'POST', '/mcp', ...legacyRequest('tools/call', WAIT)),
};

test.each(Object.entries(STREAMS))(
  'the stream of %s shows again and again that it is there [R38]',
  async (name, open) => {
    const { server, release } = await heldServer();
    await using crm = server;
    await using gateway = await startGateway({
      legacySse: true,
      mcpServers: { crm: crm.entry() },
      limits: { keepAliveCommentMs: PACE_MS },
    });
    const startedAt = performance.now();
    const stream = await open(gateway);
    const reader = (stream.body as ReadableStream<Uint8Array>)
      .pipeThrough(new TextDecoderStream())
      .getReader();
    let text = '';
    const readUntil = async (pattern: RegExp) => {
      while (!pattern.test(text)) {
        const { value, done } = await reader.read();
        if (done) break;
        text += value;
      }
      expect(text).toMatch(pattern);
    };
    await readUntil(/^: keep-alive\n\n(?:[\s\S]*^: keep-alive\n\n){2}/m);
    // Not faster than was asked for: a timer may be a little early.
    expect(performance.now() - startedAt).toBeGreaterThan(3 * PACE_MS - 50);
    if (name.includes('runs')) {
      release();
      // What it was for comes after all of them, as an event of its own.
      await readUntil(/^data: .*waited.*\n\n$/m);
    }
    await reader.cancel();
  },
);

test('a caller that takes JSON alone gets no comments, and its answer', async () => {
  const { server, release } = await heldServer();
  await using crm = server;
  await using gateway = await startGateway({
    mcpServers: { crm: crm.entry() },
    limits: { keepAliveCommentMs: 100 },
  });
  const [body, headers] = modernRequest('tools/call', WAIT);
  const sent = { authorization: `Bearer ${gateway.token}`, 'content-type': 'application/json' };
  const reply = send(gateway.url, { body, headers: { ...sent, ...headers, accept: 'application/json' } });
  await expect
    .poll(() => crm.requests.some(({ headers: { 'mcp-name': name } }) => name === 'wait'))
    .toBe(true);
  setTimeout(release, 300);
  const { framing, json } = await reply;
  expect([framing, json.result.content[0].text]).toEqual(['json', 'waited']);
});
