import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { plainServer } from '../support/downstreams/plain.ts';
import { startGateway } from '../support/gateway.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';

const tool = (name: string) => ({ name, inputSchema: { type: 'object' } });

async function folder() {
  const path = await mkdtemp(join(tmpdir(), 'catalog-'));
  return {
    file: join(path, 'servers.catalog.json'),
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}

/** Takes connections and never says a word. */
async function hungServer(port = 0) {
  const sockets = new Set<{ destroy(): void }>();
  const server: Server = createServer((socket) => void sockets.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const { port: taken } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${taken}/mcp`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What a first run leaves behind, of servers that are gone after it. */
async function firstRun(catalogFile: string) {
  await using crm = await plainServer({ era: 'modern', tools: [tool('b'), tool('a')] });
  await using notes = await plainServer({ era: 'legacy', tools: [tool('c')] });
  const mcpServers = { crm: crm.entry(), notes: notes.entry() };
  await using gateway = await startGateway({ mcpServers }, { catalogFile });
  const lists = [
    (await gateway.post(...modernRequest('tools/list'))).text,
    (await gateway.post(...legacyRequest('tools/list'))).text,
  ];
  return { mcpServers, lists };
}

test('with every server gone, a restart lists the same bytes at once, and a call says why it cannot be made', async () => {
  await using kept = await folder();
  const { mcpServers, lists } = await firstRun(kept.file);
  await using gateway = await startGateway({ mcpServers }, { catalogFile: kept.file, settle: false });
  expect((await gateway.post(...modernRequest('tools/list'))).text).toBe(lists[0]);
  expect((await gateway.post(...legacyRequest('tools/list'))).text).toBe(lists[1]);
  expect((await gateway.post(...modernRequest('server/discover'))).status).toBe(200);
  expect((await gateway.send('/readyz', { method: 'GET' })).status).toBe(200);
  await gateway.gateway.attempted;
  const { result } = (await gateway.post(...modernRequest('tools/call', { name: 'crm__a' }))).json;
  expect(result.isError).toBe(true);
  expect(result.content[0].text).toBe(
    '"crm" is not reachable right now (connection refused). Trying again may help.',
  );
});

test('with every server hung, a restart lists at once, and a call ends in its time with a sentence', async () => {
  await using kept = await folder();
  const { mcpServers, lists } = await firstRun(kept.file);
  await using crm = await hungServer(Number(new URL(mcpServers.crm.url as string).port));
  await using notes = await hungServer(Number(new URL(mcpServers.notes.url as string).port));
  expect([crm.url, notes.url]).toEqual([mcpServers.crm.url, mcpServers.notes.url]);
  await using gateway = await startGateway(
    { mcpServers, profile: 'hasty', profiles: { hasty: { callTimeoutMs: 200 } } },
    { catalogFile: kept.file, settle: false },
  );
  expect((await gateway.post(...modernRequest('tools/list'))).text).toBe(lists[0]);
  const { result } = (await gateway.post(...modernRequest('tools/call', { name: 'crm__a' }))).json;
  expect(result.content[0].text).toBe(
    '"crm" is not reachable right now (not connected yet). Trying again may help.',
  );
});

test('four hung servers of five do not hold up the list, not even at the first start', async () => {
  await using well = await plainServer({ era: 'modern', tools: [tool('a')] });
  await using hung = await hungServer();
  const entries = Object.fromEntries(['h1', 'h2', 'h3', 'h4'].map((key) => [key, { url: hung.url }]));
  await using gateway = await startGateway(
    { mcpServers: { ...entries, crm: well.entry() } },
    { settle: false },
  );
  // Bounded by the gateway: 2.5 s. The hung ones take 10.
  const { tools } = (await gateway.post(...modernRequest('tools/list'))).json.result;
  expect(tools).toHaveLength(1);
  const { downstreams } = gateway.gateway.status();
  expect(Object.values(downstreams).filter(({ state }) => state === 'connecting')).toHaveLength(4);
});

test('the file can be read by a person and by nobody else, and holds no secret', async () => {
  await using kept = await folder();
  await using crm = await plainServer({
    era: 'modern',
    tools: [tool('a')],
    requires: { 'x-key': 'sesame-1' },
  });
  const url = `${crm.url}?key=sesame-2`;
  {
    const options = { catalogFile: kept.file };
    await using gateway = await startGateway(
      { mcpServers: { crm: { url, headers: { 'X-Key': 'sesame-1' } } } },
      options,
    );
    expect(gateway.gateway.catalog.generic.routes.size).toBe(1);
  }
  const text = await readFile(kept.file, 'utf8');
  expect(text).not.toContain('sesame');
  expect(text.split('\n').length).toBeGreaterThan(10);
  expect(JSON.parse(text).servers.crm.list.tools).toEqual([tool('a')]);
  expect((await stat(kept.file)).mode & 0o777).toBe(0o600);
  expect(await readdir(kept.path)).toEqual(['servers.catalog.json']);
});

test('a list is not taken for that of another server, nor from a file that is broken', async () => {
  await using kept = await folder();
  const { mcpServers } = await firstRun(kept.file);
  const moved = { mcpServers: { crm: { url: 'http://127.0.0.1:1/mcp' }, notes: mcpServers.notes } };
  {
    await using gateway = await startGateway(moved, { catalogFile: kept.file, settle: false });
    expect([...gateway.gateway.catalog.generic.routes.keys()]).toEqual(['notes__c']);
  }
  for (const text of ['{"servers', '[]', '{"format":1,"servers":{"crm":{"list":{"tools":[null]}}}}']) {
    await writeFile(kept.file, text);
    await using gateway = await startGateway({ mcpServers }, { catalogFile: kept.file, settle: false });
    expect(gateway.gateway.catalog.generic.routes.size).toBe(0);
  }
});

test('where the file cannot be written, there is one warning and everything else works', async () => {
  await using kept = await folder();
  await using crm = await plainServer({ era: 'modern', tools: [tool('a')] });
  const logs: string[] = [];
  {
    const catalogFile = join(kept.path, 'no', 'such', 'folder.json');
    await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } }, { catalogFile });
    expect((await gateway.post(...modernRequest('tools/list'))).json.result.tools).toHaveLength(1);
    await expect.poll(() => gateway.logs.join()).toContain('catalog_not_saved');
    logs.push(...gateway.logs);
  }
  expect(logs.filter((line) => line.includes('catalog_not_saved'))).toHaveLength(1);
});
