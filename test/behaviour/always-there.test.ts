import { mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { expiringServer } from '../support/downstreams/expiring.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';
import { refusingPort } from '../support/refusing-port.ts';
import { catalogFolder } from '../support/temporary-folder.ts';

const tool = (name: string) => ({ name, inputSchema: { type: 'object' } });

/** Takes connections and never says a word. */
async function hungServer(port = 0) {
  const sockets = new Set<{ destroy(): void }>();
  const server: Server = createServer((socket) => void sockets.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const { port: taken } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${taken}/mcp`,
    get connections() {
      return sockets.size;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Every answer that needs no server, byte for byte. */
async function known(gateway: RunningGateway): Promise<string[]> {
  const initialize = {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 't', version: '1' },
  };
  const requests = [
    modernRequest('tools/list'),
    legacyRequest('tools/list'),
    modernRequest('server/discover'),
    legacyRequest('initialize', initialize),
  ];
  const texts: string[] = [];
  for (const request of requests) {
    const reply = await gateway.post(...request);
    expect(reply.status).toBe(200);
    texts.push(reply.text);
  }
  return texts;
}

/** What a first run leaves behind, of servers that are gone after it. */
async function firstRun(catalogFile: string) {
  await using crm = await plainServer({ era: 'modern', tools: [tool('b'), tool('a')] });
  await using notes = await plainServer({ era: 'legacy', tools: [tool('c')] });
  const mcpServers = { crm: crm.entry(), notes: notes.entry() };
  await using gateway = await startGateway({ mcpServers }, { catalogFile });
  return {
    mcpServers,
    before: await known(gateway),
    crmPort: Number(new URL(crm.url).port),
    notesPort: Number(new URL(notes.url).port),
  };
}

test('with every server gone, a restart answers the same bytes at once, and a call says why it cannot be made [R118]', async () => {
  await using kept = await catalogFolder();
  const { mcpServers, before, crmPort, notesPort } = await firstRun(kept.file);
  await using _crm = await refusingPort(crmPort);
  await using _notes = await refusingPort(notesPort);
  await using gateway = await startGateway({ mcpServers }, { catalogFile: kept.file, settle: false });
  expect(await known(gateway)).toEqual(before);
  expect((await gateway.send('/readyz', { method: 'GET' })).status).toBe(200);
  await gateway.gateway.attempted;
  const { result } = (await gateway.post(...modernRequest('tools/call', { name: 'crm__a' }))).json;
  expect(result.isError).toBe(true);
  expect(result.content[0].text).toBe(
    '"crm" is not reachable right now (connection refused). Trying again may help.',
  );
  expect(await known(gateway)).toEqual(before);
});

test('with every server hung, a restart answers the same bytes at once, and a call ends in its time with a sentence', async () => {
  await using kept = await catalogFolder();
  const { mcpServers, before, crmPort, notesPort } = await firstRun(kept.file);
  await using _crm = await hungServer(crmPort);
  await using _notes = await hungServer(notesPort);
  await using gateway = await startGateway(
    { mcpServers, profile: 'hasty', profiles: { hasty: { callTimeoutMs: 200 } } },
    { catalogFile: kept.file, settle: false },
  );
  expect(await known(gateway)).toEqual(before);
  const { result } = (await gateway.post(...modernRequest('tools/call', { name: 'crm__a' }))).json;
  expect(result.isError).toBe(true);
  expect(result.content[0].text).toBe(
    '"crm" is not reachable right now (not connected yet). Trying again may help.',
  );
  const states = Object.values(gateway.gateway.status().downstreams).map(({ state }) => state);
  expect(states).toEqual(['connecting', 'connecting']);
});

test('a call to a server that was not there does not wait for the next attempt to end', async () => {
  await using kept = await catalogFolder();
  const { mcpServers, crmPort, notesPort } = await firstRun(kept.file);
  const refusing = await refusingPort(crmPort);
  await using _notes = await refusingPort(notesPort);
  await using gateway = await startGateway({ mcpServers }, { catalogFile: kept.file });
  await refusing.release();
  await using hung = await hungServer(crmPort);
  await expect.poll(() => hung.connections).toBeGreaterThan(0);
  // The attempt takes 10 s, the call has 60: only the one that does not wait has this reason.
  const { result } = (await gateway.post(...modernRequest('tools/call', { name: 'crm__a' }))).json;
  expect(result.content[0].text).toBe(
    '"crm" is not reachable right now (connection refused). Trying again may help.',
  );
});

test('four hung servers of five do not hold up the list, not even at the first start', async () => {
  await using well = await plainServer({ era: 'modern', tools: [tool('a')] });
  await using hung = await hungServer();
  const entries = Object.fromEntries(
    ['h1', 'h2', 'h3', 'h4'].map((key) => [key, { url: hung.url, connectTimeoutMs: 60_000 }]),
  );
  await using gateway = await startGateway(
    { mcpServers: { ...entries, crm: well.entry() } },
    { settle: false },
  );
  // Bounded by the gateway: 2.5 s, to which a busy machine adds. The hung ones take 60.
  const startedAt = performance.now();
  const first = (await gateway.post(...modernRequest('tools/list'))).json.result;
  expect(performance.now() - startedAt).toBeLessThan(20_000);
  expect(first.tools).toHaveLength(1);
  expect(first.ttlMs).toBe(0);
  for (let i = 0; i < 100; i++) {
    expect((await gateway.post(...modernRequest('tools/list'))).json.result).toEqual(first);
  }
  const { downstreams } = gateway.gateway.status();
  expect(Object.values(downstreams).filter(({ state }) => state === 'connecting')).toHaveLength(4);
});

test('the file can be read by a person and by nobody else, and holds no secret [R130]', async () => {
  await using kept = await catalogFolder();
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

test('a file that is a link stays one, and what it leads to is written: what is there already, and what is not yet', async () => {
  await using kept = await catalogFolder();
  const data = join(kept.path, 'data');
  const lists = join(data, 'lists.json');
  await mkdir(data);
  await symlink('data/lists.json', kept.file);
  for (const name of ['a', 'b']) {
    await using crm = await plainServer({ era: 'modern', tools: [tool(name)] });
    {
      await using _gateway = await startGateway(
        { mcpServers: { crm: crm.entry() } },
        { catalogFile: kept.file },
      );
    }
    expect(await readlink(kept.file)).toBe('data/lists.json');
    expect(JSON.parse(await readFile(lists, 'utf8')).servers.crm.list.tools).toEqual([tool(name)]);
    expect(await readdir(data)).toEqual(['lists.json']);
  }
});

test('a list is not taken for that of another server', async () => {
  await using kept = await catalogFolder();
  const { mcpServers } = await firstRun(kept.file);
  const moved = { mcpServers: { crm: { url: 'http://127.0.0.1:1/mcp' }, notes: mcpServers.notes } };
  await using gateway = await startGateway(moved, { catalogFile: kept.file, settle: false });
  expect([...gateway.gateway.catalog.generic.routes.keys()]).toEqual(['notes__c']);
});

const DEEP = `${'{"a":'.repeat(50_000)}"sesame"${'}'.repeat(50_000)}`;
/** As it says of itself what it is. */
const BEGIN = '{"about":"The last good list of each server behind mcp-switchboard.",';
const entryWith = (list: string) => (server: string) =>
  `${BEGIN}"format":1,"servers":{"crm":{"server":"${server}","listedAt":"","list":${list}}}}`;

test.each([
  ['that ends in the middle', () => `${BEGIN}"format":1,"servers":{"sesame":{"li`],
  ['of another format', () => `${BEGIN}"format":2,"servers":{"sesame":{}}}`],
  ['in which a tool is null', entryWith('{"tools":[null],"warnings":["sesame"]}')],
  ['in which a time is negative', entryWith('{"tools":[],"ttlMs":-1,"warnings":["sesame"]}')],
  ['in which a tool has no end', entryWith(`{"tools":[${DEEP}],"warnings":[]}`)],
])('a file %s is not used but replaced, with one warning that quotes nothing of it', async (_what, write) => {
  await using kept = await catalogFolder();
  await using crm = await plainServer({ era: 'modern', tools: [tool('a')] });
  const mcpServers = { crm: crm.entry() };
  {
    await using _first = await startGateway({ mcpServers }, { catalogFile: kept.file });
  }
  const written = JSON.parse(await readFile(kept.file, 'utf8'));
  await writeFile(kept.file, write(written.servers.crm.server));
  {
    await using gateway = await startGateway({ mcpServers }, { catalogFile: kept.file });
    const warnings = gateway.logs.filter((line) => line.includes('catalog_not_read'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).not.toContain('sesame');
    expect([...gateway.gateway.catalog.generic.routes.keys()]).toEqual(['crm__a']);
  }
  expect(JSON.parse(await readFile(kept.file, 'utf8')).servers.crm.list).toEqual(written.servers.crm.list);
});

test.each([
  ['.env', 'PASSWORD=sesame\n'],
  ['package.json', '{"name":"mcp-switchboard"}'],
])('a file of something else that catalogFile names is left as it is: %s', async (name, text) => {
  await using kept = await catalogFolder();
  await using crm = await plainServer({ era: 'modern', tools: [tool('a')] });
  const catalogFile = join(kept.path, name);
  const mcpServers = { crm: crm.entry() };
  await writeFile(catalogFile, text);
  {
    await using gateway = await startGateway({ mcpServers }, { catalogFile });
    await gateway.gateway.close();
    const told = gateway.logs.map((line) => JSON.parse(line)).filter(({ level }) => level === 'warn');
    expect(told.map(({ msg }) => msg)).toEqual([
      `The lists are not kept for the next start: ${catalogFile} is not a file of lists, and is left as it is. Name another place with catalogFile, or "" for none.`,
    ]);
  }
  expect(await readFile(catalogFile, 'utf8')).toBe(text);
  // One that comes there while it runs, as well.
  await rm(catalogFile);
  {
    await using _gateway = await startGateway({ mcpServers }, { catalogFile });
    await writeFile(catalogFile, text);
  }
  expect(await readFile(catalogFile, 'utf8')).toBe(text);
  await writeFile(catalogFile, '');
  {
    await using _gateway = await startGateway({ mcpServers }, { catalogFile });
  }
  expect(JSON.parse(await readFile(catalogFile, 'utf8')).servers.crm.list.tools).toEqual([tool('a')]);
});

test('only what has changed gets a new date, and a server that was removed leaves the file', async () => {
  await using kept = await catalogFolder();
  let crmTools = [tool('a')];
  await using crm = await plainServer({
    era: 'legacy',
    answers: { 'tools/list': ({ result }) => result({ tools: crmTools }) },
  });
  await using notes = await plainServer({ era: 'modern', tools: [tool('n')] });
  const run = async (mcpServers: object) => {
    {
      await using _gateway = await startGateway({ mcpServers }, { catalogFile: kept.file });
    }
    return JSON.parse(await readFile(kept.file, 'utf8')).servers;
  };
  const first = await run({ crm: crm.entry(), notes: notes.entry() });
  crmTools = [tool('a'), tool('b')];
  const second = await run({ crm: crm.entry(), notes: notes.entry() });
  expect(second.notes).toEqual(first.notes);
  expect(second.crm.list.tools).toEqual(crmTools);
  expect(Date.parse(second.crm.listedAt)).toBeGreaterThan(Date.parse(first.crm.listedAt));
  expect(await run({ notes: notes.entry() })).toEqual({ notes: first.notes });
});

test('whoever reads the file while it is replaced meets the old one or the new one', async () => {
  await using kept = await catalogFolder();
  const toolsOf = (run: number) =>
    Array.from({ length: 300 }, (_, i) => ({ ...tool(`t${i}`), description: `${run}`.padEnd(2000, '.') }));
  let run = 0;
  await using crm = await plainServer({
    era: 'legacy',
    answers: { 'tools/list': ({ result }) => result({ tools: toolsOf(run) }) },
  });
  const seen = new Set<string>();
  let isOver = false;
  async function keepReading() {
    while (!isOver) {
      // Not there before the first run; never gone after it.
      const text = await readFile(kept.file, 'utf8').catch((error) => {
        if (seen.size > 0) throw error;
      });
      if (text === undefined) continue;
      const { tools } = JSON.parse(text).servers.crm.list;
      expect(tools).toHaveLength(300);
      seen.add(tools[299].description);
    }
  }
  const reading = keepReading();
  try {
    while (run < 8) {
      run++;
      await using _gateway = await startGateway(
        { mcpServers: { crm: crm.entry() } },
        { catalogFile: kept.file },
      );
    }
  } finally {
    isOver = true;
    await reading;
  }
  expect(seen.size).toBeGreaterThan(1);
});

test.each([
  ['in a folder that does not exist', ['no', 'such', 'folder.json']],
  ['in what is no folder', ['servers.json', 'catalog.json']],
])('where the file would be %s, there is one warning and everything else works', async (_what, steps) => {
  await using kept = await catalogFolder();
  await writeFile(join(kept.path, 'servers.json'), '{}');
  await using crm = await expiringServer([tool('a')]);
  const catalogFile = join(kept.path, ...steps);
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry() } }, { catalogFile });
  const warnings = () =>
    gateway.logs.filter((line) => line.includes('"level":"warn"') || line.includes('"level":40'));
  await expect.poll(warnings).toHaveLength(1);
  crm.tools = [tool('a'), tool('b')];
  const listed = async () => (await gateway.post(...modernRequest('tools/list'))).json.result.tools.length;
  await expect.poll(listed).toBe(2);
  await gateway.gateway.close();
  expect(warnings()).toEqual([expect.stringContaining('catalog_not_saved')]);
});
