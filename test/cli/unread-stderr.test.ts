import { readFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { type Child, startProgram } from '../support/child.ts';
import { folderWith, runCli } from '../support/cli.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { ask, main, nowhere, TOKEN } from './serving.ts';

const CALLS = 1000;

test('a client that starts the gateway and never reads its stderr gets every answer, and can end it', async () => {
  await using at = await unread();
  // Each is a line of the record; the failed ones are a line of the log as well.
  await at.call(CALLS, (id) => [id % 10 === 0 ? 'crm__fail' : 'crm__echo', `${id} ${'x'.repeat(1000)}`]);
  at.child.process.stdin?.end();
  const [code] = await new Promise<[number | null]>((resolve) =>
    at.child.process.once('exit', (...exit) => resolve([exit[0]])),
  );
  expect(code).toBe(0);
  // More than any pipe holds was there to be read.
  at.child.process.stderr?.resume();
  await at.child.exit;
  expect(at.child.stderr.length).toBeGreaterThan(100_000);
});

test('one that reads it again hears how many lines are missing', async () => {
  await using at = await unread();
  // Twice the 4 MiB that wait for it, with arguments of the largest size that a line shows.
  const many = 600;
  await at.call(many, (id) => ['crm__echo', `${id} ${'x'.repeat(15_000)}`]);
  at.child.process.stderr?.resume();
  await expect
    .poll(
      async () => {
        await at.call(1, () => ['crm__echo', 'once more']);
        return at.child.stderr;
      },
      { interval: 300 },
    )
    .toContain('"event":"lines_lost"');
  const events = at.child.stderr.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
  const gap = events.findIndex(({ event }) => event === 'lines_lost');
  const before = events.slice(0, gap).filter(({ event }) => event === 'call').length;
  expect(events[gap].lines).toBeGreaterThan(0);
  expect(events[gap].msg).toContain(`${events[gap].lines} lines are missing here`);
  // Lines that wait for others of their batch come after it.
  const after = events.slice(gap + 1).filter(({ event }) => event === 'call').length;
  expect(before + events[gap].lines + after).toBeGreaterThanOrEqual(many);
  expect(before).toBeLessThan(many);
});

test('a log on a disk that was full says how many lines are missing', async () => {
  await using folder = await folderWith({ 'servers.json': nowhere });
  const log = join(folder.path, 'log');
  // 8 blocks are all that a file may have.
  const script = 'ulimit -f 8 && exec "$0" "$1" --port 0 2>> log';
  await using _child = startProgram('sh', ['-c', script, process.execPath, main], {
    cwd: folder.path,
    env: { SWITCHBOARD_TOKEN: TOKEN },
  });
  const read = () => readFile(log, 'utf8');
  await expect.poll(read).toContain('"event":"listening"');
  const url = String((await read()).match(/"url":"(http:[^"]+)"/)?.[1]);
  const call = () => ask(url, TOKEN, 'tools/call', { name: 'x'.repeat(200) });
  await expect
    .poll(async () => {
      await call();
      return (await stat(log)).size;
    })
    .toBe(4096);
  // More than wait for each other to be written together.
  await Promise.all(Array.from({ length: 200 }, call));
  await truncate(log);
  await call();
  await expect.poll(read).toMatch(/^\{.*"event":"lines_lost","lines":\d+,.*\}\n\{.*"event":"call"/m);
});

interface Unread extends AsyncDisposable {
  readonly child: Child;
  /** So many calls at once, each with the tool and the text that it is told; resolves when all are answered. */
  call(count: number, of: (id: number) => [tool: string, text: string]): Promise<void>;
}

/** A gateway whose client does not read its stderr. */
async function unread(): Promise<Unread> {
  const crm = await plainServer({
    era: 'modern',
    json: true,
    answers: { 'tools/call fail': (given) => given.res.destroy() },
  });
  const folder = await folderWith({
    'servers.json': { mcpServers: { crm: crm.entry() }, catalogFile: '', audit: { values: true } },
  });
  const child = runCli(['serve', '--stdio'], { cwd: folder.path });
  child.process.stderr?.pause();
  const { stdin, stdout } = child.process;
  if (stdout === null) throw new Error('no stdout');
  const lines = createInterface({ input: stdout });
  let lastId = 0;
  return {
    child,
    call(count, of) {
      let answers = 0;
      return new Promise((resolve) => {
        lines.on('line', function onLine() {
          if (++answers < count) return;
          lines.off('line', onLine);
          resolve();
        });
        for (let sent = 0; sent < count; sent++) {
          const id = ++lastId;
          const [name, text] = of(id);
          const params = { name, arguments: { text } };
          stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params })}\n`);
        }
      });
    },
    async [Symbol.asyncDispose]() {
      await child[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
      await crm[Symbol.asyncDispose]();
    },
  };
}
