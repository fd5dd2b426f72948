// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${NAME} is what servers.json says, not a forgotten template.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import * as errors from '../../src/errors.ts';
import { formatBytes } from '../../src/format-bytes.ts';
import { folderWith, runCli } from '../support/cli.ts';
import { readMarkdown, root } from './markdown.ts';

const readme = readMarkdown('README.md');
const schema = JSON.parse(readFileSync(join(root, 'servers.schema.json'), 'utf8'));

test('the tables of keys have the keys, defaults and units of servers.schema.json', () => {
  const tables = readme.tables('Key', 'Default', 'Meaning', 'Unit');
  const { server } = schema.definitions;
  const { toolsets, profiles, audit, limits } = schema.properties;
  const { tools, prompts } = server.properties;
  const override = tools.properties.overrides.additionalProperties;
  const argument = override.properties.arguments.additionalProperties;
  const levels = [
    ...[schema, server, tools, prompts, override, argument],
    ...[toolsets.additionalProperties, profiles.additionalProperties, audit, limits],
  ];
  expect(tables.length).toBe(levels.length);
  for (const [level, { properties }] of levels.entries()) {
    const rows = tables[level]?.rows ?? [];
    expect(rows.map(([key]) => key)).toEqual(Object.keys(properties));
    for (const [key = '', fallback, , unit] of rows) {
      const { default: real, description } = properties[key];
      const realUnit = /\b[Ii]n (bytes|milliseconds);/.exec(description)?.[1] ?? '';
      // Where the schema has no default for programs, README has words.
      expect([key, fallback, unit]).toEqual([
        key,
        real === undefined ? expect.stringMatching(/^[a-z]/) : JSON.stringify(real),
        realUnit,
      ]);
    }
  }
});

test('the table of environment variables has those that the code reads', () => {
  const [table] = readme.tables('Variable', 'Default', 'Meaning');
  const read = sources().flatMap((text) => [...text.matchAll(/\benv(?:\.|\[['"])([A-Z][A-Z_]+)/g)]);
  const names = new Set(read.map(([, name]) => name));
  expect(table?.rows.map(([name]) => name).sort()).toEqual([...names].sort());
  const example = readMarkdown('.env.example').text;
  expect([...names].filter((name) => !example.includes(`\n# ${name}=`))).toEqual([]);
  const [, , levels = ''] = table?.rows.find(([name]) => name === 'LOG_LEVEL') ?? [];
  const told = [...levels.slice(0, levels.indexOf(';')).matchAll(/`(\w+)`/g)].map(([, level]) => level);
  expect(/says \(([^)]+)\)/.exec(example)?.[1]?.split(/,[\s#]+/)).toEqual(told);
});

test('the table of commands has the commands, and every option is mentioned', async () => {
  const [table] = readme.tables('Command', 'Does', 'Exits with 1 when');
  const commands = (await help([])).flatMap((line) => /^ {2}([a-z]+) /.exec(line)?.[1] ?? []);
  const ours = commands.filter((name) => name !== 'help');
  expect(table?.rows.map(([name]) => name)).toEqual(ours);
  const options = await Promise.all(ours.map((name) => help([name])));
  const named = options.flat().flatMap((line) => /(--[a-z]+)/.exec(line)?.[1] ?? []);
  expect(named.filter((option) => option !== '--help' && !readme.text.includes(option))).toEqual([]);
});

/** One of each failure, with the values that the table has. */
const FAILURES = {
  unavailable: [errors.unavailable('crm', 'connection refused')],
  busy: [errors.busy('crm', 64, 64)],
  busyUntilDeadline: [errors.busyUntilDeadline('crm', 50_000)],
  circuitOpen: [errors.circuitOpen('crm', 5, 30), errors.circuitOpen('crm', 6, undefined)],
  sessionLost: [errors.sessionLost('crm')],
  cutOff: [errors.cutOff('crm')],
  drained: [errors.drained('crm')],
  lostWithProcess: [errors.lostWithProcess('crm')],
  noAnswer: [errors.noAnswer('crm', 'HTTP 202')],
  notMcp: [errors.notMcp('crm', 'text/html')],
  failedStatus: [
    errors.failedStatus('crm', 404),
    errors.failedStatus('crm', 400),
    errors.failedStatus('crm', 500),
  ],
  deadlinePassed: [errors.deadlinePassed('crm', 'crm_find_customer', 50_000)],
  wentSilent: [errors.wentSilent('crm', 'crm_find_customer', 50_000)],
  ranBefore: [errors.ranBefore('crm', 'crm_find_customer')],
  tooLarge: [errors.tooLarge('crm', 8 * 1024 * 1024, 'maxResultBytes')],
  credentialsRefused: [errors.credentialsRefused('crm', 401)],
  rateLimited: [errors.rateLimited('crm', 30)],
  doesNotRead: [errors.doesNotRead('crm', 1024 * 1024)],
  redirected: [errors.redirected('crm', 307, 'https://other.example.com')],
  headersRejected: [errors.headersRejected('crm')],
  asksForInput: [errors.asksForInput('crm')],
  opensNoAddress: [errors.opensNoAddress('crm')],
  declinedAddress: [errors.declinedAddress('crm')],
  noLongerWaits: [errors.noLongerWaits('crm')],
  notAnswered: [errors.notAnswered('crm', 600_000)],
};

test('the table of failures has every failure, word for word, with its reason', () => {
  const makers = Object.entries(errors).filter(
    ([, value]) => typeof value === 'function' && /=>\s*new DownstreamFailure\(/.test(String(value)),
  );
  expect(Object.keys(FAILURES).sort()).toEqual(makers.map(([name]) => name).sort());
  const [table] = readme.tables('What happened', 'Reason', 'What the caller hears');
  expect(table?.rows.map(([, reason, sentence]) => [reason, sentence])).toEqual(
    Object.values(FAILURES).flatMap((failures) => failures.map(({ reason, message }) => [reason, message])),
  );
});

test('the deadline and the size in the table of failures are the defaults', async () => {
  await using folder = await folderWith({ 'servers.json': { mcpServers: { crm: { command: 'crm' } } } });
  const { limits, profiles } = loadConfig({ path: join(folder.path, 'servers.json'), env: {} });
  expect(FAILURES.deadlinePassed[0]?.message).toContain(`${profiles.get('generic')?.callTimeoutMs} ms`);
  expect(FAILURES.tooLarge[0]?.message).toContain(formatBytes(limits.maxResultBytes));
});

test('the table of ${...} has what is filled in', async () => {
  const expand = async (value: string, env: Record<string, string>) => {
    const servers = {
      mcpServers: { crm: { url: 'https://crm.example.com/mcp', headers: { 'X-Key': value } } },
    };
    await using folder = await folderWith({ 'servers.json': servers, PATH: 'from the file\n' });
    const [crm] = loadConfig({ path: join(folder.path, 'servers.json'), env }).downstreams;
    return crm?.kind === 'http' ? crm.headers[0]?.[1] : undefined;
  };
  const [table] = readme.tables('In a value', 'becomes');
  const forms = table?.rows.map(([form = '']) => form) ?? [];
  expect(forms).toEqual(['${NAME}', '${NAME:-fallback}', '${env:NAME}', '${file:PATH}', '$${']);
  const filledIn = async (env: Record<string, string>) =>
    Promise.all(forms.map((form) => expand(form, env).catch((error: Error) => error.name)));
  expect(await filledIn({ NAME: 'value' })).toEqual(['value', 'value', 'value', 'from the file', '${']);
  expect(await filledIn({})).toEqual(['ConfigError', 'fallback', 'ConfigError', 'from the file', '${']);
});

async function help(args: string[]): Promise<string[]> {
  await using child = runCli([...args, '--help']);
  await child.exit;
  return child.stdout.split('\n');
}

function sources(): string[] {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(root, 'src', file), 'utf8'));
}
