import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PlainDownstream, plainServer } from '../support/downstreams/plain.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { rawCaller } from '../support/raw-caller.ts';

let downstream: PlainDownstream;
let gateway: RunningGateway;

beforeAll(async () => {
  downstream = await plainServer({ era: 'modern' });
  gateway = await startGateway({ mcpServers: { crm: downstream.entry() }, legacySse: true });
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await downstream[Symbol.asyncDispose]();
});

const head = (line: string, token = gateway.token) =>
  `${line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n`;

test.each([
  '//',
  '/',
  '/mcp//',
  '/mcp/see',
  '/mcpx',
  '/MCP',
  '/%2e%2e/mcp',
  '/mcp/../../etc/passwd',
  '/mcp/%2e%2e%2f',
  '/%',
  '/mcp/%',
  '/mcp/__proto__',
  '/mcp/constructor',
  'http://evil.example/mcp',
  '*',
  '/mcp?profile=__proto__',
  '/sse/__proto__',
  '/messages?sessionId=__proto__',
  `/mcp/${'x'.repeat(8000)}`,
])('POST %s is refused in JSON', async (target) => {
  await using caller = await rawCaller(gateway.url);
  caller.send(`${head(`POST ${target}`)}Content-Length: 2\r\nContent-Type: application/json\r\n\r\n{}`);
  const answer = await caller.next();
  expect([400, 404]).toContain(answer.status);
  expect(answer.json).toMatchObject({ error: expect.anything() });
});

test.each(['PUT', 'OPTIONS', 'TRACE', 'PATCH', 'PROPFIND'])(
  '%s is a 405 that allows POST',
  async (method) => {
    await using caller = await rawCaller(gateway.url);
    caller.send(`${head(`${method} /mcp`)}\r\n`);
    const answer = await caller.next();
    expect([answer.status, answer.headers.allow]).toEqual([405, 'POST']);
    // No page of another origin is told that it may call.
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  },
);

test('HEAD is a 405 without a body', async () => {
  const { hostname, port } = new URL(gateway.url);
  const { request } = await import('node:http');
  const status = await new Promise<number | undefined>((resolve, reject) => {
    request({ hostname, port, path: '/mcp', method: 'HEAD' }, (res) => {
      res.resume().on('end', () => resolve(res.statusCode));
    })
      .on('error', reject)
      .end();
  });
  expect(status).toBe(405);
});

test('CONNECT ends the connection, and a method that is none is a 400', async () => {
  await using tunnel = await rawCaller(gateway.url);
  tunnel.send(head('CONNECT evil.example:443'), '\r\n');
  await tunnel.ended;
  await using odd = await rawCaller(gateway.url);
  odd.send(head('BREW /mcp'), '\r\n');
  expect((await odd.next()).status).toBe(400);
});

test('Upgrade is not taken up: the request is answered as it is', async () => {
  await using caller = await rawCaller(gateway.url);
  const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
  caller.send(
    `${head('POST /mcp')}${upgrade}Content-Type: application/json\r\nContent-Length: ${ping.length}\r\n\r\n${ping}`,
  );
  expect((await caller.next()).json).toEqual({ jsonrpc: '2.0', id: 1, result: {} });
});

test('ten thousand targets made up at random are all refused, and the next call is served', async () => {
  const random = createRandom(20_261_125);
  const parts = [
    '/',
    '//',
    '/mcp',
    '/sse',
    '/messages',
    '?',
    '&',
    '=',
    '%',
    '%2e',
    '%00',
    '%ff',
    '..',
    '#',
    ';',
  ];
  const piece = () => {
    const chosen = random(parts.length * 2);
    return parts[chosen] ?? String.fromCharCode(0x21 + random(0x5e));
  };
  const target = () => `/${Array.from({ length: 1 + random(12) }, piece).join('')}`;
  const statuses = new Map<number, number>();
  // Without a right token, so that nothing is opened; in pieces of fifty, as fast as they are answered.
  for (let sent = 0; sent < 10_000; sent += 50) {
    await using caller = await rawCaller(gateway.url);
    const targets = Array.from({ length: 50 }, target);
    caller.send(targets.map((each) => `${head(`GET ${each}`, 'wrong')}\r\n`).join(''));
    for (const _each of targets) {
      const { status, json } = await caller.next();
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (json?.error === undefined) throw new Error(`no JSON for one of ${targets.join(' ')}`);
    }
  }
  expect([...statuses.keys()].filter((status) => ![400, 401, 404].includes(status))).toEqual([]);
  expect((await gateway.post('{"jsonrpc":"2.0","id":1,"method":"ping"}')).status).toBe(200);
});

/** The same numbers at every run. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
