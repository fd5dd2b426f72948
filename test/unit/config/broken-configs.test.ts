import { symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { directoryWith, refusal } from './config-file.ts';

const url = 'https://crm.example.com/mcp';
const crm = (entry: unknown) => ({ mcpServers: { crm: entry } });

type Broken = readonly [what: string, content: unknown, message: string];

const WHOLE_FILE: Broken[] = [
  ['an empty file', '', 'servers.json: is empty; write {"mcpServers": {...}} into it'],
  ['a file of comments', '// later', 'servers.json: is empty; write {"mcpServers": {...}} into it'],
  ['a list', [], 'servers.json: must be an object with mcpServers in it, is an array'],
  ['no servers key', {}, 'servers.json: needs mcpServers, an object of servers by name'],
  [
    'no server',
    { mcpServers: {} },
    'servers.json: mcpServers: has no server, or only disabled ones; add one',
  ],
  [
    'only disabled servers',
    crm({ url, disabled: true }),
    'servers.json: mcpServers: has no server, or only disabled ones; add one',
  ],
  [
    'servers as a list',
    { mcpServers: [{ url }] },
    'servers.json: mcpServers: must be an object of servers by name, is an array',
  ],
  [
    'both top keys',
    { mcpServers: { crm: { url } }, servers: { crm: { url } } },
    'servers.json: has mcpServers and servers; keep one of them',
  ],
  [
    'a server outside of mcpServers',
    { crm: { url } },
    'servers.json: needs mcpServers, an object of servers by name\n' +
      'servers.json: crm: is not a key known here; move it into mcpServers',
  ],
  [
    'prompts of VS Code',
    { inputs: [{ id: 'key' }], servers: { crm: { url, headers: { 'X-API-KEY': '${input:key}' } } } },
    'servers.json: inputs: is not available here; use an environment variable, ${NAME}, instead of ${input:...}\n' +
      'servers.json: servers.crm.headers.X-API-KEY: nobody can be asked here; use an environment variable, ${NAME}, instead of ${input:...}',
  ],
  [
    'limits out of range',
    { mcpServers: { crm: { url } }, limits: { maxRequestBytes: 1, maxResultBytes: '8MB', maxBytes: 1 } },
    'servers.json: limits.maxRequestBytes: must be a whole number of bytes from 1024 to 268435456\n' +
      'servers.json: limits.maxResultBytes: must be a whole number of bytes from 1024 to 268435456, is a string\n' +
      'servers.json: limits.maxBytes: is not a key known here; remove it',
  ],
  [
    'a record of calls in the wrong place, and changes treated in no known way',
    {
      definitionChanges: 'deny',
      mcpServers: { crm: { url, definitionChanges: true } },
      audit: { file: 'servers.json', values: 'yes', level: 'info' },
    },
    'servers.json: definitionChanges: must be one of warn, block, off\n' +
      'servers.json: mcpServers.crm.definitionChanges: must be one of warn, block, off, is a boolean\n' +
      'servers.json: audit.file: is this file itself; name another\n' +
      'servers.json: audit.values: must be true or false, is a string\n' +
      'servers.json: audit.level: is not a key known here; remove it',
  ],
  [
    'changes that are blocked, and nothing to keep in what was accepted',
    { mcpServers: { crm: { url, definitionChanges: 'block' } }, catalogFile: '', audit: { file: '' } },
    'servers.json: catalogFile: is empty, and "definitionChanges": "block" keeps in it what was accepted; name one\n' +
      'servers.json: audit.file: is empty; name a file, or leave it out',
  ],
  [
    'changes that are blocked, and a variable that names nothing to keep in what was accepted',
    { definitionChanges: 'block', mcpServers: { crm: { url } }, catalogFile: '${KEPT:-}' },
    'servers.json: catalogFile: is empty, and "definitionChanges": "block" keeps in it what was accepted; name one',
  ],
  [
    'changes that are blocked, and a folder that is not there for what was accepted',
    { mcpServers: { crm: { url, definitionChanges: 'block' } }, catalogFile: 'none/kept.json' },
    'servers.json: catalogFile: cannot be written (ENOENT), and "definitionChanges": "block" keeps in it what was accepted; name another place',
  ],
  [
    'changes that are blocked, and what was accepted in what is no folder',
    { definitionChanges: 'block', mcpServers: { crm: { url } }, catalogFile: 'servers.json/kept.json' },
    'servers.json: catalogFile: cannot be written (ENOTDIR), and "definitionChanges": "block" keeps in it what was accepted; name another place',
  ],
  [
    'calls and lists written to one file',
    { mcpServers: { crm: { url } }, catalogFile: 'kept.json', audit: { file: './kept.json' } },
    'servers.json: audit.file: is the file of catalogFile; name another',
  ],
  [
    'limits that are counted, of all and of one server',
    { mcpServers: { crm: { url, maxInFlight: 0, maxQueue: 'none' } }, limits: { maxListeners: 0.5 } },
    'servers.json: mcpServers.crm.maxInFlight: must be a whole number from 1 to 1000000\n' +
      'servers.json: mcpServers.crm.maxQueue: must be a whole number from 0 to 1000000, is a string\n' +
      'servers.json: limits.maxListeners: must be a whole number from 1 to 1000000',
  ],
  [
    'allowed hosts that are more than host names',
    {
      mcpServers: { crm: { url } },
      allowedHosts: [
        'https://gw.example.com/mcp',
        'gw.example.com:8080',
        'gw.example.com/mcp',
        '*.example.com',
        '',
        'a b',
        5,
      ],
    },
    'servers.json: allowedHosts[0]: is a URL; write only its host name, "gw.example.com"\n' +
      'servers.json: allowedHosts[1]: has a port; write only the host name, "gw.example.com"\n' +
      'servers.json: allowedHosts[2]: write only the host name, "gw.example.com"\n' +
      'servers.json: allowedHosts[3]: a * stands for nothing here; write out each host name\n' +
      'servers.json: allowedHosts[4]: is empty\n' +
      'servers.json: allowedHosts[5]: is not a host name; write one as in "mcp.example.com"\n' +
      'servers.json: allowedHosts[6]: must be a string, is a number; put it in double quotes',
  ],
];

const SYNTAX: Broken[] = [
  [
    'a missing comma',
    '{\n  "a": 1\n  "b": 2\n}',
    'servers.json: line 3, column 3: a comma is missing before this',
  ],
  [
    'single quotes',
    "{'a': 1}",
    'servers.json: line 1, column 2: is not JSON; names and text stand in double quotes',
  ],
  [
    'a name without quotes',
    '{a: 1}',
    'servers.json: line 1, column 2: is not JSON; names and text stand in double quotes',
  ],
  [
    'an open string',
    '{\r\n  "url": "https://x\r\n}',
    'servers.json: line 2, column 10: the text that begins here has no closing double quote on its line',
  ],
  ['an open object', '{"mcpServers": {', 'servers.json: line 1, column 17: a } is missing here'],
  [
    'an object closed twice',
    '{"mcpServers": {}}}',
    'servers.json: line 1, column 19: the file should end before this; a bracket was closed too early',
  ],
  [
    'an open comment',
    '{} /* x',
    'servers.json: line 1, column 4: this comment is not closed; end it with */',
  ],
  [
    'several mistakes that do not hide each other',
    '{\n"a": "C:\\dir",\n"b": 1\n"c": 2\n"d": }',
    'servers.json: line 2, column 6: in this text, for a backslash write two, \\\\\n' +
      'servers.json: line 4, column 1: a comma is missing before this\n' +
      'servers.json: line 5, column 1: a comma is missing before this',
  ],
  [
    'a file of brackets',
    '['.repeat(200_000),
    'servers.json: line 1, column 33: brackets are nested too deeply',
  ],
];

const KEYS: Broken[] = [
  [
    'a server that appears twice',
    `{"mcpServers": {\n"crm": {"url": "${url}"},\n"crm": {"url": "${url}"}\n}}`,
    'servers.json: mcpServers.crm: appears twice (lines 2 and 3); keep one',
  ],
  [
    'a field that appears three times',
    `{"mcpServers": {"crm": {"url": "${url}", "url": "${url}",\n"url": "${url}"}}}`,
    'servers.json: mcpServers.crm.url: appears 3 times (line 1); keep one',
  ],
  [
    'a mistyped key',
    crm({ url, header: {}, callTimeoutMS: 5 }),
    'servers.json: mcpServers.crm.header: is not a key known here; did you mean headers?\n' +
      'servers.json: mcpServers.crm.callTimeoutMS: is not a key known here; did you mean callTimeoutMs?',
  ],
  [
    "another program's keys",
    crm({ url, timeout: 5, autoApprove: [] }),
    'servers.json: mcpServers.crm.timeout: is not a key known here; did you mean callTimeoutMs?\n' +
      'servers.json: mcpServers.crm.autoApprove: is not a key known here; no call waits for an approval, remove it',
  ],
  [
    'names that JavaScript or a terminal would stumble over',
    `{"mcpServers": {"__proto__": {"url": 5}, "constructor": {"url": 5}, "a.b c": {"url": 5}, "\\u001b[2J": {"url": "${url}"}}}`,
    'servers.json: mcpServers.__proto__: cannot be used as a name; choose another\n' +
      'servers.json: mcpServers.constructor.url: must be a string, is a number; put it in double quotes\n' +
      'servers.json: mcpServers["a.b c"].url: must be a string, is a number; put it in double quotes\n' +
      'servers.json: mcpServers["\\u001b[2J"]: has a control character in its name; remove it',
  ],
  [
    'a name with half a character, which could not stand in a URI',
    `{"mcpServers": {"a\\ud800": {"url": "${url}"}}}`,
    'servers.json: mcpServers["a\\ud800"]: has half a character in its name, as \\ud800 is; remove it',
  ],
  [
    'a server without a name',
    { mcpServers: { '': { url } } },
    'servers.json: mcpServers[""]: needs a name between the quotes',
  ],
];

const ENTRIES: Broken[] = [
  ['an entry that is no object', crm(url), 'servers.json: mcpServers.crm: must be an object, is a string'],
  ['an entry with neither url nor command', crm({}), 'servers.json: mcpServers.crm: needs url or command'],
  ['an entry with a type alone', crm({ type: 'stdio' }), 'servers.json: mcpServers.crm: needs command'],
  [
    'both url and command',
    crm({ url, command: 'npx' }),
    'servers.json: mcpServers.crm: has url and command; keep one of them',
  ],
  [
    'two spellings of url',
    crm({ url, serverUrl: url, httpUrl: url }),
    'servers.json: mcpServers.crm: has url and serverUrl and httpUrl; keep one of them',
  ],
  [
    'a type that contradicts the url',
    crm({ httpUrl: url, type: 'stdio' }),
    'servers.json: mcpServers.crm.type: is stdio, but there is a httpUrl; remove type',
  ],
  [
    'a type that contradicts the command',
    crm({ command: 'npx', type: 'sse' }),
    'servers.json: mcpServers.crm.type: is sse, but there is a command; remove type',
  ],
  [
    'an unknown type',
    crm({ url, type: 'https' }),
    'servers.json: mcpServers.crm.type: must be one of http, streamable-http, streamableHttp, sse, stdio',
  ],
  [
    'fields of a command beside a url',
    crm({ url, args: [], cwd: '.' }),
    'servers.json: mcpServers.crm.args: goes with command, not with a url; remove it\n' +
      'servers.json: mcpServers.crm.cwd: goes with command, not with a url; remove it',
  ],
  [
    'headers beside a command',
    crm({ command: 'npx', headers: {} }),
    'servers.json: mcpServers.crm.headers: goes with a url, not with command; use env',
  ],
  [
    'a command that cannot be started',
    crm({ command: '', args: ['a\0'], env: { 'A=B': '1', C: 1 }, cwd: '' }),
    'servers.json: mcpServers.crm.command: is empty\n' +
      'servers.json: mcpServers.crm.args[0]: has a NUL at character 2; remove it\n' +
      'servers.json: mcpServers.crm.env["A=B"]: is not a name for a variable; remove the =\n' +
      'servers.json: mcpServers.crm.env.C: must be a string, is a number; put it in double quotes\n' +
      'servers.json: mcpServers.crm.cwd: is empty',
  ],
  [
    'a command line in one array',
    crm({ command: ['npx', '-y'], args: '-y' }),
    'servers.json: mcpServers.crm.command: must be a string, is an array\n' +
      'servers.json: mcpServers.crm.args: must be an array of strings, is a string',
  ],
  [
    'a url without scheme',
    crm({ url: 'localhost:3000/mcp' }),
    'servers.json: mcpServers.crm.url: must begin with http:// or https://',
  ],
  [
    'a url with a password',
    crm({ url: 'https://me:pw@crm.example.com/mcp' }),
    'servers.json: mcpServers.crm.url: holds a user name or password; put it into authorization, "Basic ..."',
  ],
  [
    'a url with a fragment',
    crm({ url: `${url}#top` }),
    'servers.json: mcpServers.crm.url: has a fragment; remove it from the # on',
  ],
  [
    'a url with a line break',
    crm({ url: `${url}\n` }),
    'servers.json: mcpServers.crm.url: has a space or control character at character 28; remove it',
  ],
  [
    'a url without host',
    crm({ url: 'https://' }),
    'servers.json: mcpServers.crm.url: is not a URL, as in https://crm.example.com/mcp',
  ],
  [
    'a prefix of other characters',
    crm({ url, prefix: 'crm.' }),
    'servers.json: mcpServers.crm.prefix: may only have letters (a-z, A-Z), digits, _ and -',
  ],
  [
    'a long prefix',
    crm({ url, prefix: 'a'.repeat(33) }),
    'servers.json: mcpServers.crm.prefix: may have at most 32 characters, has 33',
  ],
  [
    'a name too long to be a prefix',
    { mcpServers: { ['a'.repeat(31)]: { url } } },
    `servers.json: mcpServers.${'a'.repeat(31)}: has a name too long for a prefix; set prefix, with at most 32 characters`,
  ],
  [
    'a timeout in seconds',
    crm({ url, callTimeoutMs: 50 }),
    'servers.json: mcpServers.crm.callTimeoutMs: must be a whole number of milliseconds from 100 to 86400000',
  ],
  [
    'disabled in quotes',
    crm({ url, disabled: 'true' }),
    'servers.json: mcpServers.crm.disabled: must be true or false, is a string',
  ],
];

const HEADERS: Broken[] = [
  [
    'headers that the gateway has to set itself',
    crm({
      url,
      headers: { Host: 'a', 'content-type': 'a', Accept: 'a', 'MCP-Protocol-Version': '2025-06-18' },
    }),
    'servers.json: mcpServers.crm.headers.Host: is set by the gateway itself; remove it\n' +
      'servers.json: mcpServers.crm.headers.content-type: is set by the gateway itself; remove it\n' +
      'servers.json: mcpServers.crm.headers.Accept: is set by the gateway itself; remove it\n' +
      'servers.json: mcpServers.crm.headers.MCP-Protocol-Version: is set by the gateway for each request (MCP); remove it',
  ],
  [
    'headers of one connection, or for somebody else',
    crm({
      url,
      headers: {
        Connection: 'close',
        TE: 'trailers',
        'Proxy-Authorization': 'Basic eA==',
        Expect: '100-continue',
      },
    }),
    'servers.json: mcpServers.crm.headers.Connection: concerns a single connection, which the gateway manages; remove it\n' +
      'servers.json: mcpServers.crm.headers.TE: concerns a single connection, which the gateway manages; remove it\n' +
      'servers.json: mcpServers.crm.headers.Proxy-Authorization: is between the gateway and a proxy, not for this server; remove it\n' +
      'servers.json: mcpServers.crm.headers.Expect: asks for a reply that the gateway does not wait for; remove it',
  ],
  [
    'names that are none',
    crm({ url, headers: { 'X-API-KEY:': 'a', '': 'a' }, custom_headers: [{ name: 'X Y', value: 'a' }] }),
    'servers.json: mcpServers.crm.headers["X-API-KEY:"]: is not a header name; use letters, digits and "-"\n' +
      'servers.json: mcpServers.crm.headers[""]: a header needs a name\n' +
      'servers.json: mcpServers.crm.custom_headers[0].name: is not a header name; use letters, digits and "-"',
  ],
  [
    'values that no header can carry',
    crm({ url, headers: { A: 'a\r\nB: c', B: ' a', C: 'a\t', D: 'ab\u{20ac}', E: '\0' } }),
    'servers.json: mcpServers.crm.headers.A: has a line break at character 2; remove it\n' +
      'servers.json: mcpServers.crm.headers.B: begins with a space or tab; remove it\n' +
      'servers.json: mcpServers.crm.headers.C: ends with a space or tab (character 2); remove it\n' +
      'servers.json: mcpServers.crm.headers.D: has a character outside Latin-1 at character 3; remove it\n' +
      'servers.json: mcpServers.crm.headers.E: has a control character at character 1; remove it',
  ],
  [
    'headers in no known form',
    crm({ url, headers: 'X-API-KEY: a', custom_headers: [{ key: 'X', value: 1 }, 'Y'] }),
    'servers.json: mcpServers.crm.headers: must be an object of header names and values, or an array of {name, value}, is a string\n' +
      'servers.json: mcpServers.crm.custom_headers[0].name: is missing\n' +
      'servers.json: mcpServers.crm.custom_headers[0].key: is not a key known here; did you mean name?\n' +
      'servers.json: mcpServers.crm.custom_headers[0].value: must be a string, is a number; put it in double quotes\n' +
      'servers.json: mcpServers.crm.custom_headers[1]: must be an object with name and value, is a string',
  ],
  [
    'a header given twice in one form',
    crm({
      url,
      headers: { 'X-A': '1', 'x-a': '2' },
      custom_headers: [
        { name: 'X-B', value: '1' },
        { name: 'X-B', value: '1' },
      ],
    }),
    'servers.json: mcpServers.crm.headers.x-a: x-a is already set by headers.X-A; keep one of them\n' +
      'servers.json: mcpServers.crm.custom_headers[1].name: X-B is already set by custom_headers[0].name; keep one of them',
  ],
  [
    'a header given twice across forms',
    crm({
      url,
      authorization: 'a',
      headers: { AUTHORIZATION: 'b', 'X-A': '1' },
      custom_headers: { 'x-a': '1' },
    }),
    'servers.json: mcpServers.crm.headers.AUTHORIZATION: AUTHORIZATION is already set by authorization; keep one of them\n' +
      'servers.json: mcpServers.crm.custom_headers.x-a: x-a is already set by headers.X-A; keep one of them',
  ],
  [
    'an empty authorization',
    crm({ url, authorization: '' }),
    'servers.json: mcpServers.crm.authorization: is empty; remove it or give it a token',
  ],
  [
    'a scheme without a token',
    crm({ url, authorization: 'Bearer' }),
    'servers.json: mcpServers.crm.authorization: is only a scheme; put the token behind it',
  ],
  [
    'a whole header line as authorization',
    crm({ url, authorization: 'Authorization: Bearer x' }),
    'servers.json: mcpServers.crm.authorization: is neither a token nor a scheme and a token',
  ],
];

describe.each([
  ['the file', WHOLE_FILE],
  ['its syntax', SYNTAX],
  ['its keys', KEYS],
  ['its entries', ENTRIES],
  ['their headers', HEADERS],
])('what is wrong with %s is said', (_, table) => {
  test.each(table)('%s', (_, content, message) => {
    expect(refusal(content)).toBe(message);
  });
});

test('all problems of a file are listed at once, in the order in which they stand in it', () => {
  const content = `{
    "mcpServers": {
      "crm": { "url": "ftp://x", "headers": { "X-API-KEY": "\${CRM_API_KEY}", "Host": "x", "X-Count": 5 }, "colour": 1 },
      "billing": { "authorization": "\${BILLING_TOKEN}" },
      "crm2": { "command": "npx", "env": { "A": "1", "A": "2" } }
    },
    "limits": { "maxRequestBytes": 0 }
  }`;
  expect(refusal(content).split('\n')).toEqual([
    'servers.json: mcpServers.crm.url: must begin with http:// or https://',
    'servers.json: mcpServers.crm.headers.X-API-KEY: environment variable CRM_API_KEY is not set',
    'servers.json: mcpServers.crm.headers.Host: is set by the gateway itself; remove it',
    'servers.json: mcpServers.crm.headers.X-Count: must be a string, is a number; put it in double quotes',
    'servers.json: mcpServers.crm.colour: is not a key known here; remove it',
    'servers.json: mcpServers.billing: needs url or command',
    'servers.json: mcpServers.billing.authorization: environment variable BILLING_TOKEN is not set',
    'servers.json: mcpServers.crm2.env.A: appears twice (line 5); keep one',
    'servers.json: limits.maxRequestBytes: must be a whole number of bytes from 1024 to 268435456',
  ]);
});

test('a file that values are taken from is not written to', () => {
  const headers = { 'X-API-KEY': '${file:secrets/../key}' };
  const content = { mcpServers: { crm: { url, headers } }, catalogFile: 'key', audit: { file: 'conf/.env' } };
  expect(refusal(content, {}, { key: 'k' })).toBe(
    'servers.json: catalogFile: is a file that values are taken from; name another\n' +
      'servers.json: audit.file: is a file that values are taken from; name another',
  );
});

test('nor is one that a link leads to', () => {
  const headers = { 'X-API-KEY': '${file:key}' };
  const content = { mcpServers: { crm: { url, headers } }, catalogFile: 'lists', audit: { file: 'calls' } };
  const directory = directoryWith({ 'real.json': JSON.stringify(content), secret: 'k' });
  const links = { 'servers.json': 'real.json', key: 'secret', lists: 'secret', calls: 'real.json' };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(directory, name));
  const path = join(directory, 'servers.json');
  expect(() => loadConfig({ path, env: {} })).toThrow(
    `${path}: catalogFile: is a file that values are taken from; name another\n` +
      `${path}: audit.file: is this file itself; name another`,
  );
});

test('a message begins with the path as the person typed it', () => {
  const typed = relative(process.cwd(), join(directoryWith({ 'mine.jsonc': '{}' }), 'mine.jsonc'));
  expect(() => loadConfig({ path: typed, env: {} })).toThrow(
    `${typed}: needs mcpServers, an object of servers by name`,
  );
});

test('a file that is not there, not a file, or not text is refused with the reason', () => {
  const directory = directoryWith({ 'utf16.json': Buffer.from('\ufeff{}', 'utf16le') });
  const message = (name: string) => {
    try {
      return loadConfig({ path: join(directory, name), env: {} });
    } catch (error) {
      return (error as Error).message.replace(`${directory}/`, '');
    }
  };
  expect(message('servers.json')).toBe(
    'servers.json: does not exist; create it, or name another with --config',
  );
  expect(message('utf16.json')).toBe('utf16.json: is not UTF-8 text');
  expect(message('.')).toMatch(/: is a directory$/);
});

test('a device without an end is not read to the end', () => {
  expect(() => loadConfig({ path: '/dev/zero', env: {} })).toThrow('/dev/zero: is larger than 256 KiB');
});

test.each([
  ['thousands of unknown keys', `{${Array.from({ length: 18_000 }, (_, i) => `"heade${i}":1`).join(',')}}`],
  [
    'thousands of keys that appear twice',
    `{"mcpServers":{${Array.from({ length: 22_000 }, (_, i) => `"${i % 11_000}":1`).join(',')}}}`,
  ],
  ['thousands of open references', { mcpServers: { crm: { url: '${'.repeat(120_000) } } }],
])('%s are judged in a time that does not grow with their square', (_, content) => {
  const before = process.cpuUsage();
  refusal(content);
  // Processor time: on a busy machine the time on the wall says nothing about this code. It is less than one second; of a square
  // it would be minutes.
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1e6).toBeLessThan(10);
});
