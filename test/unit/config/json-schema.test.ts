import { readFileSync } from 'node:fs';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/client/validators/ajv';
import { expect, test } from 'vitest';
import { jsonSchema } from '../../../src/config/schema.ts';
import { load } from './config-file.ts';

const schema = JSON.parse(JSON.stringify(jsonSchema()));
const url = 'https://crm.example.com/mcp';
const isValid = (content: unknown) => new AjvJsonSchemaValidator().getValidator(schema)(content).valid;

test('servers.schema.json is what the schema in the code says (npm run schema writes it)', () => {
  const committed = new URL('../../../servers.schema.json', import.meta.url);
  expect(JSON.parse(readFileSync(committed, 'utf8'))).toEqual(schema);
});

test.each([
  ['mcpServers', { $schema: './servers.schema.json', mcpServers: { crm: { url } } }],
  ['servers, with a type', { servers: { crm: { type: 'http', url } } }],
  ['serverUrl', { mcpServers: { crm: { serverUrl: url, type: 'streamable-http' } } }],
  ['httpUrl', { mcpServers: { crm: { httpUrl: url, type: 'streamableHttp' } } }],
  ['sse', { mcpServers: { crm: { type: 'sse', url } } }],
  ['headers as an object', { mcpServers: { crm: { url, headers: { 'X-API-KEY': '${KEY:-k}' } } } }],
  ['headers as an array', { mcpServers: { crm: { url, headers: [{ name: 'X-API-KEY', value: 'k' }] } } }],
  [
    'authorization and custom_headers',
    { mcpServers: { crm: { url, authorization: 'Basic eA==', custom_headers: { 'X-A': '1' } } } },
  ],
  [
    'custom_headers as an array, with headers',
    { mcpServers: { crm: { url, headers: {}, custom_headers: [{ name: 'X-A', value: '1' }] } } },
  ],
  [
    'a command',
    { mcpServers: { files: { type: 'stdio', command: 'npx', args: ['-y'], env: { A: 'b' }, cwd: 'data' } } },
  ],
  [
    'a disabled entry',
    { mcpServers: { crm: { disabled: true }, files: { command: 'npx', disabled: false } } },
  ],
  [
    'every other field',
    {
      mcpServers: { 'my server': { url, prefix: '', description: 'Customers', callTimeoutMs: 100 } },
      allowedHosts: ['gw.example.com'],
      limits: { maxRequestBytes: 1024, maxResultBytes: 268_435_456 },
    },
  ],
  [
    'tools, toolsets and profiles',
    {
      mcpServers: {
        crm: {
          url,
          priority: 5,
          passInstructions: true,
          tools: {
            include: ['find_*'],
            exclude: ['*_all'],
            overrides: {
              find: {
                enabled: true,
                rename: 'search',
                annotations: { readOnlyHint: true },
                arguments: { tenant: { set: { id: [1, null] } }, id: { default: 5, rename: 'number' } },
              },
            },
          },
        },
      },
      toolsets: { reception: { include: ['crm__*'], profile: 'phone', description: 'Phone' } },
      profile: 'phone',
      profiles: { phone: { from: 'realtime', maxResultChars: null, framing: 'json', toolMeta: [] } },
      catalogFile: '',
    },
  ],
])('an editor finds no fault with what the gateway accepts: %s', (_, content) => {
  load(content);
  expect(isValid(content)).toBe(true);
});

test.each([
  ['both top keys', { mcpServers: { crm: { url } }, servers: { crm: { url } } }],
  ['no top key', {}],
  ['an unknown key', { mcpServers: { crm: { url, header: {} } } }],
  ['an entry that is neither', { mcpServers: { crm: { headers: {} } } }],
  ['a number as a header', { mcpServers: { crm: { url, headers: { 'X-A': 1 } } } }],
  ['a header without value', { mcpServers: { crm: { url, headers: [{ name: 'X-A' }] } } }],
  ['a timeout in seconds', { mcpServers: { crm: { url, callTimeoutMs: 50 } } }],
  ['a tool outside of overrides', { mcpServers: { crm: { url, tools: { find: { enabled: false } } } } }],
  ['a limit below its bounds', { mcpServers: { crm: { url } }, profiles: { phone: { maxResultChars: 1 } } }],
])('an editor marks %s', (_, content) => {
  expect(isValid(content)).toBe(false);
});

test('every property tells in one line what it is and what its default is', () => {
  const properties = listProperties(schema);
  expect(properties.length).toBeGreaterThan(20);
  for (const [name, { description }] of properties) {
    expect(description, name).toMatch(/^[^\n]{10,200}$/);
    if (name !== 'name' && name !== 'value') expect(description, name).toMatch(/default/i);
  }
});

type Property = { description?: string };

function listProperties(schema: unknown): [string, Property][] {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = 'properties' in schema && 'type' in schema ? Object.entries(schema.properties as object) : [];
  return [...own, ...Object.values(schema).flatMap(listProperties)];
}
