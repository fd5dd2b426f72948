import { readdirSync, readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { PROFILES } from '../../src/config/profiles.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { startGateway } from '../support/gateway.ts';

const folder = new URL('../fixtures/servers/', import.meta.url);
const published = readdirSync(folder).map((file) => {
  const { tools } = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as { tools: unknown[] };
  return { key: file.replace('.json', ''), tools };
});

// SDK clients throw a whole list away for one tool that they do not like.
test('the lists of all published servers together are accepted by real clients, for every profile', async () => {
  const servers = await Promise.all(published.map(({ tools }) => plainServer({ era: 'modern', tools })));
  onTestFinished(async () => {
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  });
  const mcpServers = Object.fromEntries(
    published.map(({ key }, index) => [key, servers[index]?.entry() as object]),
  );
  await using gateway = await startGateway({ mcpServers }, { logLevel: 'warn' });
  const count = published.reduce((sum, { tools }) => sum + tools.length, 0);
  for (const profile of PROFILES.keys()) {
    for (const era of ['modern', 'legacy', 'v1'] as const) {
      const client = await gateway.connect({ era: era as 'modern', query: `?profile=${profile}` });
      const { tools } = await client.listTools();
      expect([profile, era, tools.length]).toEqual([profile, era, count]);
      await client.close();
    }
  }
});
