import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { directoryWith, type Files, load, refusal } from './config-file.ts';

const url = 'https://crm.example.com/mcp';
const env = { KEY: 'k-123', EMPTY: '', TRICKY: '${KEY} $& $1 $$', _a1: 'lower' };

/** What becomes of a text in the file; an argument may hold anything. */
function expanded(text: string, files: Files = {}): unknown {
  const { downstreams } = load({ mcpServers: { it: { command: 'x', args: [text] } } }, env, files);
  return downstreams[0]?.kind === 'stdio' ? downstreams[0].args[0] : undefined;
}

test.each([
  ['${KEY}', 'k-123'],
  ['${env:KEY}', 'k-123'],
  ['a${KEY}b${env:KEY}c', 'ak-123bk-123c'],
  ['${_a1}', 'lower'],
  ['${KEY:-fallback}', 'k-123'],
  ['${NOT_SET:-fallback}', 'fallback'],
  ['${env:NOT_SET:-fallback}', 'fallback'],
  ['${NOT_SET:-}', ''],
  ['${NOT_SET:-http://a:-b/$c}', 'http://a:-b/$c'],
  ['${NOT_SET:-two\nlines}', 'two\nlines'],
  ['${EMPTY:-fallback}', 'fallback'],
  ['[${EMPTY}]', '[]'],
  ['$${KEY}', '${KEY}'],
  ['$${', '${'],
  ['$$${KEY}', '$${KEY}'],
  ['$KEY $ { } $5 $$', '$KEY $ { } $5 $$'],
])('%j becomes %j', (text, expected) => {
  expect(expanded(text)).toBe(expected);
});

test('a filled-in value is not searched for more to fill in', () => {
  expect(expanded('${TRICKY}')).toBe('${KEY} $& $1 $$');
  expect(expanded('${file:secret}', { secret: '${KEY}' })).toBe('${KEY}');
});

test.each([
  ['secret', 'secret'],
  ['secret\n', 'secret'],
  ['secret\r\n', 'secret'],
  ['secret\n\n', 'secret\n'],
  ['secret\r', 'secret\r'],
  [' two\nlines ', ' two\nlines '],
  ['\ufeffsecret', 'secret'],
  ['', ''],
])('a file that holds %j stands for %j', (content, expected) => {
  expect(expanded('${file:secret}', { secret: content })).toBe(expected);
});

test('a path is relative to the configuration file, or absolute', () => {
  const directory = directoryWith({});
  const secrets = directoryWith({ token: 'absolute' });
  mkdirSync(join(directory, 'conf'));
  writeFileSync(join(directory, 'token'), 'relative');
  const path = join(directory, 'conf', 'servers.json');
  const headers = { A: '${file:../token}', B: `\${file:${join(secrets, 'token')}}` };
  writeFileSync(path, JSON.stringify({ mcpServers: { crm: { url, headers } } }));
  expect(loadConfig({ path, env: {} }).downstreams).toMatchObject([
    {
      headers: [
        ['A', 'relative'],
        ['B', 'absolute'],
      ],
    },
  ]);
});

test('every text of an entry is filled in', () => {
  const v = '${KEY}';
  const { downstreams } = load(
    {
      mcpServers: {
        http: {
          url: `https://${v}.example/mcp`,
          headers: [{ name: 'A', value: v }],
          authorization: v,
          custom_headers: { B: v },
          prefix: v,
          description: v,
          tools: {
            overrides: {
              find: {
                ...{ rename: v, title: v, description: v, annotations: { title: v } },
                arguments: { a: { rename: v, description: v, default: v }, b: { set: [v] } },
              },
            },
          },
        },
        stdio: { command: v, args: [v], env: { A: v }, cwd: `/${v}` },
      },
    },
    env,
  );
  expect(downstreams).toMatchObject([
    {
      url: 'https://k-123.example/mcp',
      headers: [
        ['A', 'k-123'],
        ['Authorization', 'Bearer k-123'],
        ['B', 'k-123'],
      ],
      prefix: 'k-123',
      description: 'k-123',
      tools: {
        overrides: new Map([
          [
            'find',
            {
              ...{ rename: 'k-123', title: 'k-123', description: 'k-123', annotations: { title: 'k-123' } },
              arguments: new Map<string, unknown>([
                ['a', { rename: 'k-123', description: 'k-123', default: 'k-123' }],
                ['b', { set: ['k-123'] }],
              ]),
            },
          ],
        ]),
      },
    },
    { command: 'k-123', args: ['k-123'], env: { A: 'k-123' }, cwd: '/k-123' },
  ]);
});

const UNKNOWN =
  'this ${...} is not known here; write ${NAME}, ${NAME:-fallback}, ${env:NAME} or ${file:PATH}, or $${ for a plain ${';

test.each([
  ['${CRM_API_KEY}', 'environment variable CRM_API_KEY is not set'],
  ['${env:CRM_API_KEY}', 'environment variable CRM_API_KEY is not set'],
  ['${constructor}', 'environment variable constructor is not set'],
  ['${EMPTY}', 'environment variable EMPTY is empty'],
  ['Bearer ${EMPTY}', 'environment variable EMPTY is empty'],
  ['${file:nothing}', 'file nothing does not exist'],
  ['${file:empty}', 'file empty is empty'],
  ['${file:newline}', 'file newline is empty'],
  ['${file:twice}', 'has a line break at character 7; remove it'],
  ['${file:binary}', 'file binary is not UTF-8 text'],
  ['${file:big}', 'file big is larger than 64 KiB'],
  ['${file:/dev/zero}', 'file /dev/zero is not a regular file'],
  ['${file:/dev/null/x}', 'file /dev/null/x does not exist'],
  ['${KEY', 'a ${ is not closed; add }, or write $${ for a plain ${'],
  ['${A:-${KEY}}', 'a ${ stands inside another one; use one variable for the whole'],
  ['${input:key}', 'nobody can be asked here; use an environment variable, ${NAME}, instead of ${input:...}'],
  ['${userHome}', UNKNOWN],
  ['${}', UNKNOWN],
  ['${file:}', UNKNOWN],
  ['${ KEY }', UNKNOWN],
  ['${KEY:?required}', UNKNOWN],
  ['${secret:KEY}', UNKNOWN],
  ['${1KEY}', UNKNOWN],
])('a header of %j is refused', (value, message) => {
  const files = {
    empty: '',
    newline: '\n',
    twice: 'secret\n\n',
    binary: Buffer.from([0xff, 0xfe]),
    big: 'x'.repeat(64 * 1024 + 1),
  };
  expect(refusal({ mcpServers: { crm: { url, headers: { 'X-API-KEY': value } } } }, env, files)).toBe(
    `servers.json: mcpServers.crm.headers.X-API-KEY: ${message}`,
  );
});

test('an unset variable is named once for a place, and at every place', () => {
  const entry = { url: 'https://${HOST}/${HOST}', headers: { A: '${HOST}' } };
  expect(refusal({ mcpServers: { crm: entry } })).toBe(
    'servers.json: mcpServers.crm.url: environment variable HOST is not set\n' +
      'servers.json: mcpServers.crm.headers.A: environment variable HOST is not set',
  );
});

test("an editor's variable that is set in the environment is a variable like any other", () => {
  const { downstreams } = load(
    { mcpServers: { crm: { url, description: '${workspaceFolder}' } } },
    {
      workspaceFolder: '/w',
    },
  );
  expect(downstreams).toMatchObject([{ description: '/w' }]);
});
