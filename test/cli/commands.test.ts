// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${NAME} is what servers.json says, not a forgotten template.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { RealtimeToolsConfigUnion } from 'openai/resources/realtime/realtime';
import { describe, expect, test } from 'vitest';
import { realtimeTool } from '../../src/cli/entry.ts';
import { isAlive, startProgram } from '../support/child.ts';
import { folderWith, runCli, unwrapped, withoutWaiting } from '../support/cli.ts';
import { modernServer } from '../support/downstreams/modern.ts';
import { oddCursor } from '../support/downstreams/pages.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { stdioServer } from '../support/downstreams/stdio.ts';
import { commonTools } from '../support/downstreams/tools.ts';
import { listenOnLoopback } from '../support/http-server.ts';
import { refusingPort } from '../support/refusing-port.ts';
import { crashingEntry, main, stop, TOKEN, tooWide } from './serving.ts';

type Env = Readonly<Record<string, string>>;

/** Runs a command to its end in a folder with these servers. */
async function run(args: string[], mcpServers: object, env: Env = {}) {
  await using folder = await folderWith({ 'servers.json': { mcpServers } });
  await using child = runCli(args, { cwd: folder.path, env });
  const { code } = await child.exit;
  return { code, stdout: child.stdout, stderr: withoutWaiting(child.stderr) };
}

test.each(['serve', 'check', 'entry cursor'])('%s in a folder that was removed says so', async (command) => {
  await using folder = await folderWith({});
  const script = `rmdir "$PWD" && exec "$0" "$1" ${command}`;
  await using child = startProgram('sh', ['-c', script, process.execPath, main], { cwd: folder.path });
  expect(await child.exit).toEqual({ code: 1, signal: null });
  expect(child.stderr).toBe('The working directory is gone. Change into one that is there.\n');
});

test.runIf(existsSync('/dev/full'))(
  'a command whose output finds no room says so, and exits with 1',
  async () => {
    const command = ['-c', '"$0" "$1" entry realtime > /dev/full', process.execPath, main];
    await expect(promisify(execFile)('sh', command)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^The output could not be written \(ENOSPC\)\.$/m),
    });
  },
);

describe.concurrent('check', () => {
  test('says of every server what it is, and exits with 0 when all is well', async () => {
    await using crm = await modernServer();
    await using files = stdioServer('v1');
    const servers = { crm: crm.entry(), files: files.entry({ prefix: 'f_' }) };
    expect(await run(['check'], servers)).toEqual({
      code: 0,
      stdout: [
        'servers.json: 2 servers, no errors',
        '  ok    crm    5 tools, 2026-07-28 (modern)',
        '  ok    files  5 tools, 2025-11-25 (legacy)',
        '10 tools exposed',
        '',
      ].join('\n'),
      stderr: '',
    });
    expect(files.pids.map(isAlive)).toEqual([false]);
  });

  test('asks no proxy of the environment', async () => {
    await using proxy = await listenOnLoopback((_recorded, _req, res) => res.writeHead(502).end());
    await using crm = await modernServer();
    await using dead = await refusingPort();
    const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].flatMap((name) => [name, name.toLowerCase()]);
    const env = Object.fromEntries(names.map((name) => [name, proxy.origin]));
    const servers = { crm: crm.entry(), secure: { url: `https://127.0.0.1:${dead.port}/mcp` } };
    const { stdout } = await run(['check'], servers, env);
    expect(stdout).toMatch(/ok +crm/);
    // Through a proxy it would be that which refuses.
    expect(stdout).toMatch(/FAIL +secure +connection refused/);
    expect(proxy.requests).toEqual([]);
  });

  test('names each server that cannot be used, with the reason, and exits with 1', async () => {
    await using crm = await modernServer();
    await using closed = await modernServer({ requires: { 'X-API-KEY': 'the right one' } });
    await using dead = await refusingPort();
    const servers = {
      crm: crm.entry(),
      gone: { url: `http://127.0.0.1:${dead.port}/mcp` },
      closed: closed.entry({ headers: { 'X-API-KEY': '${STALE_KEY}' } }),
      missing: { command: 'a-command-that-nobody-has' },
      crashes: crashingEntry('${OWN_KEY}'),
      off: { url: 'https://off.example.com/mcp', disabled: true },
    };
    const env = { STALE_KEY: 'a-stale-key', OWN_KEY: 'key-of-the-process' };
    const { code, stdout, stderr } = await run(['check'], servers, env);
    expect([code, stderr]).toEqual([1, '']);
    expect(stdout.split('\n')).toEqual([
      'servers.json: 5 servers, no errors',
      '  ok    crm      5 tools, 2026-07-28 (modern)',
      '  FAIL  gone     connection refused',
      expect.stringMatching(/^ {2}FAIL {2}closed {3}\S.*\b401\b/),
      '  FAIL  missing  command not found',
      '  FAIL  crashes  exit code 3',
      '        it said: bad key [secret]',
      '4 servers cannot be used',
      '',
    ]);
    expect(tooWide(stdout)).toEqual([]);
  });

  test('shows what is hidden in the words of a server, and no secret that it hides something in', async ({
    expect,
  }) => {
    const script = String.raw`
      const { KEY } = process.env;
      console.error('bad ' + KEY.slice(0, 5) + '\x1b[0m' + KEY.slice(5) + ', \u202esay ' + KEY.slice(0, 5) + '\u200b' + KEY.slice(5));
      process.exit(3)`;
    const crashes = { command: process.execPath, args: ['-e', script], env: { KEY: '${OWN_KEY}' } };
    const { stdout } = await run(['check'], { crashes }, { OWN_KEY: 'key-of-the-process' });
    expect(stdout.split('\n')[2]).toBe(
      '        it said: bad [secret], \\u{202e}say key-o\\u{200b}f-the-process',
    );
  });

  test('notes what is odd about a server that can be used', async () => {
    const tools = [
      { name: 'find', inputSchema: { type: 'object' } },
      { name: 'find', inputSchema: { type: 'object' } },
      { name: 'broken\x1b[2J', inputSchema: 'none' },
      { name: 'find customer', inputSchema: { type: 'object' } },
    ];
    await using odd = await plainServer({ era: 'legacy', tools });
    await using endless = await plainServer({ era: 'legacy', page: oddCursor(7) });
    const { code, stdout, stderr } = await run(['check'], {
      odd: odd.entry({ prefix: '' }),
      endless: endless.entry(),
    });
    expect([code, stderr]).toEqual([0, '']);
    expect(unwrapped(stdout).split('\n')).toEqual([
      'servers.json: 2 servers, no errors',
      '  ok    odd      4 tools, 2025-11-25 (legacy)',
      '  ok    endless  1 tool, 2025-11-25 (legacy)',
      expect.stringMatching(/^ {2}note {2}endless {2}\S.*not a string/),
      expect.stringMatching(/^ {2}note {2}"odd": "find" is listed twice/),
      expect.stringMatching(/^ {2}note {2}"odd": "broken\\u001b\[2J" is left out/),
      expect.stringMatching(/^ {2}note {2}"odd": "find customer" is exposed as find_customer_[0-9a-f]{8}/),
      '3 tools exposed',
      '',
    ]);
    expect(tooWide(stdout)).toEqual([]);
  });

  test('tells at once that the file is good, and later for whom it waits', async ({ expect }) => {
    await using silent = await listenOnLoopback(() => {});
    await using dead = await refusingPort();
    const servers = {
      silent: { url: `${silent.origin}/mcp` },
      gone: { url: `http://127.0.0.1:${dead.port}/mcp` },
    };
    await using folder = await folderWith({ 'servers.json': { mcpServers: servers } });
    await using child = runCli(['check'], { cwd: folder.path });
    await child.waitFor('stdout', /^servers\.json: 2 servers, no errors\n/);
    await child.waitFor('stderr', /^waiting for: silent\n/);
    expect(child.stdout).toBe('servers.json: 2 servers, no errors\n');
    await stop(child, 'SIGINT');
  });

  test('leaves no record of calls, which it has none of, and needs no place for it', async ({ expect }) => {
    await using crm = await modernServer();
    await using folder = await folderWith({
      'servers.json': { mcpServers: { crm: crm.entry() }, audit: { file: 'not/there/calls.jsonl' } },
    });
    await using child = runCli(['check'], { cwd: folder.path });
    expect(await child.exit).toEqual({ code: 0, signal: null });
  });

  test.for([
    ['SIGINT', 130],
    // Its window was closed.
    ['SIGHUP', 129],
  ] as const)('that is interrupted by %s leaves no process behind', async ([signal, code], { expect }) => {
    await using stubborn = stdioServer('stubborn');
    // Never answers, so that the check does not end by itself.
    await using silent = await listenOnLoopback(() => {});
    const servers = { stubborn: stubborn.entry(), silent: { url: `${silent.origin}/mcp` } };
    await using folder = await folderWith({ 'servers.json': { mcpServers: servers } });
    await using child = runCli(['check'], { cwd: folder.path });
    await expect.poll(() => stubborn.pids.map(isAlive)).toEqual([true]);
    expect(await stop(child, signal)).toEqual({ code, signal: null });
    await expect.poll(() => stubborn.pids.map(isAlive)).toEqual([false]);
  });
});

describe.concurrent('tools', () => {
  test('lists what callers see, one line each', async () => {
    const tools = [
      { name: 'add', description: 'Adds two numbers.\n\nAnd much more.', inputSchema: { type: 'object' } },
      { name: 'nothing', inputSchema: { type: 'object' } },
      {
        name: 'paint',
        description: `\x1b[31mRed\x1b[0m \u202e${'🎨'.repeat(80)}`,
        inputSchema: { type: 'object' },
      },
      { name: 'x'.repeat(60), description: 'A name that fills the line.', inputSchema: { type: 'object' } },
    ];
    await using odd = await plainServer({ era: 'modern', tools });
    const { code, stdout, stderr } = await run(['tools'], { odd: odd.entry({ prefix: 'odd_' }) });
    expect([code, stderr]).toEqual([0, '']);
    expect(tooWide(stdout)).toEqual([]);
    expect(stdout.split('\n')).toEqual([
      'odd_add                                   Adds two numbers.',
      'odd_nothing',
      `odd_paint                                 Red ${'🎨'.repeat(33)}…`,
      `odd_${'x'.repeat(60)}  A name that f…`,
      '',
    ]);
  });

  test('--json prints whole definitions, as callers get them', async () => {
    await using crm = await plainServer({ era: 'modern' });
    const { code, stdout } = await run(['tools', '--json'], { crm: crm.entry({ prefix: 'crm_' }) });
    const expected = commonTools.map((tool) => ({ ...tool, name: `crm_${tool.name}` }));
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(expected.sort((a, b) => (a.name < b.name ? -1 : 1)));
  });

  test('lists the others when a server is down, says so on stderr, and exits with 1', async () => {
    await using crm = await modernServer();
    await using dead = await refusingPort();
    const servers = {
      gone: { url: `http://127.0.0.1:${dead.port}/mcp` },
      crm: crm.entry(),
      crashes: crashingEntry('${OWN_KEY}'),
    };
    const { code, stdout, stderr } = await run(['tools'], servers, { OWN_KEY: 'key-of-the-process' });
    expect(code).toBe(1);
    expect(stdout.trimEnd().split('\n')).toHaveLength(5);
    expect(stderr.split('\n')).toEqual([
      '"gone" is not connected (connection refused); its tools are missing.',
      '"crashes" is not connected (exit code 3); its tools are missing.',
      '',
    ]);
  });

  test('is content with a reader that has read enough', async () => {
    await using crm = await modernServer();
    await using folder = await folderWith({ 'servers.json': { mcpServers: { crm: crm.entry() } } });
    await using child = runCli(['tools', '--json'], { cwd: folder.path });
    child.process.stdout?.destroy();
    expect(await child.exit).toEqual({ code: 0, signal: null });
    expect(withoutWaiting(child.stderr)).toBe('');
  });
});

describe.concurrent('call', () => {
  test('prints the result as JSON', async () => {
    await using crm = await modernServer({ requires: { 'X-API-KEY': 'key-of-the-crm' } });
    const servers = { crm: crm.entry({ headers: { 'X-API-KEY': '${CRM_API_KEY}' }, prefix: 'crm_' }) };
    const env = { CRM_API_KEY: 'key-of-the-crm' };
    const { code, stdout, stderr } = await run(['call', 'crm_echo', '{"text":"Ada"}'], servers, env);
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({
      content: [{ type: 'text', text: 'Ada' }],
      structuredContent: { text: 'Ada' },
    });
    expect(crm.calls).toMatchObject([{ tool: 'echo', arguments: { text: 'Ada' } }]);
  });

  test('waits for no server but the one that has the tool', async () => {
    await using crm = await modernServer();
    await using silent = await listenOnLoopback(() => {});
    const servers = {
      silent: { url: `${silent.origin}/mcp`, connectTimeoutMs: 600_000 },
      crm: crm.entry(),
    };
    const { code, stdout, stderr } = await run(['call', 'crm__echo', '{"text":"Ada"}'], servers);
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ structuredContent: { text: 'Ada' } });
  });

  test('calls the tool that serve would, also where another server of that prefix is there sooner', async () => {
    await using slow = await plainServer({
      era: 'modern',
      answers: {
        async 'server/discover'({ usual }) {
          await sleep(600);
          usual();
        },
      },
    });
    await using fast = await plainServer({ era: 'modern' });
    const servers = { slow: slow.entry({ prefix: '' }), fast: fast.entry({ prefix: '' }) };
    expect((await run(['call', 'echo', '{"text":"Ada"}'], servers)).code).toBe(0);
    expect([slow.calls.length, fast.calls.length]).toEqual([1, 0]);
  });

  test('knows each name that tools lists, for that caller and of that toolset', async () => {
    const long = 'find_the_customer_by_the_number_of_an_invoice_or_order';
    await using crm = await plainServer({
      era: 'modern',
      tools: [{ name: long, inputSchema: { type: 'object' } }],
      answers: { 'tools/call': ({ result }) => result({ content: [] }) },
    });
    await using folder = await folderWith({
      'servers.json': {
        ...{ mcpServers: { crm: crm.entry() }, profile: 'cursor' },
        toolsets: { desk: { include: ['crm__*'], profile: 'generic' } },
      },
    });
    const runHere = async (...args: string[]) => {
      await using child = runCli(args, { cwd: folder.path });
      expect((await child.exit).code).toBe(0);
      return child.stdout;
    };
    for (const options of [[], ['--for', 'claude'], ['--toolset', 'desk']]) {
      const [{ name }] = JSON.parse(await runHere('tools', '--json', ...options));
      expect(JSON.parse(await runHere('call', name, '{}', ...options))).toEqual({ content: [] });
    }
  });

  test('leaves JSON to be JSON where a secret is a number, and prints it nowhere', async () => {
    await using crm = await plainServer({
      era: 'modern',
      answers: {
        'tools/call': ({ result }) =>
          result({ content: [], structuredContent: { account: 100234, 'of 100234': ['100234'] } }),
      },
    });
    const servers = { crm: crm.entry({ headers: { 'X-Account-ID': '100234' } }) };
    const { stdout } = await run(['call', 'crm__echo', '{}'], servers);
    expect(JSON.parse(stdout)).toMatchObject({
      structuredContent: { account: '[secret]', 'of [secret]': ['[secret]'] },
    });
  });

  /** Its tools have this result, as it is written here. */
  const writingServer = (result: string) =>
    plainServer({
      era: 'legacy',
      answers: {
        'tools/call': ({ message: { id }, res }) => {
          res.writeHead(200, { 'content-type': 'application/json' });
          res.end(`{"jsonrpc":"2.0","id":${id},"result":${result}}`);
        },
      },
    });

  test('prints numbers that JavaScript cannot hold as the server wrote them', async ({ expect }) => {
    const result = '{"content":[],"structuredContent":{"id":1234567890123456789,"of":[1.0]}}';
    await using crm = await writingServer(result);
    const { code, stdout } = await run(['call', 'crm__echo', '{}'], { crm: crm.entry() });
    expect([code, stdout.split('\n')]).toEqual([
      0,
      [
        ...['{', '  "content": [],', '  "structuredContent": {', '    "id": 1234567890123456789,'],
        ...['    "of": [', '      1.0', '    ]', '  }', '}', ''],
      ],
    ]);
  });

  test('prints no secret that is a number JavaScript cannot hold', async ({ expect }) => {
    await using crm = await writingServer('{"content":[],"account":1234567890123456789}');
    const servers = { crm: crm.entry({ headers: { 'X-Account-ID': '1234567890123456789' } }) };
    const { code, stdout } = await run(['call', 'crm__echo', '{}'], servers);
    expect(code).toBe(0);
    expect(stdout).not.toContain('1234567890123456789');
  });

  test('sends no other number than the one that was written', async ({ expect }) => {
    await using crm = await modernServer();
    const call = (json: string) => run(['call', 'crm__echo', json], { crm: crm.entry() });
    expect(await call('{"text":"1234567890123456789","ids":[15e2,-1.50,1234567890123456789]}')).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'The arguments have 1234567890123456789, a number that would be sent as another one; write it with fewer digits, or as text.\n',
    });
    expect(crm.calls).toEqual([]);
    const text = String.raw`"\"1234567890123456789"`;
    expect((await call(`{"text":${text},"n":15e2,"m":-1.50}`)).code).toBe(0);
    expect(crm.calls).toMatchObject([{ arguments: { text: '"1234567890123456789', n: 1500, m: -1.5 } }]);
  });

  test('exits with 1 when the tool failed, and prints what it said', async () => {
    await using files = stdioServer('v1');
    const { code, stdout, stderr } = await run(['call', 'files__fail'], { files: files.entry() });
    expect([code, stderr]).toEqual([1, '']);
    expect(JSON.parse(stdout)).toEqual({
      content: [{ type: 'text', text: 'This tool always fails.' }],
      isError: true,
    });
  });

  test('exits with 1 when the server answers with an error', async () => {
    await using crm = await plainServer({
      era: 'legacy',
      answers: {
        'tools/call': (exchange) => exchange.error(-32602, 'text is missing', { data: { field: 'text' } }),
      },
    });
    const { code, stdout } = await run(['call', 'crm__echo', '{}'], { crm: crm.entry() });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      error: { code: -32602, message: 'text is missing', data: { field: 'text' } },
    });
  });

  test('says that there is no such tool, and which tools may be missing', async () => {
    await using crm = await modernServer();
    const servers = { crm: crm.entry(), crashes: crashingEntry('${OWN_KEY}') };
    const env = { OWN_KEY: 'key-of-the-process' };
    expect(await run(['call', 'crm__ehco', '{"text":"Ada"}'], servers, env)).toEqual({
      code: 1,
      stdout: '',
      stderr: [
        'No tool is called "crm__ehco". See: npx mcp-switchboard tools',
        '"crashes" is not connected (exit code 3); its tools are missing.',
        '',
      ].join('\n'),
    });
    expect(crm.calls).toEqual([]);
  });

  test.each(["{'text':'Ada'}", '["Ada"]', 'null'])('asks for a JSON object instead of %s', async (json) => {
    expect(await run(['call', 'crm__echo', json], {})).toEqual({
      code: 1,
      stdout: '',
      stderr: `The arguments must be a JSON object, for example '{"query":"Ada"}'.\n`,
    });
  });
});

describe.concurrent('entry', () => {
  const env = { SWITCHBOARD_TOKEN: TOKEN };

  async function entry(args: string[], entryEnv: Env = env) {
    const { code, stdout, stderr } = await run(['entry', ...args], {}, entryEnv);
    expect(code).toBe(0);
    return { stdout, stderr };
  }

  test('realtime prints a tool as OpenAI types it, with the token in one place', async () => {
    const url = 'https://gateway.example.com/mcp';
    // The assignment is the proof: tsc refuses it when the two differ.
    const tool: RealtimeToolsConfigUnion.Mcp = realtimeTool({ url, token: TOKEN });
    const { stdout, stderr } = await entry(['realtime', '--url', url]);
    expect(JSON.parse(stdout)).toEqual(tool);
    expect(tool).toEqual({
      type: 'mcp',
      server_label: 'switchboard',
      server_url: url,
      authorization: TOKEN,
      require_approval: 'never',
    });
    expect(stderr).toMatch(/require_approval is "never".*"always"/s);
    expect(stderr).not.toContain('cannot reach');
    expect(stderr).not.toContain(TOKEN);
  });

  test('realtime says that OpenAI cannot reach this machine', async () => {
    const { stdout, stderr } = await entry(['realtime'], { ...env, PORT: '9000' });
    expect(JSON.parse(stdout).server_url).toBe('http://127.0.0.1:9000/mcp');
    expect(stderr).toMatch(/cannot reach\s+http:\/\/127\.0\.0\.1:9000\/mcp/);
    expect(tooWide(stderr)).toEqual([]);
  });

  test.for([
    ['192.168.1.20', 'http://192.168.1.20:9000/mcp'],
    ['fd00::20', 'http://[fd00::20]:9000/mcp'],
    ['0.0.0.0', 'http://127.0.0.1:9000/mcp'],
    ['::', 'http://127.0.0.1:9000/mcp'],
  ])('with HOST=%s it calls %s', async ([HOST = '', url], { expect }) => {
    const { stdout } = await entry(['cursor'], { ...env, HOST, PORT: '9000' });
    expect(JSON.parse(stdout).mcpServers.switchboard.url).toBe(url);
  });

  test.for(['my host', 'a/b', 'user@host', 'localhost:80', 'http://localhost', '[::1]', 'fe80::1%eth0'])(
    'with HOST=%s it names that, and prints nothing that leads nowhere',
    async (HOST, { expect }) => {
      const { code, stdout, stderr } = await run(['entry', 'realtime'], {}, { HOST });
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toBe(
        `HOST is "${HOST}"; it must be a host name or an address.\nOr give the whole URL with --url.\n`,
      );
    },
  );

  test('a host alone is completed, and nothing else is', async ({ expect }) => {
    const urlOf = async (given: string) =>
      JSON.parse((await entry(['cursor', '--url', given])).stdout).mcpServers.switchboard.url;
    expect(await urlOf('https://mcp.example.com')).toBe('https://mcp.example.com/mcp');
    expect(await urlOf('https://mcp.example.com/')).toBe('https://mcp.example.com/');
    expect(await urlOf('https://mcp.example.com/tools')).toBe('https://mcp.example.com/tools');
  });

  test.for(['80a', '0'])('with PORT=%s it prints nothing that leads nowhere', async (PORT, { expect }) => {
    const { code, stdout, stderr } = await run(['entry', 'realtime'], {}, { PORT });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(`PORT is "${PORT}"; it must be a number from 1 to 65535.\n`);
  });

  test('without a token there is a place to put it, and a word about that', async () => {
    const { stdout, stderr } = await entry(['realtime'], {});
    expect(JSON.parse(stdout)).toMatchObject({ authorization: '<SWITCHBOARD_TOKEN>' });
    expect(stderr).toContain('SWITCHBOARD_TOKEN is not set here');
  });

  test('claude-desktop prints a command that works from any directory, with the .env beside servers.json', async ({
    expect,
  }) => {
    await using crm = await modernServer({ requires: { 'X-API-KEY': 'key of the file' } });
    const here = { command: process.execPath, args: ['here.mjs'], cwd: '.' };
    const servers = {
      mcpServers: { crm: crm.entry({ headers: { 'X-API-KEY': '${CRM_API_KEY}' } }), here },
      // However slow the machine.
      limits: { firstListMs: 30_000 },
    };
    await using folder = await folderWith({
      'servers.json': servers,
      'here.mjs': "import { writeFileSync } from 'node:fs'; writeFileSync('started', '');",
      '.env': 'CRM_API_KEY="key of the file"\n',
    });
    // It has no use for a port.
    await using printing = runCli(['entry', 'claude-desktop'], { cwd: folder.path, env: { PORT: '0' } });
    expect(await printing.exit).toEqual({ code: 0, signal: null });
    const { mcpServers } = JSON.parse(printing.stdout);
    expect(mcpServers).toEqual({
      switchboard: {
        command: process.execPath,
        args: [
          main,
          'serve',
          '--stdio',
          '--for',
          'claude',
          '--config',
          expect.stringMatching(/^\/.*\/servers\.json$/),
        ],
      },
    });

    await using elsewhere = await folderWith({});
    const client = new Client({ name: 'claude-ai', version: '0.1.0' });
    const transport = new StdioClientTransport({
      ...mcpServers.switchboard,
      cwd: elsewhere.path,
      stderr: 'ignore',
    });
    try {
      await client.connect(transport);
      const result = await client.callTool({ name: 'crm__echo', arguments: { text: 'Ada' } });
      expect(result.content).toEqual([{ type: 'text', text: 'Ada' }]);
      // As it was told to, a program with a relative path is started beside servers.json.
      expect(printing.stderr).toContain('"cwd": "."');
      await expect.poll(() => existsSync(join(folder.path, 'started'))).toBe(true);
    } finally {
      await client.close();
    }
  });

  test('cursor and vscode print what their files hold', async () => {
    const url = 'http://127.0.0.1:8080/mcp';
    const headers = { Authorization: `Bearer ${TOKEN}` };
    const [cursor, vscode] = await Promise.all([entry(['cursor']), entry(['vscode'])]);
    expect(JSON.parse(cursor.stdout)).toEqual({ mcpServers: { switchboard: { url, headers } } });
    expect(cursor.stderr).toContain('.cursor/mcp.json');
    expect(JSON.parse(vscode.stdout)).toEqual({
      // It is known by nothing else, and there is a list that fits it.
      servers: { switchboard: { type: 'http', url: `${url}?profile=vscode`, headers } },
    });
    expect(vscode.stderr).toContain('.vscode/mcp.json');
    const own = await entry(['vscode', '--url', 'https://mcp.example.com/mcp/reception']);
    expect(JSON.parse(own.stdout).servers.switchboard.url).toBe('https://mcp.example.com/mcp/reception');
  });

  test('claude-code prints a line that a shell passes on as it is meant', async () => {
    const claude = '#!/bin/sh\nexec node -e "console.log(JSON.stringify(process.argv.slice(1)))" -- "$@"\n';
    await using folder = await folderWith({ claude });
    await promisify(execFile)('chmod', ['+x', `${folder.path}/claude`]);
    const PATH = `${folder.path}:${dirname(process.execPath)}:${process.env.PATH}`;
    for (const [token, url] of [
      [TOKEN, 'http://127.0.0.1:8080/mcp'],
      ['odd$HOME`id`"\'\\token!', 'https://gateway.example.com/mcp?a=1&b=2'],
    ] as const) {
      const { stdout: line } = await entry(['claude-code', '--url', url], { SWITCHBOARD_TOKEN: token });
      const { stdout } = await promisify(execFile)('sh', ['-c', line], { env: { PATH } });
      const add = ['mcp', 'add', '--transport', 'http', 'switchboard', url];
      expect(JSON.parse(stdout)).toEqual([...add, '--header', `Authorization: Bearer ${token}`]);
    }
  });

  test.each([
    ['another client', ['entry', 'emacs'], /^There is no entry for "emacs"\.\n.*realtime.*vscode/],
    ['what is not a URL', ['entry', 'cursor', '--url', 'gateway'], /^"gateway" is not a URL\./],
    [
      'a URL without its scheme',
      ['entry', 'cursor', '--url', 'localhost:8080/mcp'],
      /^"localhost:8080\/mcp" is not a URL\./,
    ],
  ])('refuses %s', async (_, args, said) => {
    const { code, stdout, stderr } = await run(args, {});
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(said);
    expect(tooWide(stderr)).toEqual([]);
  });
});

describe.concurrent('the command itself', () => {
  test('--version prints the version of the package', async () => {
    const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await run(['--version'], {})).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' });
  });

  test('--help fits 80 columns, and names every command and variable', async () => {
    const commands = ['serve', 'check', 'tools', 'call', 'entry'];
    const helps = [];
    for (const command of [[], ...commands.map((name) => [name])]) {
      const { code, stdout, stderr } = await run([...command, '--help'], {});
      expect([code, stderr]).toEqual([0, '']);
      expect(tooWide(stdout)).toEqual([]);
      helps.push(stdout);
    }
    const [whole, serve] = helps;
    for (const name of commands) expect(whole).toMatch(new RegExp(`^  ${name} `, 'm'));
    for (const name of ['HOST', 'PORT', 'SWITCHBOARD_CONFIG', '--stdio']) expect(serve).toContain(name);
  });
});
