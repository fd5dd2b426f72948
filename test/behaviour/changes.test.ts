import { expect, test } from 'vitest';
import { plainServer } from '../support/downstreams/plain.ts';
import { startGateway } from '../support/gateway.ts';
import { modernRequest } from '../support/messages.ts';

const tool = (name: string) => ({ name, inputSchema: { type: 'object' } });

test('a list that expires is asked for again, of that server only, and callers see what came', async () => {
  let tools = [tool('a')];
  await using crm = await plainServer({
    era: 'modern',
    answers: {
      'tools/list': ({ result }) =>
        result({ resultType: 'complete', tools, ttlMs: 1000, cacheScope: 'private' }),
    },
  });
  await using notes = await plainServer({ era: 'modern', tools: [tool('n')] });
  await using gateway = await startGateway({ mcpServers: { crm: crm.entry(), notes: notes.entry() } });
  const before = gateway.gateway.catalog;
  const lists = () => crm.requests.filter(({ headers }) => headers['mcp-method'] === 'tools/list').length;
  await expect.poll(lists, { timeout: 5000 }).toBeGreaterThan(1);
  // The same list again: nothing was made anew.
  expect(gateway.gateway.catalog).toBe(before);
  tools = [tool('a'), tool('b')];
  const names = async () =>
    (await gateway.post(...modernRequest('tools/list'))).json.result.tools.map(
      ({ name }: { name: string }) => name,
    );
  await expect.poll(names, { timeout: 5000 }).toEqual(['crm__a', 'crm__b', 'notes__n']);
  expect(notes.requests.filter(({ headers }) => headers['mcp-method'] === 'tools/list')).toHaveLength(1);
});

test('the list says how long it is fresh: as long as the freshest of them, and a minute at most', async () => {
  const ttlServer = (ttlMs: number) =>
    plainServer({
      era: 'modern',
      answers: {
        'tools/list': ({ result }) => result({ resultType: 'complete', tools: [tool('a')], ttlMs }),
      },
    });
  await using short = await ttlServer(20_000);
  await using long = await ttlServer(900_000);
  await using both = await startGateway({ mcpServers: { short: short.entry(), long: long.entry() } });
  await using one = await startGateway({ mcpServers: { long: long.entry() } });
  const list = async (gateway: typeof both) =>
    (await gateway.post(...modernRequest('tools/list'))).json.result;
  expect(await list(both)).toMatchObject({ ttlMs: 20_000, cacheScope: 'private' });
  expect(await list(one)).toMatchObject({ ttlMs: 60_000, cacheScope: 'private' });
});
