import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConfigError } from '../../../src/config/config-error.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { directoryWith, load } from './config-file.ts';

const url = 'https://crm.example.com/mcp';

test('every header value is a secret, and the credential behind a scheme by itself', () => {
  const { secrets } = load({
    mcpServers: {
      a: { url, authorization: 'plain-token', headers: { 'X-Tenant-ID': 'acme', 'X-Empty': '' } },
      b: { url, headers: [{ name: 'X-Auth', value: 'ApiKey key-of-b' }] },
    },
  });
  expect(new Set(secrets)).toEqual(
    new Set(['Bearer plain-token', 'plain-token', 'acme', 'ApiKey key-of-b', 'key-of-b']),
  );
});

test('what was filled in is a secret wherever it stands', () => {
  const { secrets } = load(
    {
      mcpServers: {
        a: { url: 'https://a.example/${IN_URL}', headers: { A: 'x ${IN_HEADER} y' } },
        b: { command: 'x', args: ['--token=${IN_ARGS}'], env: { T: '${file:token}' } },
      },
    },
    { IN_URL: 'in-the-url', IN_HEADER: 'in-a-header', IN_ARGS: 'in-the-args' },
    { token: 'in-a-file\n' },
  );
  expect(new Set(secrets)).toEqual(
    new Set(['in-the-url', 'in-a-header', 'x in-a-header y', 'in-the-args', 'in-a-file']),
  );
});

test('what was filled in for an argument is a secret, however deep it stands', () => {
  const { secrets } = load(
    {
      mcpServers: {
        a: {
          url,
          tools: {
            overrides: {
              find: {
                arguments: {
                  key: { set: { deep: ['${IN_SET}', 'plain text'] } },
                  id: { default: 'x ${IN_DEFAULT}' },
                },
              },
            },
          },
        },
      },
      catalogFile: '${IN_PATH}/lists.json',
    },
    { IN_SET: 'in-the-set', IN_DEFAULT: 'in-the-default', IN_PATH: 'in-the-path' },
  );
  expect(new Set(secrets)).toEqual(new Set(['in-the-set', 'in-the-default', 'in-the-path']));
});

const core = fc.string({ unit: fc.constantFrom('Q', 'Z', 'X', 'J'), minLength: 8, maxLength: 20 });

/**
 * Letters that no message is made of; around them, whatever may break the reading of a value. The hyphen keeps them
 * from being the name of a variable, which a message may tell.
 */
const secret = fc
  .tuple(
    fc.constantFrom(
      '',
      ' ',
      '\n',
      '\0',
      '${',
      '"',
      '\u{20ac}',
      'https://',
      'https://u:',
      'Bearer ',
      '#',
      '://',
    ),
    fc.tuple(core, core).map((parts) => parts.join('-')),
    fc.constantFrom('', ' ', '\r\n', '\x7f', '}', '@host', '\u{1f600}', '%', ':99999999', ',', '#'),
  )
  .map(([before, core, after]) => ({ core, text: before + core + after }));

const written = fc.constantFrom(
  (text: string) => text,
  () => '${SECRET}',
  () => 'Bearer ${env:SECRET}',
  () => '${file:secret}',
  (text: string) => `\${NOT_SET:-${text}}`,
  (text: string) => `\${ ${text} }`,
  (text: string) => `\${input:${text}}`,
  (text: string) => `\${${text}`,
  (text: string) => `\${NOT_SET}${text}`,
);

const places = fc.constantFrom<(value: string) => unknown>(
  (value) => ({ url: value }),
  (value) => ({ url: `https://x.example/${value}`, type: 'stdio' }),
  (value) => ({ url, headers: { 'X-API-KEY': value, Host: value } }),
  (value) => ({
    url,
    headers: [
      { name: 'X-API-KEY', value },
      { name: 'X-API-KEY', value },
    ],
  }),
  (value) => ({ url, headers: value, custom_headers: [value] }),
  (value) => ({ url, authorization: value, custom_headers: { Authorization: value } }),
  (value) => ({ url, token: value, type: value, prefix: value, callTimeoutMs: value, disabled: value }),
  (value) => ({ command: value, args: [value], env: { TOKEN: value, 'A=B': value }, cwd: value }),
  (value) => ({ command: 'x', args: value, env: [value], description: value, authorization: value }),
  (value) => ({
    url,
    tools: { overrides: { a: { arguments: { b: { set: value, default: [{ c: value }] } } } } },
  }),
  (value) => ({
    url,
    tools: { include: [value], exclude: value, overrides: { a: { rename: value, title: value } } },
  }),
  (value) => ({ url, tools: { overrides: { a: { rename: value }, b: { rename: value, enabled: value } } } }),
  (value) => ({ url, tools: value, priority: value, passInstructions: value, allowedTools: value }),
  (value) => value,
);

test('no message about a configuration holds any part of a secret', () => {
  const directory = directoryWith({});
  const path = join(directory, 'servers.json');
  const property = fc.property(secret, written, places, fc.option(fc.nat(400)), (it, write, place, cut) => {
    const servers = { it: place(write(it.text)), broken: {} };
    const text = JSON.stringify({
      mcpServers: servers,
      limits: { maxRequestBytes: it.text },
      toolsets: { a: { profile: write(it.text), include: it.text } },
      profiles: { b: { from: it.text, framing: it.text, maxTools: it.text } },
      profile: it.text,
      catalogFile: write(it.text),
    });
    writeFileSync(join(directory, 'secret'), it.text);
    writeFileSync(path, cut === null ? text : text.slice(0, cut));
    const message = refusedBecause(path, { SECRET: it.text });
    const parts = Array.from({ length: it.core.length - 5 }, (_, at) => it.core.slice(at, at + 6));
    expect(parts.filter((part) => message.includes(part))).toEqual([]);
  });
  fc.assert(property, { numRuns: 300 });
});

test('whatever a file holds, it is accepted or refused as a configuration', () => {
  const path = join(directoryWith({}), 'servers.json');
  const key = fc.oneof(
    fc.constantFrom('mcpServers', 'limits', 'url', 'headers', 'name', 'value', 'env', 'args', 'prefix'),
    fc.constantFrom('__proto__', 'constructor', 'authorization', 'disabled', 'command', 'allowedHosts'),
    fc.string({ maxLength: 5 }),
  );
  const plain = fc.oneof(
    fc.string(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.constant('https://a/b'),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 6 }, plain, fc.array(tie('value'), { maxLength: 3 }), tie('object')),
    object: fc.array(fc.tuple(key, tie('value')), { maxLength: 5 }).map((pairs) => ({ pairs })),
  }));
  const file = fc.oneof(
    value,
    value.map((servers) => ({ pairs: [['mcpServers', { pairs: [['crm', servers]] }]] })),
  );
  fc.assert(
    fc.property(file, (content) => {
      writeFileSync(path, toJson(content));
      refusedBecause(path, {});
    }),
    { numRuns: 300 },
  );
});

function refusedBecause(path: string, env: Record<string, string>): string {
  try {
    loadConfig({ path, env });
    return '';
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message;
  }
}

/** Written by hand, because JSON.stringify can write neither a key twice nor `__proto__`. */
function toJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const { pairs } = value as { pairs: [string, unknown][] };
  return `{${pairs.map(([key, item]) => `${JSON.stringify(key)}:${toJson(item)}`).join(',')}}`;
}
