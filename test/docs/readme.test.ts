import { fileURLToPath } from 'node:url';
import { parse as parseEnv } from 'dotenv';
import { type ParseError, parse as parseJsonc } from 'jsonc-parser';
import type { RealtimeToolsConfigUnion } from 'openai/resources/realtime/realtime';
import type { Tool } from 'openai/resources/responses/responses';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { folderWith, runCli } from '../support/cli.ts';
import { type Block, commandsOf, readMarkdown, wordsOf } from './markdown.ts';
import { openScene, type Scene } from './readme-scene.ts';

const readme = readMarkdown('README.md');
const commands = readme.blocks.flatMap(commandsOf);
const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** What begins with this is run below. */
const COMMAND = 'npx mcp-switchboard';

/** Commands that are not run here, and where they are. */
const ELSEWHERE = new Map([
  ['npm install', 'takes a registry; the first thing that CI does'],
  ['npm test', 'is running'],
  ['npm run demo', 'test/demo starts it, speaks to it and stops it'],
  ['npm pack', 'test/package makes the file, installs it into an empty folder and runs it'],
  ['npm install ../mcp-switchboard/mcp-switchboard-0.1.0.tgz', 'test/package, as above'],
  ['openssl rand -hex 32', 'another program'],
  ['cloudflared tunnel --url http://127.0.0.1:8080', 'another program, and the public internet'],
  [
    'claude mcp add --transport http switchboard http://127.0.0.1:8080/mcp --header "Authorization: Bearer <SWITCHBOARD_TOKEN>"',
    'another program; compared with what entry prints, below',
  ],
  ['docker build -t mcp-switchboard .', 'takes Docker; dockerfile.test.ts goes through its steps'],
  [
    'docker run --init --rm -p 127.0.0.1:8080:8080 --env-file .env -v "$PWD/servers.json:/app/servers.json:ro" mcp-switchboard',
    'takes Docker; dockerfile.test.ts starts what it starts',
  ],
]);

test('every command in a block is run here, or is known not to be', () => {
  const others = commands.filter((command) => !isRun(command));
  expect([...new Set(others)].sort()).toEqual([...ELSEWHERE.keys()].sort());
});

test('every block is in a language that is looked at', () => {
  expect(readme.blocks.filter(({ lang }) => !/^(sh|console|text|jsonc?|dotenv|js)$/.test(lang))).toEqual([]);
});

test('the scripts and the file that commands name are those of package.json', () => {
  const { name, version, scripts } = JSON.parse(readMarkdown('package.json').text);
  const all = `${readme.text}\n${readMarkdown('CONTRIBUTING.md').text}`;
  const named = [...all.matchAll(/npm (?:run (\w+)|(test|start))\b/g)].map(
    ([, run, short]) => run ?? short ?? '',
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((script) => !(script in scripts))).toEqual([]);
  expect([...new Set(readme.text.match(/[\w.-]+\.tgz/g))]).toEqual([`${name}-${version}.tgz`]);
});

test.each(readme.blocks.filter(({ lang }) => lang.startsWith('json')))(
  'the block in line $line is JSON',
  ({ text, lang }) => {
    if (lang === 'json') return void expect(JSON.parse(text)).toBeTypeOf('object');
    const errors: ParseError[] = [];
    parseJsonc(text, errors, { allowTrailingComma: true });
    expect(errors).toEqual([]);
  },
);

test('the servers.json is one, and its headers go out as its comments say', async () => {
  const env = parseEnv(only('dotenv').text);
  await using folder = await folderWith({
    'servers.json': only('jsonc').text,
    'billing.secret': 'b-secret\n',
  });
  const config = loadConfig({ path: `${folder.path}/servers.json`, env });
  expect(
    config.downstreams.map((each) => [each.key, each.kind === 'http' ? each.headers : each.env]),
  ).toEqual([
    [
      'crm',
      [
        ['X-API-KEY', 'crm-key'],
        ['X-Tenant-ID', 'acme'],
        ['X-Environment', 'production'],
        ['X-API-Version', '2'],
      ],
    ],
    [
      'billing',
      [
        ['X-Client-ID', 'c-17'],
        ['X-Client-Secret', 'b-secret'],
        ['Authorization', 'ApiKey billing-key'],
      ],
    ],
    [
      'orders',
      [
        ['Authorization', 'Basic b3JkZXJzOnNlY3JldA=='],
        ['X-API-Version', '2024-11-05'],
      ],
    ],
    ['notes', { NOTES_TOKEN: 'demo-notes-token' }],
  ]);
  // The .env block has nothing that is used nowhere.
  const { SWITCHBOARD_TOKEN, ...filledIn } = env;
  expect(Object.keys(filledIn).filter((name) => !only('jsonc').text.includes(`\${${name}}`))).toEqual([]);
  expect(SWITCHBOARD_TOKEN?.length).toBeGreaterThanOrEqual(16);
});

describe('in a folder with that servers.json and .env', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene(only('jsonc'), only('dotenv'));
  });
  afterAll(() => scene?.[Symbol.asyncDispose]());

  test.each(sessions())('$command prints what is shown', async ({ command, shown }) => {
    const { stdout, stderr } = await scene.run(argsOf(command));
    expect(stdout + stderr).toBe(shown);
    const [first] = scene.refused;
    expect(first?.headers).toMatchObject({
      authorization: 'Basic b3JkZXJzOnNlY3JldA==',
      'x-api-version': '2024-11-05',
    });
  });

  test(`${COMMAND} serves, and each request of the table is answered as it says`, async () => {
    expect(commands).toContain(COMMAND);
    await using child = scene.start([], { PORT: '0' });
    const [, url = ''] = await child.waitFor('stderr', /"url":"([^"]+)"/);
    const authorization = `Bearer ${parseEnv(only('dotenv').text).SWITCHBOARD_TOKEN}`;
    const ask = async (method: string, path: string, headers: Record<string, string> = {}) => {
      const body = method === 'POST' ? '{"jsonrpc":"2.0","id":1,"method":"ping"}' : null;
      const json = { 'content-type': 'application/json', ...headers };
      const { status } = await fetch(new URL(path, url), { method, headers: json, body });
      return status;
    };
    // At the latest `limits.firstListMs` after the start.
    await expect.poll(() => ask('GET', '/readyz')).toBe(200);

    const { rows } = table('Request', 'Token', 'Answer');
    expect(rows.map(([request]) => request)).toEqual([
      'POST /mcp',
      'GET /healthz',
      'GET /readyz',
      'GET /metrics',
      'GET /status',
    ]);
    for (const [request = '', token] of rows) {
      const [method = '', path = ''] = request.split(' ');
      expect([request, await ask(method, path, { authorization })]).toEqual([request, 200]);
      expect([request, await ask(method, path)]).toEqual([request, token === 'yes' ? 401 : 200]);
    }
    expect(await ask('GET', '/mcp', { authorization })).toBe(405);
    expect(await ask('DELETE', '/mcp', { authorization })).toBe(405);
    expect(await ask('GET', '/nothing-here')).toBe(404);

    child.process.kill('SIGTERM');
    expect(await child.exit).toEqual({ code: 0, signal: null });
  });
});

test('mistakes in the file are told as shown', async () => {
  const shown = readme.blocks.find(({ text }) => text.startsWith('servers.json: '));
  const env = parseEnv(only('dotenv').text);
  delete env.CRM_API_KEY;
  const broken = only('jsonc').text.replace('"prefix"', '"prefx"');
  await using folder = await folderWith({ 'servers.json': broken, 'billing.secret': 'b-secret\n' });
  await using child = runCli(['check'], { cwd: folder.path, env });
  expect(await child.exit).toEqual({ code: 1, signal: null });
  expect(child.stdout + child.stderr).toBe(shown?.text);
});

const realtime = {
  type: 'mcp',
  server_label: 'switchboard',
  server_url: 'https://mcp.example.com/mcp',
  authorization: '<SWITCHBOARD_TOKEN>',
  require_approval: 'never',
} as const satisfies RealtimeToolsConfigUnion.Mcp & Tool.Mcp;

test('the entry for OpenAI has the types of its API, Realtime and Responses', () => {
  const { shown } = entries().find(({ command }) => command.includes('realtime')) ?? {};
  expect(JSON.parse(shown ?? '')).toEqual(realtime);
});

test.each(entries())('$command prints what is shown', async ({ command, shown }) => {
  await using folder = await folderWith({});
  await using child = runCli(argsOf(command), { cwd: folder.path });
  expect(await child.exit).toEqual({ code: 0, signal: null });
  // Where Node and the package are on the reader's machine.
  const here = shown
    .replace('/usr/local/bin/node', process.execPath)
    .replace('/home/you/mcp/node_modules/mcp-switchboard/dist/main.js', main);
  expect(child.stdout).toBe(here);
});

test('there is an entry for every client that the command knows', async () => {
  await using child = runCli(['entry', '--help']);
  await child.exit;
  const [, list = ''] = child.stdout.match(/paste: ([\w,\s-]+?)\n\n/) ?? [];
  expect(entries().map(({ command }) => argsOf(command)[1])).toEqual(list.split(/,\s+/));
});

function isRun(command: string): boolean {
  return command === COMMAND || command.startsWith(`${COMMAND} `);
}

function argsOf(command: string): string[] {
  return wordsOf(command).slice(wordsOf(COMMAND).length);
}

/** The console blocks: one command each, and what it prints. */
function sessions() {
  return readme.blocks.flatMap((block) => {
    const [command, ...others] = commandsOf(block);
    if (block.lang !== 'console' || command === undefined) return [];
    expect([command, others]).toEqual([command, []]);
    return { command, shown: block.text.slice(block.text.indexOf('\n') + 1) };
  });
}

/** Each `entry` command with the block that follows it. */
function entries() {
  return readme.blocks.flatMap((block, index) => {
    const [command = ''] = commandsOf(block);
    const shown = readme.blocks[index + 1]?.text ?? '';
    return command.startsWith(`${COMMAND} entry`) ? { command, shown } : [];
  });
}

function only(lang: string): Block {
  const [block, ...others] = readme.blocks.filter((each) => each.lang === lang);
  if (block === undefined || others.length > 0) throw new Error(`README has not one ${lang} block`);
  return block;
}

function table(...header: string[]) {
  const [found, ...others] = readme.tables(...header);
  if (found === undefined || others.length > 0) throw new Error(`README has not one table of ${header}`);
  return found;
}
