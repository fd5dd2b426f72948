import { expect, test } from 'vitest';
import type { ServerEntry } from '../support/downstreams/downstream.ts';
import { modernServer } from '../support/downstreams/modern.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { answersHtml, answersStatus } from '../support/downstreams/wire.ts';
import { startGateway } from '../support/gateway.ts';

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

test('a web page is not MCP', async () => {
  await using downstream = await plainServer({
    era: 'modern',
    answers: { 'server/discover': answersHtml, initialize: answersHtml },
  });
  expect(await whyDown(downstream.entry())).toBe('it does not speak MCP at this URL');
});

test.each([
  ['a host that does not exist', { url: 'http://no-such-host.invalid/mcp' }, 'host name not found'],
  ['a port on which nothing listens', { url: 'http://127.0.0.1:2/mcp' }, 'connection refused'],
  ['a port that browsers keep from', { url: 'http://127.0.0.1:6000/mcp' }, 'connection refused'],
  ['a command that does not exist', { command: 'no-such-command' }, 'command not found'],
  [
    'a directory that does not exist',
    { command: process.execPath, cwd: '/no/such/dir' },
    'its cwd does not exist',
  ],
  [
    'a command that ends',
    { command: process.execPath, args: ['-e', 'console.error("config missing"); process.exit(3)'] },
    'exit code 3',
  ],
])('%s is named', async (_what, entry, why) => {
  expect(await whyDown(entry)).toBe(why);
});

test('what a downstream said about its end is shown to its operator, without secrets, and to no caller', async () => {
  const script = 'console.error("cannot log in with " + process.env.KEY); process.exit(3)';
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
