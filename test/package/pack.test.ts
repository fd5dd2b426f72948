import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readMarkdown } from '../docs/markdown.ts';
import { startNode } from '../support/child.ts';
import { modernServer } from '../support/downstreams/modern.ts';
import { modernRequest } from '../support/messages.ts';
import { send } from '../support/wire-client.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const TOKEN = 'a-token-that-nobody-guesses';

interface Packed {
  filename: string;
  unpackedSize: number;
  files: { path: string; mode: number }[];
}

let folder: string;
/** Where the package is installed, with nothing else beside it. */
let project: string;
let packed: Packed;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'package-'));
  project = join(folder, 'project');
  await mkdir(project);
  packed = await pack();
  // With --prefix, a package.json that lies about in the temporary folder is not taken for the project's.
  await npm(
    project,
    'install',
    '--prefix',
    project,
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    join(folder, packed.filename),
  );
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

test('the package holds the program, what describes it, and nothing else', async () => {
  const paths = packed.files.map(({ path }) => path);
  const built = paths.filter((path) => path.startsWith('dist/'));
  const rest = paths.filter((path) => !path.startsWith('dist/'));
  expect(rest.sort()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'package.json',
    'servers.schema.json',
  ]);
  const sources = await readdir(join(repository, 'src'), { recursive: true });
  const names = sources.filter((file) => file.endsWith('.ts')).map((file) => file.slice(0, -'.ts'.length));
  expect(built.sort()).toEqual(names.flatMap((name) => [`dist/${name}.d.ts`, `dist/${name}.js`]).sort());
  expect(packed.unpackedSize).toBeLessThan(1280 * 1024);
  expect((await readFile(join(installed(), 'dist/main.js'), 'utf8')).split('\n', 1)).toEqual([
    '#!/usr/bin/env node',
  ]);
});

test('npx mcp-switchboard --version prints the version of the package', async () => {
  const { version } = JSON.parse(await readFile(join(installed(), 'package.json'), 'utf8'));
  expect((await npx('--version')).stdout).toBe(`${version}\n`);
});

test('npx mcp-switchboard check, serve and one call', async () => {
  await using crm = await modernServer({ requires: { 'X-API-KEY': 'key-of-the-crm' } });
  await writeFile(join(project, 'servers.json'), JSON.stringify({ mcpServers: { crm: crm.entry() } }));
  expect((await npx('check')).stdout).toBe(
    [
      'servers.json: 1 server, no errors',
      '  ok    crm  5 tools, 2026-07-28 (modern)',
      '5 tools exposed',
      '',
    ].join('\n'),
  );

  const env = { SWITCHBOARD_TOKEN: TOKEN, PORT: '0' };
  await using serving = startNode([join(installed(), 'dist/main.js')], { cwd: project, env });
  const [, url] = await serving.waitFor('stderr', /"url":"(http:[^"]+)"/);
  expect(await echo(String(url), 'from the package')).toEqual([{ type: 'text', text: 'from the package' }]);
  serving.process.kill('SIGTERM');
  expect(await serving.exit).toEqual({ code: 0, signal: null });
});

test("it can be put into a program of one's own, as README shows, with its types", async () => {
  await using crm = await modernServer();
  await writeFile(join(project, 'servers.json'), JSON.stringify({ mcpServers: { crm: crm.entry() } }));
  const [example, ...others] = readMarkdown('README.md').blocks.filter(({ lang }) => lang === 'js');
  expect(others).toEqual([]);
  await writeFile(join(project, 'own.mjs'), example?.text.replace('port: 8080', 'port: 0') ?? '');
  await using own = startNode(['own.mjs'], { cwd: project, env: { SWITCHBOARD_TOKEN: TOKEN } });
  const [, url] = await own.waitFor('stdout', /^MCP is served at (http:\S+)\n/);
  expect(await echo(String(url), 'from a program')).toEqual([{ type: 'text', text: 'from a program' }]);
  own.process.kill('SIGTERM');
  expect(await own.exit).toEqual({ code: 0, signal: null });

  const { exports } = JSON.parse(await readFile(join(installed(), 'package.json'), 'utf8'));
  const types = await readFile(join(installed(), exports['.'].types), 'utf8');
  const [, names = ''] = /import \{ (.*) \} from 'mcp-switchboard'/.exec(example?.text ?? '') ?? [];
  for (const name of names.split(', ')) expect(types).toMatch(new RegExp(`export .*\\b${name}\\b`));
});

/** Calls `crm__echo` there. */
async function echo(url: string, text: string): Promise<unknown> {
  const [body, headers] = modernRequest('tools/call', { name: 'crm__echo', arguments: { text } });
  const accept = 'application/json, text/event-stream';
  const usual = { 'content-type': 'application/json', accept, authorization: `Bearer ${TOKEN}` };
  const { status, messages } = await send(url, { body, headers: { ...usual, ...headers } });
  expect(status).toBe(200);
  return messages.at(-1)?.result.content;
}

/** `npm pack` in a copy, since other tests are running this dist. An older build has left something in its own. */
async function pack(): Promise<Packed> {
  const checkout = join(folder, 'checkout');
  const leftOut = ['node_modules', '.git', 'dist'].map((name) => join(repository, name));
  await cp(repository, checkout, { recursive: true, filter: (path) => !leftOut.includes(path) });
  await symlink(join(repository, 'node_modules'), join(checkout, 'node_modules'));
  await mkdir(join(checkout, 'dist'));
  await writeFile(join(checkout, 'dist/moved-since.js'), '');
  const stdout = await npm(checkout, 'pack', '--json', '--pack-destination', folder);
  // npm run writes about the build before it.
  const [result] = JSON.parse(stdout.slice(stdout.indexOf('[\n')));
  return result;
}

function installed(): string {
  return join(project, 'node_modules/mcp-switchboard');
}

async function npm(cwd: string, ...args: string[]): Promise<string> {
  const { stdout } = await run('npm', args, { cwd });
  return stdout;
}

/** The installed command, and never one that npx would fetch. */
function npx(...args: string[]) {
  return run('npx', ['--no-install', 'mcp-switchboard', ...args], { cwd: project });
}

const run = promisify(execFile);
