import { describe, expect, test } from 'vitest';
import { refusal } from './config-file.ts';

const url = 'https://crm.example.com/mcp';
const crm = (entry: object) => ({ mcpServers: { crm: { url, ...entry } } });
const top = (fields: object) => ({ ...crm({}), ...fields });
const find = (override: unknown) => crm({ tools: { overrides: { find: override } } });
const id = (argument: unknown) => find({ arguments: { id: argument } });

/** Each message without the name of the file, which stands before all of them. */
type Broken = readonly [what: string, content: unknown, ...messages: string[]];

const FIND = 'mcpServers.crm.tools.overrides.find';
const BUILT_IN = 'generic, realtime, livekit, openai, claude, cursor, vscode, gemini';

const ENTRIES: Broken[] = [
  [
    'a priority out of range',
    crm({ priority: 1001 }),
    'mcpServers.crm.priority: must be a whole number from -1000 to 1000',
  ],
  [
    'a priority in words',
    crm({ priority: 'high' }),
    'mcpServers.crm.priority: must be a whole number from -1000 to 1000, is a string',
  ],
  [
    'instructions in place of passInstructions',
    crm({ passInstructions: 'Use it well' }),
    'mcpServers.crm.passInstructions: must be true or false, is a string',
  ],
  [
    'tools as a list',
    crm({ tools: ['find'] }),
    'mcpServers.crm.tools: must be an object with include, exclude or overrides, is an array',
  ],
  [
    'a glob outside of a list',
    crm({ tools: { include: 'find_*', exclude: [5] } }),
    'mcpServers.crm.tools.include: must be an array of strings, is a string',
    'mcpServers.crm.tools.exclude[0]: must be a string, is a number; put it in double quotes',
  ],
  [
    'an include of nothing',
    crm({ tools: { include: [], exclude: [] } }),
    'mcpServers.crm.tools.include: lets nothing through; name tools, or remove it',
  ],
  [
    'an include of mistakes alone, which is not an empty one',
    crm({ tools: { include: [5] } }),
    'mcpServers.crm.tools.include[0]: must be a string, is a number; put it in double quotes',
  ],
  [
    'empty globs',
    crm({ tools: { include: ['find', ''], exclude: [''] } }),
    'mcpServers.crm.tools.include[1]: is empty; name tools, or write "*" for all',
    'mcpServers.crm.tools.exclude[0]: is empty; name tools, or write "*" for all',
  ],
];

const OVERRIDES: Broken[] = [
  [
    'overrides as a list',
    crm({ tools: { overrides: [{ name: 'find' }] } }),
    'mcpServers.crm.tools.overrides: must be an object of tools by name, is an array',
  ],
  ['an override that is no object', find(false), `${FIND}: must be an object, is a boolean`],
  [
    'fields of wrong types',
    find({
      enabled: 1,
      rename: 2,
      title: [],
      description: {},
      priority: 1.5,
      annotations: [],
      arguments: [],
    }),
    `${FIND}.enabled: must be true or false, is a number`,
    `${FIND}.rename: must be a string, is a number; put it in double quotes`,
    `${FIND}.title: must be a string, is an array`,
    `${FIND}.description: must be a string, is an object`,
    `${FIND}.priority: must be a whole number from -1000 to 1000`,
    `${FIND}.annotations: must be an object, is an array`,
    `${FIND}.arguments: must be an object of arguments by name, is an array`,
  ],
  [
    'annotations of wrong types',
    find({ annotations: { title: true, readOnlyHint: 'yes' } }),
    `${FIND}.annotations.title: must be a string, is a boolean; put it in double quotes`,
    `${FIND}.annotations.readOnlyHint: must be true or false, is a string`,
  ],
  ['an empty name', find({ rename: '' }), `${FIND}.rename: is empty; write a name, or remove it`],
  [
    'one name for two tools',
    crm({ tools: { overrides: { find: { rename: 'a' }, constructor: { rename: 'a' } } } }),
    'mcpServers.crm.tools.overrides.constructor.rename: gives a name that another one here has already; choose another',
  ],
  [
    'a value in place of an argument',
    id('acme'),
    `${FIND}.arguments.id: must be an object with set, default, rename or description, is a string`,
  ],
  [
    'an empty name for an argument',
    id({ rename: '' }),
    `${FIND}.arguments.id.rename: is empty; write a name, or remove it`,
  ],
  [
    'one name for two arguments',
    find({ arguments: { id: { rename: 'a' }, key: { rename: 'b' }, number: { rename: 'a' } } }),
    `${FIND}.arguments.number.rename: gives a name that another one here has already; choose another`,
  ],
  [
    'an argument that is hidden, and told of all the same',
    id({ set: null, default: 1, rename: 'a', description: 'b' }),
    `${FIND}.arguments.id.default: has no effect beside set, which hides the argument; remove it`,
    `${FIND}.arguments.id.rename: has no effect beside set, which hides the argument; remove it`,
    `${FIND}.arguments.id.description: has no effect beside set, which hides the argument; remove it`,
  ],
  [
    'variables that are not set, each at its place',
    find({ arguments: { a: { set: ['${A}', { 'x y': '${B}' }] }, b: { default: '${C}' } } }),
    `${FIND}.arguments.a.set[0]: environment variable A is not set`,
    `${FIND}.arguments.a.set[1]["x y"]: environment variable B is not set`,
    `${FIND}.arguments.b.default: environment variable C is not set`,
  ],
  [
    'numbers that would be sent as others',
    JSON.stringify(find({ arguments: { a: { set: '#' }, b: { default: [1.5e3, 0.1, '#'] } }, priority: '#' }))
      .replace('"#"', '12345678901234567890')
      .replace('"#"', '1e400')
      .replace('"#"', '1e400'),
    `${FIND}.arguments.a.set: is a number that would be sent as another one; write it with fewer digits, or as text`,
    `${FIND}.arguments.b.default[2]: is a number that would be sent as another one; write it with fewer digits, or as text`,
    `${FIND}.priority: must be a whole number from -1000 to 1000`,
  ],
];

const KEYS: Broken[] = [
  [
    'tools by their names, without overrides',
    crm({ tools: { create_issue: { rename: 'x' }, delete_issue: false } }),
    'mcpServers.crm.tools.create_issue: is not a key known here; move it into overrides',
    'mcpServers.crm.tools.delete_issue: is not a key known here; move it into overrides, as an object with enabled',
  ],
  [
    'other words for include, exclude and overrides',
    crm({ tools: { allow: ['a'], deny: ['b'], override: {}, includes: ['c'], max: 5 } }),
    'mcpServers.crm.tools.allow: is not a key known here; did you mean include?',
    'mcpServers.crm.tools.deny: is not a key known here; did you mean exclude?',
    'mcpServers.crm.tools.override: is not a key known here; did you mean overrides?',
    'mcpServers.crm.tools.includes: is not a key known here; did you mean include?',
    'mcpServers.crm.tools.max: is not a key known here; remove it',
  ],
  [
    "another program's lists of tools",
    crm({ allowed_tools: [], disabledTools: [], includeTools: [], deny: [], toolOverrides: {} }),
    'mcpServers.crm.allowed_tools: is not a key known here; did you mean tools.include?',
    'mcpServers.crm.disabledTools: is not a key known here; did you mean tools.exclude?',
    'mcpServers.crm.includeTools: is not a key known here; did you mean tools.include?',
    'mcpServers.crm.deny: is not a key known here; did you mean tools.exclude?',
    'mcpServers.crm.toolOverrides: is not a key known here; did you mean tools.overrides?',
  ],
  [
    'lists of what needs no approval',
    crm({ alwaysAllow: ['find'], trust: true }),
    'mcpServers.crm.alwaysAllow: is not a key known here; no call waits for an approval, remove it',
    'mcpServers.crm.trust: is not a key known here; no call waits for an approval, remove it',
  ],
  [
    'mistyped and misplaced keys of an override',
    find({ name: 'a', disabled: true, readOnlyHint: true, parameters: {}, annotations: { readOnly: true } }),
    `${FIND}.name: is not a key known here; did you mean rename?`,
    `${FIND}.disabled: is not a key known here; did you mean enabled?`,
    `${FIND}.readOnlyHint: is not a key known here; did you mean annotations.readOnlyHint?`,
    `${FIND}.parameters: is not a key known here; did you mean arguments?`,
    `${FIND}.annotations.readOnly: is not a key known here; did you mean readOnlyHint?`,
  ],
  [
    'other words for fields of an argument',
    id({ value: 1, defaults: 2, type: 'string' }),
    `${FIND}.arguments.id.value: is not a key known here; did you mean set?`,
    `${FIND}.arguments.id.defaults: is not a key known here; did you mean default?`,
    `${FIND}.arguments.id.type: is not a key known here; remove it`,
  ],
  [
    'unknown keys of toolsets and profiles',
    top({
      profiles: { phone: { extends: 'realtime', timeout: 5, name: 'p' } },
      toolsets: { phone: { tools: ['a'], profiles: 'phone' } },
    }),
    'profiles.phone.extends: is not a key known here; did you mean from?',
    'profiles.phone.timeout: is not a key known here; did you mean callTimeoutMs?',
    'profiles.phone.name: is not a key known here; remove it',
    'toolsets.phone.tools: is not a key known here; did you mean include?',
    'toolsets.phone.profiles: is not a key known here; did you mean profile?',
  ],
];

const TOOLSETS: Broken[] = [
  [
    'toolsets as a list',
    top({ toolsets: [] }),
    'toolsets: must be an object of toolsets by name, is an array',
  ],
  [
    'a toolset that is a list',
    top({ toolsets: { phone: ['find'] } }),
    'toolsets.phone: must be an object with include, exclude, profile or description, is an array',
  ],
  [
    'names that no URL can have',
    top({ toolsets: { 'a/b': {}, '': {}, ['x'.repeat(65)]: {} } }),
    'toolsets["a/b"]: is no name for a URL; use up to 64 letters, digits, _ and -',
    'toolsets[""]: is no name for a URL; use up to 64 letters, digits, _ and -',
    `toolsets["${'x'.repeat(59)}…"]: is no name for a URL; use up to 64 letters, digits, _ and -`,
  ],
  [
    'globs that let nothing through',
    top({ toolsets: { phone: { include: [] }, desk: { include: [''] } } }),
    'toolsets.phone.include: lets nothing through; name tools, or remove it',
    'toolsets.desk.include[0]: is empty; name tools, or write "*" for all',
  ],
  [
    'a mistyped profile',
    top({ toolsets: { phone: { profile: 'realtme' } } }),
    `toolsets.phone.profile: is no profile; did you mean realtime? There are ${BUILT_IN}`,
  ],
  [
    'profiles that are not there',
    top({ profile: 'constructor', profiles: { phone: {} }, toolsets: { desk: { profile: 'alexa' } } }),
    `profile: is no profile; there are ${BUILT_IN}, phone`,
    `toolsets.desk.profile: is no profile; there are ${BUILT_IN}, phone`,
  ],
];

const PROFILES: Broken[] = [
  [
    'profiles as a list',
    top({ profiles: [] }),
    'profiles: must be an object of profiles by name, is an array',
  ],
  [
    'a profile that is a name, and no further mistake where it is used',
    top({ profiles: { phone: 'realtime' }, profile: 'phone' }),
    'profiles.phone: must be an object, is a string',
  ],
  [
    'a name that no URL can have, which is no name to choose either',
    top({ profiles: { 'a b\u001b': {} }, profile: 'alexa' }),
    'profiles["a b\\u001b"]: is no name for a URL; use up to 64 letters, digits, _ and -',
    `profile: is no profile; there are ${BUILT_IN}`,
  ],
  [
    'profiles made from one that is not there, and no further mistake where they are used',
    top({ profiles: { phone: { from: 'real-tme' }, desk: { from: 'phone' } }, profile: 'phone' }),
    `profiles.phone.from: is no profile; did you mean realtime? There are ${BUILT_IN}`,
  ],
  [
    'profiles made from themselves, or in a circle',
    top({
      profiles: {
        phone: { from: 'phone' },
        entry: { from: 'desk' },
        desk: { from: 'hotline' },
        hotline: { from: 'claude' },
        claude: { from: 'desk' },
      },
    }),
    'profiles.phone.from: is this profile itself; name another',
    'profiles.claude.from: leads back to this profile; name another',
  ],
  [
    'numbers out of range',
    top({
      profiles: {
        phone: {
          maxNameChars: 19,
          maxDescriptionChars: 15,
          maxInstructionsChars: 10_000_001,
          maxResultChars: '4k',
          recommendedTools: 0,
          maxTools: 1.5,
          callTimeoutMs: 99,
        },
        desk: { maxNameChars: 65, callTimeoutMs: 86_400_001 },
      },
    }),
    'profiles.phone.maxNameChars: must be a whole number of characters from 20 to 64',
    'profiles.phone.maxDescriptionChars: must be a whole number from 16 to 10000000',
    'profiles.phone.maxInstructionsChars: must be a whole number from 16 to 10000000',
    'profiles.phone.maxResultChars: must be a whole number from 128 to 10000000, is a string',
    'profiles.phone.recommendedTools: must be a whole number from 1 to 10000000',
    'profiles.phone.maxTools: must be a whole number from 1 to 10000000',
    'profiles.phone.callTimeoutMs: must be a whole number of milliseconds from 100 to 86400000',
    'profiles.desk.maxNameChars: must be a whole number of characters from 20 to 64',
    'profiles.desk.callTimeoutMs: must be a whole number of milliseconds from 100 to 86400000',
  ],
  [
    'null for what is no optional limit',
    top({ profiles: { phone: { maxNameChars: null, callTimeoutMs: null, icons: null } } }),
    'profiles.phone.maxNameChars: must be a whole number of characters from 20 to 64, is null',
    'profiles.phone.callTimeoutMs: must be a whole number of milliseconds from 100 to 86400000, is null',
    'profiles.phone.icons: must be true or false, is null',
  ],
  [
    'choices that there are not, and lists that are none',
    top({ profiles: { phone: { framing: 'xml', results: 1, dropKeywords: '$ref', toolMeta: [null] } } }),
    'profiles.phone.framing: must be one of auto, sse, json',
    'profiles.phone.results: must be one of unchanged, text, is a number',
    'profiles.phone.dropKeywords: must be an array of strings, is a string',
    'profiles.phone.toolMeta[0]: must be a string, is null',
  ],
];

const CATALOG_FILE: Broken[] = [
  [
    'a catalogFile that is switched off with false',
    top({ catalogFile: false }),
    'catalogFile: must be a string, is a boolean; put it in double quotes',
  ],
  [
    'a catalogFile that would be written over the configuration',
    top({ catalogFile: 'data/../servers.json' }),
    'catalogFile: is this file itself; name another',
  ],
  ['a catalogFile with a NUL', top({ catalogFile: 'a\0' }), 'catalogFile: has a NUL in it; remove it'],
  [
    'a catalogFile with a variable that is not set',
    top({ catalogFile: '${DATA}/lists.json' }),
    'catalogFile: environment variable DATA is not set',
  ],
];

describe.each([
  ['priority, instructions and globs of an entry', ENTRIES],
  ['overrides', OVERRIDES],
  ['keys inside of them', KEYS],
  ['toolsets', TOOLSETS],
  ['profiles', PROFILES],
  ['catalogFile', CATALOG_FILE],
])('what is wrong with %s is said', (_, table) => {
  test.each(table)('%s', (_, content, ...messages) => {
    expect(refusal(content).split('\n').sort()).toEqual(
      messages.map((each) => `servers.json: ${each}`).sort(),
    );
  });
});

test('of many profiles, a message names some and counts the rest', () => {
  const profiles = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`own${i}`, {}]));
  expect(refusal(top({ profile: 'alexa', profiles }))).toMatch(/gemini, own0, .*, own11 and 18 more$/);
});

test.each([
  ['profiles that are not there', 'toolsets', (i: number) => ({ profile: `x${i}` })],
  ['profiles made from none', 'profiles', (i: number) => ({ from: `x${i}` })],
])('thousands of %s are judged in a time that does not grow with their square', (_, field, entry) => {
  const entries = Object.fromEntries(Array.from({ length: 8000 }, (_, i) => [`a${i}`, entry(i)]));
  const content = JSON.stringify(top({ [field]: entries }));
  const before = process.cpuUsage();
  refusal(content);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1e6).toBeLessThan(10);
});
