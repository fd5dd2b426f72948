import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import type { ServerEntry } from '../support/downstreams/downstream.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { modernServer } from '../support/downstreams/modern.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { answersHtml, answersInvalidJson, answersStatus, redirects } from '../support/downstreams/wire.ts';
import { startGateway } from '../support/gateway.ts';
import { sendJson } from '../support/http-server.ts';

/** Why the one downstream is down, as its operator reads it. */
async function whyDown(entry: ServerEntry): Promise<string | undefined> {
  await using gateway = await startGateway({ mcpServers: { crm: entry } });
  const { crm } = gateway.gateway.status().downstreams;
  expect(crm?.state).toBe('down');
  return crm?.why;
}

test.each([401, 403] as const)(
  'a downstream that answers %s refused the credentials',
  async (refusesWith) => {
    await using downstream = await modernServer({ requires: { 'X-API-KEY': 'right' }, refusesWith });
    const why = await whyDown(downstream.entry({ headers: { 'X-API-KEY': 'wrong' } }));
    expect(why).toBe(`it refused the credentials: HTTP ${refusesWith}`);
  },
);

test('a downstream that fails says with which status', async () => {
  const fails = answersStatus(503);
  await using downstream = await plainServer({
    era: 'modern',
    answers: { 'server/discover': fails, initialize: fails },
  });
  expect(await whyDown(downstream.entry())).toBe('HTTP 503');
});

test.each([
  ['HTTP/1.1 401 Non autorisé', 'it refused the credentials: HTTP 401'],
  ['HTTP/1.1 503 Wartung läuft', 'HTTP 503'],
  ['HTTP/1.1 999 Request Denied', 'HTTP 999'],
])('a downstream that refuses with %s says with which status', async (line, why) => {
  const answer: Answer = ({ res }) => res.socket?.end(`${line}\r\nContent-Length: 0\r\n\r\n`, 'latin1');
  await using downstream = await plainServer({
    era: 'modern',
    answers: { 'server/discover': answer, initialize: answer },
  });
  expect(await whyDown(downstream.entry())).toBe(why);
});

test('a downstream whose answers are malformed says so', async () => {
  const answer: Answer = ({ res }) => res.socket?.end('SSH-2.0-OpenSSH_9.6\r\n');
  await using downstream = await plainServer({
    era: 'modern',
    answers: { 'server/discover': answer, initialize: answer },
  });
  expect(await whyDown(downstream.entry())).toBe('it answers with malformed HTTP');
});

test.each<[string, Answer]>([
  ['a web page', answersHtml],
  ['an object of something else', ({ res }) => sendJson(res, 200, {})],
  ['invalid JSON', answersInvalidJson],
])('%s is not MCP', async (_what, answer) => {
  await using downstream = await plainServer({
    era: 'modern',
    answers: { 'server/discover': answer, initialize: answer },
  });
  expect(await whyDown(downstream.entry())).toBe('it does not speak MCP at this URL');
});

test.each([302, 307, 308])('a redirect to another server, with %d, says where to', async (status) => {
  const answer = redirects('https://crm.example.com/mcp?key=secret', status);
  await using downstream = await plainServer({
    era: 'modern',
    answers: { 'server/discover': answer, initialize: answer },
    gets: (_req, res) => res.writeHead(status, { location: 'https://crm.example.com/sse' }).end(),
  });
  const why = `it redirects to https://crm.example.com (HTTP ${status}): put that address into url`;
  expect(await whyDown(downstream.entry())).toBe(why);
  expect(await whyDown(downstream.entry({ type: 'sse' }))).toBe(why);
});

test('a downstream that refuses the handshake says with which error, and not in its words', async () => {
  await using downstream = await plainServer({
    era: 'legacy',
    answers: { initialize: (given) => given.error(-32000, 'Tenant header missing') },
  });
  expect(await whyDown(downstream.entry())).toBe('it answered initialize with error -32000');
});

test.each([
  [500, 'it failed (HTTP 500)'],
  [403, "it refused this gateway's credentials (HTTP 403)"],
])('a downstream whose list of tools is refused with %d says so in words', async (status, how) => {
  await using downstream = await plainServer({
    era: 'modern',
    answers: { 'tools/list': answersStatus(status) },
  });
  expect(await whyDown(downstream.entry())).toBe(`its tools cannot be listed: ${how}`);
});

test.each([
  ['a host that does not exist', { url: 'http://no-such-host.invalid/mcp' }, 'host name not found'],
  ['a port on which nothing listens', { url: 'http://127.0.0.1:2/mcp' }, 'connection refused'],
  ['a port that browsers keep from', { url: 'http://127.0.0.1:6000/mcp' }, 'connection refused'],
  ['a command that does not exist', { command: 'no-such-command' }, 'command not found'],
  [
    'a command with its arguments',
    { command: 'node notes-server.mjs' },
    'command not found: put what follows the program into args',
  ],
  [
    'a directory that does not exist',
    { command: process.execPath, cwd: '/no/such/dir' },
    'its cwd does not exist',
  ],
  [
    'a directory that is a file',
    { command: process.execPath, cwd: process.execPath },
    'its cwd is no directory that can be entered',
  ],
  ['a command below a file', { command: `${process.execPath}/node` }, 'command not found'],
  [
    'a command that ends',
    { command: process.execPath, args: ['-e', 'console.error("config missing"); process.exit(3)'] },
    'exit code 3',
  ],
])('%s is named', async (_what, entry, why) => {
  expect(await whyDown(entry)).toBe(why);
});

test('arguments that are longer than a system takes are named', async () => {
  const entry = { command: process.execPath, args: Array(400).fill('${LONG}') };
  await using gateway = await startGateway(
    { mcpServers: { crm: entry } },
    { env: { LONG: 'x'.repeat(10_000) } },
  );
  expect(gateway.gateway.status().downstreams.crm?.why).toBe('its args and env are too long for this system');
});

test.each([
  ['a line', 'console.error'],
  ['no whole line', 'process.stderr.write'],
])(
  'what a downstream said about its end, %s, is shown to its operator, without secrets, and to no caller',
  async (_what, write) => {
    const script = `${write}("cannot log in with " + process.env.KEY); process.exit(3)`;
    const entry = { command: process.execPath, args: ['-e', script], env: { KEY: '${KEY}' } };
    await using gateway = await startGateway(
      { mcpServers: { crm: entry } },
      { env: { KEY: 'the-secret-key' } },
    );
    expect(gateway.gateway.status().downstreams.crm).toMatchObject({
      why: 'exit code 3',
      detail: 'cannot log in with [secret]',
    });
    expect(gateway.logs.join('')).toContain('cannot log in with [secret]');
    expect(gateway.logs.join('')).not.toContain('the-secret-key');
  },
);

test.each([
  [
    'a package that does not exist',
    [
      'code E404',
      '404 Not Found - GET https://packages.example/crm-server',
      '404',
      '404 Note that you can also',
    ],
    '404 Not Found - GET https://packages.example/crm-server',
  ],
  [
    'a folder without a package',
    [
      'code ENOENT',
      'syscall open',
      'path /crm/package.json',
      'errno -2',
      'enoent Could not read package.json',
    ],
    'enoent Could not read package.json',
  ],
  [
    'a package without a program',
    ['could not determine executable to run'],
    'could not determine executable to run',
  ],
])(
  'where npx cannot start %s, its operator reads why, and not where its log is',
  async (_what, lines, why) => {
    const said = [...lines, 'A complete log of this run can be found in: /crm/debug-0.log'];
    const script = `for (const line of ${JSON.stringify(said)}) console.error('npm error ' + line); process.exit(1)`;
    await using gateway = await startGateway({
      mcpServers: { crm: { command: process.execPath, args: ['-e', script] } },
    });
    expect(gateway.gateway.status().downstreams.crm?.detail).toBe(`npm error ${why}`);
  },
);

test('a secret is not shown in part either, wherever what was said is cut', async () => {
  const KEY = 'Zk39pQw7m2XtL8ra'.repeat(4);
  // The last words are cut after 200 characters, a line after 1024 and before its last 1024.
  const script = (said: string) =>
    `const key = process.env.KEY; console.error(${said}); process.exitCode = 3`;
  const start = (said: string) => ({
    command: process.execPath,
    args: ['-e', script(said)],
    env: { KEY: '${KEY}' },
  });
  const ends = [5, 20, 63].flatMap((shown) => [
    start(`'x'.repeat(${199 - shown}) + key`),
    start(`'x'.repeat(${1024 - shown}) + key + 'x'.repeat(10000)`),
    start(`'x'.repeat(10000) + key + 'x'.repeat(${1024 - shown})`),
  ]);
  const mcpServers = Object.fromEntries(ends.map((entry, index) => [`s${index}`, entry]));
  await using gateway = await startGateway({ mcpServers }, { env: { KEY } });
  const shown = [...gateway.logs, JSON.stringify(gateway.gateway.status())].join('\n');
  expect(shown).toContain('[secret]…');
  expect(shown).toContain('…[secret]');
  expect(shown).not.toMatch(/Zk39|L8ra/);
});

test('no line of a key that has several is shown', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const script =
    'const { pem } = JSON.parse(process.env.KEY); console.error("bad key: " + pem); process.exit(3)';
  for (const KEY of [JSON.stringify({ pem }), JSON.stringify({ type: 'key', pem }, null, 2)]) {
    const entry = { command: process.execPath, args: ['-e', script], env: { KEY: '${KEY}' } };
    await using gateway = await startGateway({ mcpServers: { crm: entry } }, { env: { KEY } });
    const shown = [...gateway.logs, JSON.stringify(gateway.gateway.status())].join('\n');
    expect(shown).toContain('[secret]');
    for (const line of pem.trim().split('\n').slice(1, -1)) expect(shown).not.toContain(line);
  }
});

test.each([['2001:db8::1'], ['[2001:db8::1]']])(
  'an address of the newer kind can be allowed: %s',
  async (host) => {
    await using gateway = await startGateway(
      { mcpServers: { crm: { url: 'http://127.0.0.1:2/mcp' } }, allowedHosts: [host] },
      { settle: false },
    );
    const reply = await gateway.post(
      { jsonrpc: '2.0', id: 1, method: 'ping' },
      { host: '[2001:db8::1]:8080' },
    );
    expect(reply.status).toBe(200);
  },
);
