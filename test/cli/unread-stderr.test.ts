import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { folderWith, runCli } from '../support/cli.ts';
import { plainServer } from '../support/downstreams/plain.ts';

const CALLS = 1000;

test('a client that starts the gateway and never reads its stderr gets every answer, and can end it', async () => {
  await using crm = await plainServer({
    era: 'modern',
    json: true,
    answers: { 'tools/call fail': (given) => given.res.destroy() },
  });
  await using folder = await folderWith({
    'servers.json': { mcpServers: { crm: crm.entry() }, catalogFile: '', audit: { values: true } },
  });
  await using child = runCli(['serve', '--stdio'], { cwd: folder.path });
  child.process.stderr?.pause();
  const { stdin, stdout } = child.process;
  let answers = 0;
  const answered = new Promise<void>((resolve) => {
    if (stdout === null) throw new Error('no stdout');
    createInterface({ input: stdout }).on('line', () => {
      if (++answers === CALLS) resolve();
    });
  });
  for (let id = 0; id < CALLS; id++) {
    // Each is a line of the record; the failed ones are a line of the log as well.
    const name = id % 10 === 0 ? 'crm__fail' : 'crm__echo';
    const params = { name, arguments: { text: `${id} ${'x'.repeat(1000)}` } };
    stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params })}\n`);
  }
  await answered;
  stdin?.end();
  const [code] = await new Promise<[number | null]>((resolve) =>
    child.process.once('exit', (...exit) => resolve([exit[0]])),
  );
  expect(code).toBe(0);
  // More than any pipe holds was there to be read.
  child.process.stderr?.resume();
  await child.exit;
  expect(child.stderr.length).toBeGreaterThan(100_000);
});
