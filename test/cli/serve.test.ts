// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${NAME} is what servers.json says, not a forgotten template.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folderWith, runCli } from '../support/cli.ts';
import { modernServer } from '../support/downstreams/modern.ts';
import { listenOnLoopback } from '../support/http-server.ts';
import {
  ask,
  connected,
  crashingEntry,
  listening,
  nowhere,
  sentences,
  silentEntry,
  stop,
  TOKEN,
  tooWide,
} from './serving.ts';

describe.concurrent('the token', () => {
  test('where none is set, one is made, printed once, and opens the door [R29]', async () => {
    await using crm = await modernServer();
    await using folder = await folderWith({ 'servers.json': { mcpServers: { crm: crm.entry() } } });
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path });
    const url = await listening(child);
    await connected(child, 1);
    const [, token] = await child.waitFor('stderr', /Authorization: Bearer (\S+)/);

    expect((await ask(url, undefined, 'tools/list')).status).toBe(401);
    expect((await ask(url, `${token}x`, 'tools/list')).status).toBe(401);
    const { status, json } = await ask(url, token, 'tools/list');
    expect([status, json.result.tools.length]).toEqual([200, 5]);

    expect(await stop(child)).toEqual({ code: 0, signal: null });
    expect(child.stderr.split(String(token))).toHaveLength(2);
    expect(sentences(child.stderr)).toEqual([
      'No SWITCHBOARD_TOKEN is set in the environment, or in .env in the working',
      'directory, so one was made for this run:',
      expect.stringMatching(/^ {4}http:\/\/127\.0\.0\.1:\d+\/mcp$/),
      `    Authorization: Bearer ${token}`,
      'Set it in one of them to keep it the same.',
    ]);
    expect(tooWide(sentences(child.stderr).slice(0, 2).join('\n'))).toEqual([]);
    expect(child.stdout).toBe('');
  });

  test('two starts make two tokens', async () => {
    await using folder = await folderWith({ 'servers.json': nowhere });
    await using one = runCli(['--port', '0'], { cwd: folder.path });
    await using other = runCli(['--port', '0'], { cwd: folder.path });
    const pattern = /Authorization: Bearer (\S{32,})/;
    const [, first] = await one.waitFor('stderr', pattern);
    const [, second] = await other.waitFor('stderr', pattern);
    expect(first).not.toBe(second);
  });

  test('one that is set is used and never printed', async () => {
    await using folder = await folderWith({ 'servers.json': nowhere });
    const env = { SWITCHBOARD_TOKEN: TOKEN, LOG_LEVEL: 'trace' };
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path, env });
    const url = await listening(child);
    expect((await ask(url, TOKEN, 'server/discover')).status).toBe(200);
    expect((await ask(url, 'another-token', 'server/discover')).status).toBe(401);
    await stop(child);
    expect(sentences(child.stderr)).toEqual([]);
    expect(child.stdout + child.stderr).not.toContain(TOKEN);
  });

  test('with one, every address may be listened on', async () => {
    await using folder = await folderWith({ 'servers.json': nowhere });
    const env = { SWITCHBOARD_TOKEN: TOKEN, HOST: '0.0.0.0', PORT: '0' };
    await using child = runCli(['serve'], { cwd: folder.path, env });
    const url = (await listening(child)).replace('0.0.0.0', '127.0.0.1');
    expect((await ask(url, TOKEN, 'server/discover')).status).toBe(200);
    expect((await ask(url, undefined, 'server/discover')).status).toBe(401);
  });
});

describe.concurrent('.env', () => {
  const envFile = [
    '# what this folder needs',
    `SWITCHBOARD_TOKEN=${TOKEN}`,
    'SWITCHBOARD_CONFIG=ours.json',
    'PORT=0',
    'CRM_API_KEY="key of the file"',
    '',
  ].join('\n');

  test('in the working directory, it is read', async () => {
    await using crm = await modernServer({ requires: { 'X-API-KEY': 'key of the file' } });
    const entry = crm.entry({ headers: { 'X-API-KEY': '${CRM_API_KEY}' } });
    await using folder = await folderWith({ '.env': envFile, 'ours.json': { mcpServers: { crm: entry } } });
    await using child = runCli([], { cwd: folder.path });
    const url = await listening(child);
    await connected(child, 1);
    const { json } = await ask(url, TOKEN, 'tools/list');
    expect(json.result.tools).toHaveLength(5);
    expect(sentences(child.stderr)).toEqual([]);
  });

  test('a real variable wins over it', async () => {
    await using crm = await modernServer({ requires: { 'X-API-KEY': 'key of the shell' } });
    const entry = crm.entry({ headers: { 'X-API-KEY': '${CRM_API_KEY}' } });
    await using folder = await folderWith({ '.env': envFile, 'ours.json': { mcpServers: { crm: entry } } });
    const env = { SWITCHBOARD_TOKEN: 'the-token-of-the-shell', CRM_API_KEY: 'key of the shell' };
    await using child = runCli([], { cwd: folder.path, env });
    const url = await listening(child);
    await connected(child, 1);
    expect((await ask(url, TOKEN, 'tools/list')).status).toBe(401);
    const { json } = await ask(url, 'the-token-of-the-shell', 'tools/list');
    expect(json.result.tools).toHaveLength(5);
  });

  test('an option wins over both', async () => {
    await using folder = await folderWith({ '.env': 'PORT=1\nHOST=0.0.0.0\n', 'theirs.json': nowhere });
    const env = { PORT: '2', SWITCHBOARD_CONFIG: 'ours.json' };
    const args = ['serve', '--port', '0', '--host', 'localhost', '--config', 'theirs.json'];
    await using child = runCli(args, { cwd: folder.path, env });
    expect(await listening(child)).toMatch(/^http:\/\/localhost:\d{4,5}\/mcp$/);
  });

  test('WORKERS says how many processes serve', async () => {
    await using folder = await folderWith({ '.env': envFile, 'ours.json': nowhere });
    await using child = runCli([], { cwd: folder.path, env: { WORKERS: '3' } });
    await child.waitFor('stderr', /(worker_ready[\s\S]*?){2}/);
    expect(await stop(child)).toEqual({ code: 0, signal: null });
    expect(child.stderr.split('"event":"worker_ready"')).toHaveLength(3);
  });

  test('one that cannot be read is not taken for none, by any command', async () => {
    await using folder = await folderWith({ 'servers.json': nowhere });
    await mkdir(join(folder.path, '.env'));
    await refusedByEveryCommand(folder.path, '.env: is a directory\n');
    await using beside = await folderWith({});
    const config = join(folder.path, 'servers.json');
    await using child = runCli(['check', '--config', config], { cwd: beside.path });
    expect(await child.exit).toEqual({ code: 1, signal: null });
    expect(child.stderr).toBe(`${join(folder.path, '.env')}: is a directory\n`);
  });

  test('one that PowerShell wrote as UTF-16 is not taken for none, by any command', async () => {
    await using folder = await folderWith({ 'servers.json': nowhere });
    const utf16 = Buffer.from(`\uFEFFSWITCHBOARD_TOKEN=${TOKEN}\r\n`, 'utf16le');
    await writeFile(join(folder.path, '.env'), utf16);
    await refusedByEveryCommand(folder.path, '.env: is not UTF-8 text\n');
  });

  test('a variable that is set to nothing counts as not set', async () => {
    await using folder = await folderWith({ 'servers.json': nowhere });
    const env = { SWITCHBOARD_TOKEN: '', SWITCHBOARD_CONFIG: '', HOST: '', LOG_LEVEL: '' };
    await using child = runCli(['--port', '0'], { cwd: folder.path, env });
    expect(await listening(child)).toMatch(/^http:\/\/127\.0\.0\.1:/);
    await child.waitFor('stderr', /Authorization: Bearer/);
  });
});

describe.concurrent('a start that is refused says why in one sentence:', () => {
  const guessable = 'SWITCHBOARD_TOKEN is shorter than 16 characters, which can be guessed.';
  const levels = 'trace, debug, info, warn, error, fatal, silent';

  test.each<[what: string, args: string[], env: Record<string, string>, said: string[]]>([
    [
      'an address that others reach, without a token',
      [],
      { HOST: '0.0.0.0' },
      [
        'SWITCHBOARD_TOKEN is not set, and 0.0.0.0 can be reached from other machines.',
        'Set it, for example to the output of: openssl rand -hex 32',
      ],
    ],
    [
      'the same in IPv6, as an option',
      ['--host', '::'],
      { SWITCHBOARD_TOKEN: '  ' },
      [
        'SWITCHBOARD_TOKEN is not set, and :: can be reached from other machines.',
        'Set it, for example to the output of: openssl rand -hex 32',
      ],
    ],
    [
      'an address that others reach, with a short token',
      ['--host', '0.0.0.0'],
      { SWITCHBOARD_TOKEN: 'fifteen-letters' },
      [guessable, 'Make one with: openssl rand -hex 32'],
    ],
    [
      'a token with a space',
      [],
      { SWITCHBOARD_TOKEN: 'Bearer of-a-long-token' },
      ['SWITCHBOARD_TOKEN may hold visible ASCII characters only, and no spaces.'],
    ],
    [
      'an address of a link, without the link',
      ['--host', 'fe80::1', '--port', '0'],
      { SWITCHBOARD_TOKEN: TOKEN },
      ['fe80::1 is not an address of this machine.', 'Choose another with --host or HOST.'],
    ],
    [
      'a port that is no number',
      [],
      { PORT: 'http' },
      ['PORT is "http"; it must be a number from 0 to 65535.'],
    ],
    [
      'a port that is too high',
      ['--port', '65536'],
      {},
      ['--port is "65536"; it must be a number from 0 to 65535.'],
    ],
    [
      'more processes than there may be',
      ['--workers', '65'],
      { WORKERS: '2' },
      ['--workers is "65"; it must be a number from 1 to 64.'],
    ],
    ['no process at all', [], { WORKERS: '0' }, ['WORKERS is "0"; it must be a number from 1 to 64.']],
    ...(['--host', '--port', '--workers'] as const).map(
      (option): [string, string[], Record<string, string>, string[]] => [
        `${option}, where there is one caller and nothing to listen on`,
        ['--stdio', option, '1'],
        {},
        [
          '--host, --port and --workers are for callers over HTTP.',
          '--stdio serves the one that starts it, over its pipes.',
        ],
      ],
    ),
    ['a log level', [], { LOG_LEVEL: 'loud' }, [`LOG_LEVEL is "loud"; it can be ${levels}.`]],
    [
      'an address of another machine',
      // TEST-NET-3, which nobody has.
      ['--host', '203.0.113.5', '--port', '0'],
      { SWITCHBOARD_TOKEN: TOKEN },
      ['203.0.113.5 is not an address of this machine.', 'Choose another with --host or HOST.'],
    ],
    ['a command', ['sevre'], {}, ['There is no command "sevre". See: npx mcp-switchboard --help']],
    [
      'a command that has options',
      ['tool', '--json'],
      {},
      ['There is no command "tool". See: npx mcp-switchboard --help'],
    ],
    [
      'a second command',
      ['--workers', '2', 'check'],
      {},
      [
        "error: too many arguments for 'serve'. Expected 0 arguments but got 1.",
        '(see npx mcp-switchboard --help)',
      ],
    ],
    [
      'an option',
      ['serve', '--prot', '1'],
      {},
      ["error: unknown option '--prot'", '(Did you mean --port?)', '(see npx mcp-switchboard --help)'],
    ],
  ])('%s', async (_, args, env, said) => {
    await using folder = await folderWith({ 'servers.json': nowhere });
    await using child = runCli(args, { cwd: folder.path, env });
    expect(await child.exit).toEqual({ code: 1, signal: null });
    expect(sentences(child.stderr)).toEqual(said);
    expect(tooWide(said.join('\n'))).toEqual([]);
    expect(child.stdout).toBe('');
  });

  test('a port in use', async () => {
    await using taken = await listenOnLoopback(() => {});
    const { port } = new URL(taken.origin);
    await using folder = await folderWith({ 'servers.json': nowhere });
    await using child = runCli([], { cwd: folder.path, env: { PORT: port } });
    expect(await child.exit).toEqual({ code: 1, signal: null });
    expect(sentences(child.stderr)).toEqual([
      `Port ${port} on 127.0.0.1 is in use. Choose another with --port or PORT.`,
    ]);
  });

  test('a port in use, without waiting for a downstream that is silent', async () => {
    await using taken = await listenOnLoopback(() => {});
    await using folder = await folderWith({ 'servers.json': { mcpServers: { silent: silentEntry } } });
    await using child = runCli(['--port', new URL(taken.origin).port], { cwd: folder.path });
    expect(await child.exit).toEqual({ code: 1, signal: null });
    expect(sentences(child.stderr)).toHaveLength(1);
  });
});

describe.concurrent('a configuration that cannot be used', () => {
  const commands = [['serve'], ['serve', '--stdio'], ['check'], ['tools'], ['call', 'crm__echo']];

  test('is refused by every command, with all of its problems, each with its place', async () => {
    const literal = 'literal-secret-1';
    const filledIn = 'filled-in-secret-2';
    await using folder = await folderWith({
      'servers.json': {
        mcpServers: {
          crm: {
            url: 'https://crm.example.com/mcp',
            headers: { 'X-API-KEY': '${CRM_API_KEY}', Host: literal, 'X-Two-Lines': `a\n${literal}` },
          },
          billing: {
            url: 'billing.example.com/${BILLING_SECRET}',
            authorization: `Basic ${literal}`,
            custom_headers: [{ name: 'authorization', value: '${BILLING_SECRET}' }],
          },
          files: { command: 'npx', args: ['${file:secrets/none}'], evn: { TOKEN: literal } },
        },
      },
    });
    const env = { BILLING_SECRET: filledIn };
    await Promise.all(
      commands.map(async (command) => {
        await using child = runCli(command, { cwd: folder.path, env });
        expect(await child.exit, command.join(' ')).toEqual({ code: 1, signal: null });
        const lines = child.stderr.trimEnd().split('\n');
        const places = lines.map((line) => /^servers\.json: (mcpServers\.\S+): \S/.exec(line)?.[1]);
        expect(places).toEqual([
          'mcpServers.crm.headers.X-API-KEY',
          'mcpServers.crm.headers.Host',
          'mcpServers.crm.headers.X-Two-Lines',
          'mcpServers.billing.url',
          'mcpServers.billing.custom_headers[0].name',
          'mcpServers.files.args[0]',
          'mcpServers.files.evn',
        ]);
        expect(lines[0]).toBe(
          'servers.json: mcpServers.crm.headers.X-API-KEY: environment variable CRM_API_KEY is not set',
        );
        expect(child.stderr).not.toMatch(/secret-[12]/);
        expect(child.stdout).toBe('');
      }),
    );
  });

  test.each<[what: string, files: Record<string, string | object>, args: string[], said: RegExp]>([
    [
      'a file that is not there',
      {},
      ['--config', 'confg/servers.json'],
      /^confg\/servers\.json: does not exist; create it, or name another with --config$/,
    ],
    [
      'JSON that is broken',
      { 'servers.json': '{\n  "mcpServers": {\n    "crm": { "url": "https://crm.example.com/mcp"\n' },
      [],
      /^servers\.json: .*\bline \d+/,
    ],
    ['an empty file', { 'servers.json': '' }, [], /^servers\.json: is empty; write /],
  ])('%s', async (_, files, args, said) => {
    await using folder = await folderWith(files);
    await using child = runCli(args, { cwd: folder.path });
    expect(await child.exit).toEqual({ code: 1, signal: null });
    for (const line of child.stderr.trimEnd().split('\n')) expect(line).toMatch(said);
    expect(child.stdout).toBe('');
  });
});

test('at LOG_LEVEL=trace, stdout stays empty and no secret nor control sequence is printed [R130]', async () => {
  const apiKey = 'api-key-of-the-crm';
  const ownKey = 'key-of-the-process';
  await using crm = await modernServer({ requires: { 'X-API-KEY': apiKey } });
  await using closed = await modernServer({ requires: { Authorization: 'Bearer the-right-one' } });
  const servers = {
    crm: crm.entry({ headers: { 'X-API-KEY': '${CRM_API_KEY}' } }),
    closed: closed.entry({ headers: {}, authorization: 'a-stale-credential' }),
    crashes: crashingEntry('${OWN_KEY}'),
  };
  await using folder = await folderWith({ 'servers.json': { mcpServers: servers } });
  const env = {
    SWITCHBOARD_TOKEN: TOKEN,
    CRM_API_KEY: apiKey,
    OWN_KEY: ownKey,
    LOG_LEVEL: 'trace',
    FORCE_COLOR: '1',
    TERM: 'xterm-256color',
  };
  await using child = runCli(['serve', '--port', '0'], { cwd: folder.path, env });
  const url = await listening(child);
  for (const name of ['crm__echo', 'crm__fail', 'closed__echo']) {
    const args = name === 'crm__echo' ? { text: 'hello' } : {};
    await ask(url, TOKEN, 'tools/call', { name, arguments: args });
  }
  await ask(url, 'a-wrong-token', 'tools/list');
  for (const key of ['crm', 'closed', 'crashes']) {
    await child.waitFor('stderr', new RegExp(`"downstream":"${key}","event":"downstream_(ready|down)"`));
  }
  expect(await stop(child)).toEqual({ code: 0, signal: null });

  expect(child.stdout).toBe('');
  for (const line of child.stderr.trimEnd().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
  expect(child.stderr).not.toContain('\x1b');
  for (const secret of [TOKEN, apiKey, ownKey, 'a-stale-credential', 'a-wrong-token']) {
    expect(child.stderr).not.toContain(secret);
  }
  expect(child.stderr).toContain('bad key [secret]');
});

// In later ones `node:http` loads that itself.
test.runIf(Number.parseInt(process.versions.node, 10) < 22)(
  'undici is loaded once, and not a second time as the one within Node 20',
  async () => {
    const tell =
      "process.on('exit', () => console.log(process.moduleLoadList.filter((m) => m.endsWith('deps/undici/undici'))))";
    await using crm = await modernServer();
    await using folder = await folderWith({ 'servers.json': { mcpServers: { crm: crm.entry() } } });
    const env = {
      SWITCHBOARD_TOKEN: TOKEN,
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(tell)}`,
    };
    await using child = runCli(['serve', '--port', '0'], { cwd: folder.path, env });
    await connected(child, 1);
    expect((await ask(await listening(child), TOKEN, 'tools/list')).json.result.tools).toHaveLength(5);
    await stop(child);
    expect(child.stdout).toBe('[]\n');
  },
);

async function refusedByEveryCommand(cwd: string, stderr: string): Promise<void> {
  const commands = [['serve', '--port', '0'], ['check'], ['entry', 'cursor']];
  await Promise.all(
    commands.map(async (command) => {
      await using child = runCli(command, { cwd });
      expect(await child.exit).toEqual({ code: 1, signal: null });
      expect([child.stdout, child.stderr]).toEqual(['', stderr]);
    }),
  );
}
