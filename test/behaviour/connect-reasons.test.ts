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
  [
    'a reserved port',
    { url: 'http://127.0.0.1:6000/mcp' },
    'this port is reserved, and no HTTP client connects to it',
  ],
  ['a command that does not exist', { command: 'no-such-command' }, 'command not found'],
  [
    'a directory that does not exist',
    { command: process.execPath, cwd: '/no/such/dir' },
    'its cwd does not exist',
  ],
  [
    'a command that ends',
    { command: process.execPath, args: ['-e', 'console.error("config missing"); process.exit(3)'] },
    'exit code 3; it said: config missing',
  ],
])('%s is named', async (_what, entry, why) => {
  expect(await whyDown(entry)).toBe(why);
});
