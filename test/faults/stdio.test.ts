import { expect, test } from 'vitest';
import { evilChild } from '../support/evil/stdio.ts';
import { startGateway } from '../support/gateway.ts';
import { modernRequest } from '../support/messages.ts';
import { runOnCalls, runOnLists } from './run.ts';
import { STDIO_FAULTS } from './stdio.ts';

const start = async (era: 'modern' | 'legacy') => evilChild(era);

runOnCalls(STDIO_FAULTS, start);
runOnLists(
  STDIO_FAULTS.filter(({ id }) => id === 'F57'),
  start,
);

test('F62 any number of callers share one child', async () => {
  await using evil = evilChild('modern');
  await using gateway = await startGateway({ mcpServers: { evil: evil.entry() } });
  const clients = await Promise.all(
    (['modern', 'legacy', 'auto'] as const).map((era) => gateway.connect({ era })),
  );
  const call = { name: 'evil__work', arguments: {} };
  await Promise.all(clients.map((client) => client.callTool(call)));
  await Promise.all(
    Array.from({ length: 100 }, (_, n) =>
      gateway.post(...modernRequest('tools/call', { ...call, arguments: { n } })),
    ),
  );
  expect(evil.pids).toHaveLength(1);
});
