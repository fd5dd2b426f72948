import { expect, test } from 'vitest';
import { folderWith, runCli } from '../support/cli.ts';
import { plainServer } from '../support/downstreams/plain.ts';

const FIND = {
  name: 'find_customer',
  description: 'Finds.',
  inputSchema: { type: 'object', properties: {}, oneOf: [{ required: ['id'] }, { required: ['name'] }] },
  annotations: { readOnlyHint: true },
};
const NOTE = { name: 'add_note', inputSchema: { type: 'object', properties: {} } };
const FAR = { name: 'far', inputSchema: { oneOf: [{ type: 'string' }] } };

async function run(folder: string, ...args: string[]) {
  await using child = runCli(args, { cwd: folder });
  const { code } = await child.exit;
  return { code, out: child.stdout, err: child.stderr };
}

test('tools --for says what each tool costs that caller, what was changed, and the totals', async () => {
  await using crm = await plainServer({ era: 'modern', tools: [FIND, NOTE] });
  await using folder = await folderWith({ 'servers.json': { mcpServers: { crm: crm.entry() } } });
  const { code, out } = await run(folder.path, 'tools', '--for', 'realtime');
  expect(out).toMatch(/^crm__add_note {2,}\d+ chars, \d+ bytes, ~\d+ tokens\n {2}no readOnlyHint\n/);
  expect(out).toContain('\n  its root has oneOf, which this caller refuses: flattened\n');
  expect(out).toMatch(/\n2 tools for realtime: \d+ bytes, ~\d+ tokens\n1 without readOnlyHint: /);
  expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(code).toBe(0);
});

test('check --for fails on what would break that caller', async () => {
  const many = Array.from({ length: 41 }, (_, index) => ({ ...NOTE, name: `note_${index}` }));
  await using crm = await plainServer({ era: 'modern', tools: [...many, FAR] });
  await using folder = await folderWith({
    'servers.json': { mcpServers: { crm: crm.entry() }, toolsets: { few: { include: ['*_1'] } } },
  });
  const cursor = await run(folder.path, 'check', '--for', 'cursor');
  expect(cursor.code).toBe(1);
  expect(cursor.out).toContain('41 tools are more than the 40 that cursor takes');
  expect(cursor.out).toContain('"far" is left out: no alternative of its inputSchema is an object.');
  expect((await run(folder.path, 'check', '--for', 'cursor', '--toolset', 'few')).code).toBe(0);
  const unknown = await run(folder.path, 'check', '--for', 'netscape');
  expect(unknown.code).toBe(1);
  expect(unknown.err).toMatch(/^There is no profile "netscape"\.\nThere is: generic, realtime, /);
});

test('tools --diff tells what came, went and changed since an earlier list', async () => {
  await using crm = await plainServer({ era: 'modern', tools: [FIND, NOTE] });
  const before = [{ ...NOTE, name: 'crm__add_note' }, { name: 'crm__find_customer' }, { name: 'crm__gone' }];
  await using folder = await folderWith({
    'servers.json': { mcpServers: { crm: crm.entry() } },
    'before.json': before,
    'same.json': [
      { ...FIND, name: 'crm__find_customer' },
      { ...NOTE, name: 'crm__add_note' },
    ],
  });
  const changed = await run(folder.path, 'tools', '--diff', 'before.json');
  expect(changed.out).toBe('~ crm__find_customer: description, inputSchema, annotations\n- crm__gone\n');
  expect(changed.code).toBe(1);
  expect(await run(folder.path, 'tools', '--diff', 'same.json')).toMatchObject({ code: 0, out: '' });
  expect((await run(folder.path, 'tools', '--diff', 'servers.json')).err).toBe(
    'servers.json is not a list of tools.\nMake it with: mcp-switchboard tools --json > before.json\n',
  );
});
