import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { PROFILES } from '../../../src/config/profiles.ts';
import { directoryWith, load } from './config-file.ts';

const url = 'https://crm.example.com/mcp';
const UNSHAPED = {
  passesInstructions: false,
  definitionChanges: 'warn',
  passMeta: [],
  priority: 0,
  listTimeoutMs: 10_000,
  joinsRepeats: true,
  repeatGraceMs: 10_000,
  trustsHints: false,
  tools: { exclude: [], overrides: new Map() },
};

const DEFAULT_LIMITS = {
  maxRequestBytes: 4_194_304,
  maxHeaderBytes: 16_384,
  maxJsonDepth: 128,
  maxResultBytes: 8_388_608,
  maxEventBytes: 8_388_608,
  maxLineBytes: 10_485_760,
  maxConnections: 10_000,
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  maxCallerInFlight: 1024,
  maxRequestsPerMinute: 0,
  maxListeners: 1024,
  maxSessions: 1000,
  sessionIdleMs: 600_000,
  keepAliveCommentMs: 15_000,
  maxParked: 256,
  maxUnsentBytes: 262_144,
  unsentTimeoutMs: 30_000,
  maxInFlight: 64,
  maxQueue: 64,
  maxNoticesPerSecond: 1000,
  firstListMs: 2500,
  maxPages: 64,
  maxItems: 10_000,
  breakerFailures: 5,
  breakerOpenMs: 30_000,
  breakerMaxOpenMs: 300_000,
};

test('a url alone is a downstream, and everything else has a default', () => {
  const directory = directoryWith({ 'servers.json': `{"mcpServers": {"crm": {"url": "${url}"}}}` });
  const path = join(directory, 'servers.json');
  expect(loadConfig({ path, env: {} })).toEqual({
    file: path,
    downstreams: [{ kind: 'http', key: 'crm', prefix: 'crm__', url, headers: [], ...UNSHAPED }],
    allowedHosts: [],
    profiles: PROFILES,
    toolsets: new Map(),
    catalogFile: join(directory, 'servers.catalog.json'),
    legacySse: false,
    audit: { values: false },
    drainMs: 25_000,
    limits: DEFAULT_LIMITS,
    secrets: [],
  });
});

test('a command is a downstream whose working directory starts beside the file', () => {
  const directory = directoryWith({
    'servers.json': JSON.stringify({
      mcpServers: {
        files: { command: 'npx', args: ['-y', 'server', '${ROOT}'], env: { KEY: '${KEY}' }, cwd: 'data' },
      },
    }),
  });
  const { downstreams } = loadConfig({
    path: join(directory, 'servers.json'),
    env: { ROOT: '/data', KEY: 'k' },
  });
  expect(downstreams).toEqual([
    {
      kind: 'stdio',
      key: 'files',
      prefix: 'files__',
      command: 'npx',
      args: ['-y', 'server', '/data'],
      env: { KEY: 'k' },
      cwd: join(directory, 'data'),
      ...UNSHAPED,
    },
  ]);
});

test('comments, trailing commas and a byte order mark are accepted', () => {
  const text = `\ufeff// mine\n{ "mcpServers": { "crm": { "url": "${url}", /* soon */ }, }, }\n`;
  expect(load(text).downstreams.map(({ key }) => key)).toEqual(['crm']);
});

test('the three ways to write headers give the same headers', () => {
  const { downstreams } = load({
    mcpServers: {
      object: { url, headers: { Authorization: 'ApiKey k', 'X-Tenant-ID': 'acme' } },
      array: {
        url,
        headers: [
          { name: 'Authorization', value: 'ApiKey k' },
          { name: 'X-Tenant-ID', value: 'acme' },
        ],
      },
      fields: { url, authorization: 'ApiKey k', custom_headers: { 'X-Tenant-ID': 'acme' } },
      fieldsWithArray: {
        url,
        authorization: 'ApiKey k',
        custom_headers: [{ name: 'X-Tenant-ID', value: 'acme' }],
      },
      mixed: { url, headers: { Authorization: 'ApiKey k' }, custom_headers: { 'X-Tenant-ID': 'acme' } },
    },
  });
  for (const downstream of downstreams) {
    expect(downstream).toMatchObject({
      headers: [
        ['Authorization', 'ApiKey k'],
        ['X-Tenant-ID', 'acme'],
      ],
    });
  }
  expect(downstreams).toHaveLength(5);
});

test.each([
  ['abc.def', 'Bearer abc.def'],
  ['${TOKEN}', 'Bearer s3cret'],
  ['Bearer ${TOKEN}', 'Bearer s3cret'],
  ['Basic dXNlcjpwdw==', 'Basic dXNlcjpwdw=='],
  ['ApiKey ${TOKEN}', 'ApiKey s3cret'],
  ['${WHOLE}', 'Token s3cret'],
  ['Digest username="a", realm="b"', 'Digest username="a", realm="b"'],
])('authorization %j goes out as %j', (authorization, expected) => {
  const { downstreams } = load(
    { mcpServers: { crm: { url, authorization } } },
    {
      TOKEN: 's3cret',
      WHOLE: 'Token s3cret',
    },
  );
  expect(downstreams).toMatchObject([{ headers: [['Authorization', expected]] }]);
});

test('an Authorization header among the others goes out exactly as written', () => {
  const { downstreams } = load({ mcpServers: { crm: { url, headers: { authorization: 'raw-token' } } } });
  expect(downstreams).toMatchObject([{ headers: [['authorization', 'raw-token']] }]);
});

test('headers keep the order and spelling of the file, and may carry Latin-1, tabs, cookies and nothing', () => {
  const headers = { 'x-B': 'caf\u{e9}\tau lait', 'X-a': '', Cookie: 'a=b', Origin: 'https://me.example' };
  const { downstreams } = load({ mcpServers: { crm: { url, headers } } });
  expect(downstreams).toMatchObject([{ headers: Object.entries(headers) }]);
});

test.each([
  ['serverUrl', 'http'],
  ['httpUrl', 'streamable-http'],
  ['url', 'streamableHttp'],
])('%s with type %s is a server over HTTP', (field, type) => {
  const { downstreams } = load({ servers: { crm: { type, [field]: url } } });
  expect(downstreams).toMatchObject([{ kind: 'http', url }]);
  expect(downstreams[0]).toMatchObject({ transport: undefined });
});

test('type sse is kept, since it is another transport', () => {
  const { downstreams } = load({ mcpServers: { crm: { type: 'sse', url } } });
  expect(downstreams).toMatchObject([{ kind: 'http', url, transport: 'sse' }]);
});

test('type stdio may stand beside a command', () => {
  const { downstreams } = load({ mcpServers: { files: { type: 'stdio', command: 'npx' } } });
  expect(downstreams).toMatchObject([{ kind: 'stdio', command: 'npx', args: [], env: {} }]);
});

test('a disabled entry is left out, whatever is wrong with it', () => {
  const { downstreams } = load({
    mcpServers: {
      old: { disabled: true, url: '${NOT_SET}', headers: { Host: 5 }, colour: 'red' },
      crm: { url, disabled: false },
    },
  });
  expect(downstreams.map(({ key }) => key)).toEqual(['crm']);
});

test('so are its keys that are there twice, or cannot be used', () => {
  const old = '{ "disabled": true, "env": { "A": "1", "A": "2", "__proto__": "x" }, "url": "a", "url": "b" }';
  const { downstreams } = load(`{ "mcpServers": { "old": ${old}, "crm": { "url": "${url}" } } }`);
  expect(downstreams.map(({ key }) => key)).toEqual(['crm']);
});

test.each([
  [0, '0'],
  [-0.5, '-5E-1'],
  [1500, '1.50e3'],
  [1e21, '1000000000000000000000'],
  [Number.MAX_SAFE_INTEGER, '9007199254740991'],
  [0.1, '0.1000'],
])('the number %d may be written as %s', (number, written) => {
  const entry = `{ "url": "${url}", "tools": { "overrides": { "find": { "arguments": { "n": { "set": ${written} } } } } } }`;
  const { downstreams } = load(`{ "mcpServers": { "crm": ${entry} } }`);
  expect(downstreams[0]?.tools.overrides.get('find')?.arguments.get('n')?.set).toBe(number);
});

test.each([
  ['crm', {}, 'crm__'],
  ['my server/v2', {}, 'my_server_v2__'],
  ['gr\u{fc}n \u{1f600}', {}, 'gr_n____'],
  ['crm', { prefix: 'c-' }, 'c-'],
  ['crm', { prefix: '' }, ''],
  ['crm', { prefix: '${STAGE:-dev}_' }, 'dev_'],
])('the server %j with %j has the prefix %j', (key, fields, prefix) => {
  expect(load({ mcpServers: { [key]: { url, ...fields } } }).downstreams).toMatchObject([{ key, prefix }]);
});

test('servers named like parts of JavaScript are servers, in the order of the file', () => {
  const names = ['constructor', 'toString', 'hasOwnProperty', 'valueOf', 'length'];
  const servers = Object.fromEntries(names.map((name) => [name, { url, headers: { [name]: 'x' } }]));
  const { downstreams } = load({ mcpServers: servers });
  expect(downstreams.map(({ key }) => key)).toEqual(names);
  expect(downstreams[0]).toMatchObject({ headers: [['constructor', 'x']] });
});

test('what becomes of changes is said for all servers and for each; the record of calls stands beside the file', () => {
  const directory = directoryWith({
    'servers.json': JSON.stringify({
      definitionChanges: 'block',
      mcpServers: { a: { url }, b: { url, definitionChanges: 'off' } },
      audit: { file: '${DIR}/calls.jsonl', values: true },
    }),
  });
  const config = loadConfig({ path: join(directory, 'servers.json'), env: { DIR: 'logs' } });
  expect(config.downstreams.map(({ definitionChanges }) => definitionChanges)).toEqual(['block', 'off']);
  expect(config.audit).toEqual({ file: join(directory, 'logs/calls.jsonl'), values: true });
});

test('description, timeout, limits and allowed hosts are taken over, host names as a URL spells them', () => {
  const config = load(
    {
      $schema: './servers.schema.json',
      mcpServers: {
        crm: { url, description: 'Customers of ${TEAM}', callTimeoutMs: 4500, maxInFlight: 8, maxQueue: 0 },
      },
      allowedHosts: ['GW.example.com', '::1', 'b\u{fc}cher.example', 'mcp.${TEAM}.example'],
      toolsets: { desk: { description: 'The desk of ${TEAM}' } },
      limits: { maxRequestBytes: 1024, maxResultBytes: 268_435_456, breakerFailures: 0, maxQueue: 5 },
    },
    { TEAM: 'sales' },
  );
  expect(config).toMatchObject({
    downstreams: [{ description: 'Customers of sales', callTimeoutMs: 4500, maxInFlight: 8, maxQueue: 0 }],
    allowedHosts: ['gw.example.com', '[::1]', 'xn--bcher-kva.example', 'mcp.sales.example'],
    limits: {
      ...DEFAULT_LIMITS,
      maxRequestBytes: 1024,
      maxResultBytes: 268_435_456,
      breakerFailures: 0,
      maxQueue: 5,
    },
  });
  expect(config.toolsets.get('desk')?.description).toBe('The desk of sales');
});
