import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { PROFILES } from '../../../src/config/profiles.ts';
import { directoryWith, load } from './config-file.ts';

const url = 'https://crm.example.com/mcp';
const crm = (entry: object) => ({ mcpServers: { crm: { url, ...entry } } });
const shaping = (tools: unknown, env?: Record<string, string>) =>
  load(crm({ tools }), env).downstreams[0]?.tools;
const argument = (written: unknown, env?: Record<string, string>) =>
  shaping({ overrides: { find: { arguments: { id: written } } } }, env)
    ?.overrides.get('find')
    ?.arguments.get('id');

test('priority and passInstructions of an entry are taken over', () => {
  const { downstreams } = load(crm({ priority: -1000, passInstructions: true }));
  expect(downstreams).toMatchObject([{ priority: -1000, passesInstructions: true }]);
});

test('an entry without callTimeoutMs leaves the time to the profile of the caller', () => {
  expect(load(crm({})).downstreams[0]?.callTimeoutMs).toBeUndefined();
});

test('how long things may take, and what is done about repeated calls, is taken over', () => {
  const times = { connectTimeoutMs: 3000, listTimeoutMs: 4000, callTimeoutMs: 5000, maxCallMs: 6000 };
  const written = { ...times, joinRepeats: false, repeatGraceMs: 0, trustHints: true };
  const read = { ...times, joinsRepeats: false, repeatGraceMs: 0, trustsHints: true };
  expect(load(crm(written)).downstreams).toMatchObject([read]);
});

test('every field of tools is taken over, under the names that the server gives', () => {
  const find = {
    enabled: false,
    rename: 'search',
    title: 'Search',
    description: 'Finds customers',
    priority: 1000,
    callTimeoutMs: 90_000,
    annotations: { title: 'S', readOnlyHint: true, destructiveHint: false },
  };
  const id = { default: 5, rename: 'number', description: 'Of the customer' };
  const overrides = { find: { ...find, retry: true, arguments: { id, tenant: { set: 'acme' } } }, list: {} };
  expect(shaping({ include: ['find', 'list_*'], exclude: ['list_?'], overrides })).toEqual({
    include: ['find', 'list_*'],
    exclude: ['list_?'],
    overrides: new Map<string, unknown>([
      [
        'find',
        {
          ...find,
          retries: true,
          arguments: new Map<string, unknown>([
            ['id', id],
            ['tenant', { set: 'acme' }],
          ]),
        },
      ],
      ['list', { enabled: true, retries: false, arguments: new Map() }],
    ]),
  });
});

test.each(['set', 'default'])(
  'variables are filled in wherever a text stands in %s, and in no key',
  (field) => {
    const env = { TENANT: 'acme' };
    const written = { '${TENANT}': ['x-${TENANT}', { deep: '${TENANT}', n: 1, no: null, yes: true }] };
    expect(argument({ [field]: written }, env)).toEqual({
      [field]: { '${TENANT}': ['x-acme', { deep: 'acme', n: 1, no: null, yes: true }] },
    });
    expect(argument({ [field]: '$${TENANT}' }, env)).toEqual({ [field]: '${TENANT}' });
  },
);

test.each([[null], [false], [0], [''], [[]], [{}]])('%j may be set, or be a default', (value) => {
  expect(argument({ set: value })).toEqual({ set: value });
  expect(argument({ default: value })).toEqual({ default: value });
});

test('tools and arguments named like parts of JavaScript are tools and arguments', () => {
  const names = ['constructor', 'toString', 'hasOwnProperty', 'valueOf', 'length'];
  const each = (value: unknown) => Object.fromEntries(names.map((name) => [name, value]));
  const overrides = shaping({ overrides: each({ arguments: each({ set: each('x') }) }) })?.overrides;
  expect([...(overrides?.keys() ?? [])]).toEqual(names);
  expect([...(overrides?.get('constructor')?.arguments.keys() ?? [])]).toEqual(names);
  expect(overrides?.get('constructor')?.arguments.get('toString')).toEqual({ set: each('x') });
  expect(shaping({ overrides: {} })?.overrides.get('constructor')).toBeUndefined();
});

test('two tools may change names, and tools of two servers may have one name', () => {
  const swapped = { overrides: { a: { rename: 'b' }, b: { rename: 'a' } } };
  const { downstreams } = load({
    mcpServers: { crm: { url, tools: swapped }, erp: { url, tools: swapped } },
  });
  expect(downstreams.map(({ tools }) => tools.overrides.get('a')?.rename)).toEqual(['b', 'b']);
});

test('a toolset has its globs, its description and the profile of its name', () => {
  const reception = { include: ['crm__*'], exclude: ['*_all'], description: 'For the phone' };
  const { toolsets } = load({
    ...crm({}),
    toolsets: {
      'Front-desk_2': { ...reception, profile: 'realtime' },
      own: { profile: 'phone' },
      constructor: {},
    },
    profiles: { phone: {} },
  });
  expect([...toolsets.keys()]).toEqual(['Front-desk_2', 'own', 'constructor']);
  expect(toolsets.get('Front-desk_2')).toEqual({
    name: 'Front-desk_2',
    ...reception,
    profile: PROFILES.get('realtime'),
  });
  expect(toolsets.get('own')?.profile?.name).toBe('phone');
  expect(toolsets.get('constructor')).toEqual({ name: 'constructor', exclude: [] });
});

test('profile is that of callers whose URL names none, and may be one of the file', () => {
  expect(load({ ...crm({}), profile: 'cursor' }).profile).toBe(PROFILES.get('cursor'));
  const own = load({ ...crm({}), profile: 'phone', profiles: { phone: { maxTools: 3 } } });
  expect(own.profile).toMatchObject({ name: 'phone', maxTools: 3 });
});

test('a profile has the fields of the one it is made from, and its own before them', () => {
  const { profiles } = load({
    ...crm({}),
    profiles: {
      phone: { from: 'realtime', maxResultChars: 1500, toolMeta: ['ui'] },
      hotline: { from: 'phone', framing: 'json' },
      plain: {},
    },
  });
  const phone = { ...PROFILES.get('realtime'), name: 'phone', maxResultChars: 1500, toolMeta: ['ui'] };
  expect(profiles.get('phone')).toEqual(phone);
  expect(profiles.get('hotline')).toEqual({ ...phone, name: 'hotline', framing: 'json' });
  expect(profiles.get('plain')).toEqual({ ...PROFILES.get('generic'), name: 'plain' });
  expect([...profiles.keys()]).toEqual([...PROFILES.keys(), 'phone', 'hotline', 'plain']);
});

test('profiles are made from each other in any order, and names that are numbers are like others', () => {
  const { profiles } = load({
    ...crm({}),
    profiles: {
      desk: { from: 'hotline', icons: true },
      hotline: { from: '911' },
      911: { from: 'claude', maxTools: 7 },
      claude: { maxDescriptionChars: 99 },
    },
  });
  const claude = { ...PROFILES.get('claude'), maxDescriptionChars: 99 };
  expect(profiles.get('911')).toEqual({ ...claude, name: '911', maxTools: 7 });
  expect(profiles.get('desk')).toEqual({ ...claude, name: 'desk', maxTools: 7, icons: true });
});

test('as many profiles in a row as a file has room for', () => {
  const profiles = Object.fromEntries(
    Array.from({ length: 5000 }, (_, index) => [`p${index}`, { from: `p${index + 1}` }]),
  );
  expect(
    load({ ...crm({}), profiles: { ...profiles, p5000: { maxTools: 3 } } }).profiles.get('p0')?.maxTools,
  ).toBe(3);
});

test('servers stay in the order of the file, also those whose names are numbers', () => {
  const text =
    '{"mcpServers":{"crm":{"url":"http://a"},"7":{"url":"http://b"},"10":{"url":"http://c"},"2":{"url":"http://d"}}}';
  const path = join(directoryWith({ 'servers.json': text }), 'servers.json');
  expect(loadConfig({ path, env: {} }).downstreams.map(({ key }) => key)).toEqual(['crm', '7', '10', '2']);
});

test('a profile named like a built-in one is made from it and stands in its place', () => {
  const { profiles } = load({
    ...crm({}),
    profiles: { cursor: { maxTools: 80 }, claude: { from: 'claude' } },
  });
  expect(profiles.get('cursor')).toEqual({ ...PROFILES.get('cursor'), maxTools: 80 });
  expect(profiles.get('claude')).toEqual(PROFILES.get('claude'));
  expect(PROFILES.get('cursor')).toMatchObject({ maxTools: 40 });
});

test('null takes an inherited limit away', () => {
  const limits = [
    'maxDescriptionChars',
    'maxInstructionsChars',
    'maxResultChars',
    'recommendedTools',
    'maxTools',
  ];
  const none = Object.fromEntries(limits.map((limit) => [limit, null]));
  const { profiles } = load({ ...crm({}), profiles: { free: { from: 'openai', ...none } } });
  const free = profiles.get('free');
  expect(limits.filter((limit) => Object.hasOwn(free ?? {}, limit))).toEqual([]);
  expect(free).toMatchObject({ plainSchemaRoot: true, icons: false });
});

test.each([
  ['servers.json', undefined, 'servers.catalog.json'],
  ['mine.v2.jsonc', undefined, 'mine.v2.catalog.json'],
  ['servers', undefined, 'servers.catalog.json'],
  ['servers.json', 'kept/lists.json', 'kept/lists.json'],
  ['servers.json', '${NAME}.json', 'lists.json'],
])('the lists of %s with catalogFile %j are kept in %s beside it', (file, catalogFile, expected) => {
  const directory = directoryWith({ [file]: JSON.stringify({ ...crm({}), catalogFile }) });
  const config = loadConfig({ path: join(directory, file), env: { NAME: 'lists' } });
  expect(config.catalogFile).toBe(join(directory, expected));
});

test('an absolute catalogFile stays where it is, and an empty one is nowhere', () => {
  expect(load({ ...crm({}), catalogFile: '/var/lib/lists.json' }).catalogFile).toBe('/var/lib/lists.json');
  expect(load({ ...crm({}), catalogFile: '' }).catalogFile).toBeUndefined();
  expect(load({ ...crm({}), catalogFile: '${NOT_SET:-}' }).catalogFile).toBeUndefined();
});
