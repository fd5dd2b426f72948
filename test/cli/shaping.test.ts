import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folderWith, runCli, unwrapped } from '../support/cli.ts';
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
  expect(out).toMatch(
    /\n2 tools for realtime: \d+ bytes, ~\d+ tokens\n2 tools, recommended at most 20\n1 without [^\n]*\n\(OpenAI asks for every tool /,
  );
  expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(code).toBe(0);
});

test('tools --for says what the operator made of each tool, why a name is another, and what is set aside', async () => {
  const properties = { region: { type: 'string' }, limit: { type: 'integer' }, q: { type: 'string' } };
  const long = 'a_tool_whose_name_is_longer_than_clients_take_behind_its_prefix';
  const tools = [
    { ...FIND, inputSchema: { type: 'object', properties } },
    { ...NOTE, name: long },
    { ...NOTE, name: 'read.file' },
    { ...NOTE, name: 'broken', description: 7 },
  ];
  await using crm = await plainServer({ era: 'modern', tools });
  const find_customer = {
    rename: 'who',
    title: 'T',
    description: 'D',
    annotations: { openWorldHint: false },
    arguments: {
      region: { set: 'sesame' },
      limit: { default: 5 },
      q: { rename: 'name', description: 'A name.' },
    },
  };
  await using folder = await folderWith({
    'servers.json': { mcpServers: { crm: crm.entry({ tools: { overrides: { find_customer } } }) } },
  });
  const { out } = await run(folder.path, 'tools', '--for', 'realtime');
  const [whoTold = ''] = /crm__who [\s\S]*?(?=\ncrm)/.exec(out) ?? [];
  expect(whoTold.split('\n').slice(1)).toEqual([
    '  it is called who by tools.overrides',
    '  its title is that of tools.overrides',
    '  its description is that of tools.overrides',
    '  its openWorldHint is false by tools.overrides',
    '  its argument region is set, and not shown',
    '  its argument limit has a default of tools.overrides',
    '  its argument q is called name',
    '  its argument q has the description of tools.overrides',
  ]);
  const told = unwrapped(out);
  expect(told).toContain(`\n  renamed from ${long}: 64 characters at most\n`);
  expect(told).toContain('\n  renamed from read.file: only A-Z a-z 0-9 _ -\n');
  expect(told).toContain('\ncrm: broken\n  is left out: its description is not text.\n');
  expect(told).toMatch(/\n3 tools for realtime: .*\n3 tools, recommended at most 20\n/);
  expect(out).not.toContain('sesame');
  expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  const cursor = await run(folder.path, 'tools', '--for', 'cursor');
  expect(cursor.out).toContain('\n3 tools, at most 40\n');
});

test('check --for tells of names that are too long for that caller alone, and of globs that match nothing', async () => {
  const fifty = 'x'.repeat(50);
  await using crm = await plainServer({ era: 'modern', tools: [{ ...NOTE, name: fifty }] });
  await using folder = await folderWith({
    'servers.json': { mcpServers: { crm: crm.entry() }, toolsets: { few: { exclude: ['crm__y*'] } } },
  });
  const cursor = await run(folder.path, 'check', '--for', 'cursor');
  expect(cursor.code).toBe(0);
  expect(unwrapped(cursor.out)).toMatch(
    new RegExp(
      `\n  note  "crm": "${fifty}" is exposed as crm__x{34}_[0-9a-f]{8}: 48 characters at most\\.\n`,
    ),
  );
  const idle = 'note  "toolset few" has "crm__y*" in include or exclude, which matches nothing.\n';
  expect(unwrapped(cursor.out)).toContain(idle);
  expect(cursor.out).toMatch(/1 without readOnlyHint: [^\n]*\n$/);
  const claude = await run(folder.path, 'check', '--for', 'claude', '--toolset', 'few');
  expect(unwrapped(claude.out)).toContain(idle);
  expect(claude.out).not.toContain('is exposed as');
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
  const file = { mcpServers: { crm: crm.entry() } };
  await using plain = await folderWith({ 'servers.json': file, 'other.json': file });
  const { err } = await run(plain.path, 'check', '--toolset', 'few');
  expect(err).toBe('There is no toolset "few".\nservers.json has none.\n');
  const other = await run(plain.path, 'check', '--toolset', 'few', '--config', 'other.json');
  expect(other.err).toBe('There is no toolset "few".\nother.json has none.\n');
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
    'servers.json is not a list of tools.\nMake it with: npx mcp-switchboard tools --json > before.json\n',
  );
  const wrong = async (file: string) =>
    (await run(folder.path, 'tools', '--diff', file)).err.split('\n', 1)[0];
  expect(await wrong('none.json')).toBe('none.json does not exist.');
  expect(await wrong('.')).toBe('. is a directory.');
});

test('tools --diff reads what PowerShell writes: UTF-16, or UTF-8, with a byte order mark', async () => {
  await using crm = await plainServer({ era: 'modern', tools: [FIND, NOTE] });
  await using folder = await folderWith({ 'servers.json': { mcpServers: { crm: crm.entry() } } });
  const before = `\ufeff${JSON.stringify([{ ...FIND, name: 'crm__find_customer' }])}\r\n`;
  for (const encoding of ['utf16le', 'utf8'] as const) {
    await writeFile(join(folder.path, 'before.json'), before, encoding);
    const { out, err } = await run(folder.path, 'tools', '--diff', 'before.json');
    expect([out, err]).toEqual(['+ crm__add_note\n', '']);
  }
});

test('tools --diff finds nothing in a list that tools --json printed, whatever is hidden in it', async () => {
  const description = 'Finds customers of account 100234.';
  await using crm = await plainServer({ era: 'modern', tools: [{ ...FIND, description }] });
  const headers = { 'X-Account-ID': '100234' };
  await using folder = await folderWith({ 'servers.json': { mcpServers: { crm: crm.entry({ headers }) } } });
  const listed = await run(folder.path, 'tools', '--json');
  expect(JSON.parse(listed.out)).toMatchObject([{ description: 'Finds customers of account [secret].' }]);
  await writeFile(join(folder.path, 'before.json'), listed.out);
  expect(await run(folder.path, 'tools', '--diff', 'before.json')).toMatchObject({ code: 0, out: '' });
});
