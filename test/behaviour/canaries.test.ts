import { join } from 'node:path';
import { Pool } from 'undici';
import { describe, expect, test } from 'vitest';
import { createControlFetch } from '../../src/downstream/connecting/control-fetch.ts';
import { Cookies } from '../../src/downstream/http/cookies.ts';
import { folderWith, runCli } from '../support/cli.ts';
import type { Answer } from '../support/downstreams/exchange.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import {
  acceptsWithoutAnswer,
  answersEmptyBody,
  answersHtml,
  answersHuge,
  answersInvalidJson,
  answersWrongId,
  cutsConnection,
  endsStreamWithoutAnswer,
  neverAnswers,
} from '../support/downstreams/wire.ts';
import { startGateway } from '../support/gateway.ts';
import { listenOnLoopback, sendJson } from '../support/http-server.ts';
import { legacyRequest, type Message, modernRequest } from '../support/messages.ts';

// What a secret looks like once somebody has got hold of it. Seven spellings of each are searched for.
const KEY = 'canary~key/with+"signs" 1';
const TOKEN = 'canary-token-of-the-caller';

const inJson = (text: string) => JSON.stringify(text).slice(1, -1);

/** Every spelling of it that is worth something to who finds it. */
function spellings(secret: string): string[] {
  const base64 = [0, 1, 2].map((before) =>
    Buffer.from(' '.repeat(before) + secret)
      .toString('base64')
      .slice(before + 1, -4),
  );
  return [secret, inJson(secret), inJson(inJson(secret)), encodeURIComponent(secret), ...base64];
}

const SPELLINGS = [KEY, TOKEN].flatMap(spellings);
const found = (text: string) => SPELLINGS.filter((spelling) => text.includes(spelling));

const basic = Buffer.from(`user:${KEY}`).toString('base64');
/** A server that says what it was told, wherever it can without answering. */
const TOLD = `${KEY} ${JSON.stringify(KEY)} ${encodeURIComponent(KEY)} ${basic} ${basic.replaceAll('+', '-').replaceAll('/', '_')}`;

const answersTold =
  (status: number, headers: Record<string, string> = {}): Answer =>
  ({ res }) => {
    const told = encodeURIComponent(KEY);
    const all = Object.entries(headers).map(([name, value]) => [name, value.replace('%', told)]);
    res.writeHead(status, { 'content-type': 'text/plain', ...Object.fromEntries(all) }).end(TOLD);
  };

/** The faults of a server in the middle of a call. */
const FAULTS: Readonly<Record<string, Answer>> = {
  accepts: acceptsWithoutAnswer,
  empty: answersEmptyBody,
  html: answersHtml,
  huge: answersHuge(1024 * 1024),
  invalid: answersInvalidJson,
  wrong_id: answersWrongId(),
  cut_early: cutsConnection('before headers'),
  cut_late: cutsConnection('in the body'),
  ends: endsStreamWithoutAnswer(),
  never: neverAnswers,
  '400': answersTold(400),
  '401': answersTold(401, { 'www-authenticate': 'Bearer realm="%"' }),
  '403': answersTold(403),
  '404': answersTold(404),
  '429': answersTold(429, { 'retry-after': '%' }),
  '500': answersTold(500),
  '503': answersTold(503, { 'retry-after': '%' }),
  type: answersTold(200, { 'content-type': 'text/%' }),
  redirect: answersTold(307, { location: 'https://%.example/%?%' }),
};

test('the search finds a secret however it is spelled', () => {
  for (const text of [
    KEY,
    JSON.stringify({ KEY }),
    JSON.stringify(JSON.stringify({ KEY })),
    `?a=${encodeURIComponent(KEY)}`,
    TOLD,
    TOKEN,
    btoa(TOKEN),
  ]) {
    expect([text, found(text).length]).not.toEqual([text, 0]);
  }
  expect(found(basic)).not.toEqual([]);
});

describe('a secret of the file, or the token, is in nothing that leaves the gateway', () => {
  test.each(['modern', 'legacy'] as const)(
    'whatever a %s server does with it',
    async (era) => {
      const tools = [...Object.keys(FAULTS), `named ${KEY}`].map((name) => ({
        name,
        // Of two servers: it is a note that quotes them.
        inputSchema: { type: 'object', properties: { [`a${'\u202e'}`]: { description: KEY } } },
      }));
      const plain = Object.keys(FAULTS).map((name) => ({ name, inputSchema: { type: 'object' } }));
      await using crm = await plainServer({
        era,
        tools: plain,
        answers: Object.fromEntries(
          Object.entries(FAULTS).map(([name, answer]) => [`tools/call ${name}`, answer]),
        ),
      });
      await using odd = await plainServer({ era, tools });
      await using down = await plainServer({
        era,
        answers: { 'server/discover': answersTold(500), initialize: answersTold(500) },
      });
      const says = `process.stderr.write(process.env.KEY + '\\n' + Buffer.from('u:' + process.env.KEY).toString('base64') + '\\nError: ' + process.env.KEY); process.exit(1)`;
      const headers = { 'X-API-KEY': '${KEY}', 'X-Basic': 'Basic ${KEY}' };
      await using gateway = await startGateway(
        {
          mcpServers: {
            crm: crm.entry({ headers, callTimeoutMs: 1000 }),
            odd: odd.entry({ headers }),
            down: down.entry({ headers }),
            dead: { command: process.execPath, args: ['-e', says], env: { KEY: '${KEY}' } },
          },
          // Every call reaches the server, however many have failed; and a result that is too large is told of, not cut.
          limits: { breakerFailures: 0, maxResultBytes: 128 * 1024 },
          audit: { values: true },
        },
        { env: { KEY }, token: TOKEN, logLevel: 'trace' },
      );
      const said: string[] = [];
      for (const request of [modernRequest, legacyRequest]) {
        for (const fault of Object.keys(FAULTS)) {
          const params = { name: `crm__${fault}`, arguments: { told: TOLD, token: TOKEN } };
          const reply = await gateway.post(...request('tools/call', params));
          said.push(reply.text, JSON.stringify(reply.headers));
          expect(reply.messages.at(-1)?.result?.isError).toBe(true);
        }
        said.push((await gateway.post(...request('tools/call', { name: 'dead__x', arguments: {} }))).text);
      }
      const heard = crm.requests.map(({ body }) => body as Message | undefined);
      const calls = heard.flatMap((each) => (each?.method === 'tools/call' ? [each.params.name] : []));
      expect(calls.sort()).toEqual(
        Object.keys(FAULTS)
          .flatMap((fault) => [fault, fault])
          .sort(),
      );
      for (const path of ['/status', '/metrics', '/nothing', '/mcp/nothing']) {
        const reply = await gateway.send(path, {
          method: 'GET',
          headers: { authorization: `Bearer ${TOKEN}` },
        });
        said.push(reply.text, JSON.stringify(reply.headers));
      }
      for (const authorization of ['Bearer wrong', `Basic ${btoa(`:${TOKEN}`)}`]) {
        said.push((await gateway.send('/status', { method: 'GET', headers: { authorization } })).text);
      }
      await gateway.gateway.close();
      said.push(JSON.stringify(gateway.gateway.status()), ...gateway.logs);
      expect(said.length).toBeGreaterThan(150);
      expect(said.flatMap(found)).toEqual([]);
      // It was there to be said.
      expect(gateway.logs.join()).toContain('[secret]');
    },
    120_000,
  );

  test('nor in what the commands print', async () => {
    await using crm = await plainServer({
      era: 'modern',
      tools: [{ name: 'echo', description: `Says ${TOLD}`, inputSchema: { type: 'object' } }],
      answers: {
        'tools/call echo': (given) =>
          given.result({ resultType: 'complete', content: [{ type: 'text', text: TOLD }] }),
      },
    });
    const says = `process.stderr.write('Error: ' + process.env.KEY); process.exit(1)`;
    await using folder = await folderWith({
      'servers.json': {
        mcpServers: {
          crm: crm.entry({ headers: { 'X-API-KEY': '${KEY}' } }),
          dead: { command: process.execPath, args: ['-e', says], env: { KEY: '${KEY}' } },
        },
      },
    });
    for (const args of [
      ['check'],
      ['tools'],
      ['tools', '--json'],
      ['tools', '--for', 'claude'],
      ['call', 'crm__echo'],
    ]) {
      await using child = runCli(args, { cwd: folder.path, env: { KEY, LOG_LEVEL: 'trace' } });
      await child.exit;
      expect(child.stdout).not.toBe('');
      expect(found(child.stdout + child.stderr)).toEqual([]);
    }
  });
});

test('nor is a key that an entry has as it is in the env of its command, as entries of other clients do', async () => {
  const env = { CRM_API_KEY: KEY, MODE: 'production', GIT_AUTHOR_NAME: 'octocat' };
  const says = `process.stderr.write('Error: in ' + process.env.MODE + ' octocat has no such key: ' + process.env.CRM_API_KEY + '\\n'); process.exit(1)`;
  await using gateway = await startGateway(
    { mcpServers: { crm: { command: process.execPath, args: ['-e', says], env } } },
    { logLevel: 'trace' },
  );
  const details = gateway.logs.map((line) => JSON.parse(line).detail);
  expect(details).toContain('Error: in production octocat has no such key: [secret]');
  expect(found(gateway.logs.join())).toEqual([]);
});

test('nor is a part of it, where what they print is cut or broken into lines', async () => {
  const SECRET = 'Zk39pQw7m2XtL8ra'.repeat(4);
  const tool = (description: string) => ({ name: 'echo', description, inputSchema: { type: 'object' } });
  let tools = [tool('Says nothing.')];
  await using crm = await plainServer({ era: 'modern', page: () => ({ tools }) as never });
  const servers = {
    mcpServers: { crm: crm.entry({ headers: { 'X-API-KEY': '${KEY}' }, definitionChanges: 'block' }) },
    profiles: { short: { from: 'claude', maxDescriptionChars: 100 } },
  };
  await using folder = await folderWith({ 'servers.json': servers });
  const kept = {
    env: { KEY: SECRET },
    catalogFile: join(folder.path, 'servers.catalog.json'),
    echoesSecrets: true,
  };
  await (await startGateway(servers, kept))[Symbol.asyncDispose]();
  tools = [tool(`${'It says. '.repeat(6)}${SECRET}`)];
  await (await startGateway(servers, kept))[Symbol.asyncDispose]();
  for (const [args, shows] of [
    [['approve', '--list'], '[secret]'],
    [['approve'], 'approved'],
    [['tools'], '[secret]…'],
    [['tools', '--json'], '[secret]'],
    [['tools', '--json', '--for', 'short'], '[secret]…'],
  ] as const) {
    await using child = runCli(args, { cwd: folder.path, env: { KEY: SECRET } });
    await child.exit;
    expect(child.stdout).toContain(shows);
    expect(child.stdout + child.stderr).not.toMatch(/Zk39|L8ra/);
  }
});

describe('configured headers do not leave their origin', () => {
  const STATUSES = [301, 302, 303, 307, 308];

  test.each(STATUSES)(
    'by a %i, to wherever it leads, at connect or in a call',
    async (status) => {
      await using evil = await listenOnLoopback((_recorded, _req, res) => sendJson(res, 200, {}));
      const port = new URL(evil.origin).port;
      for (const location of [
        `${evil.origin}/mcp`,
        `http://localhost:${port}/mcp`,
        `//127.0.0.1:${port}/mcp`,
        `https://127.0.0.1:${port}/mcp`,
        `\\\\127.0.0.1:${port}/mcp`,
        'file:///etc/passwd',
        'data:application/json,{}',
      ]) {
        const redirects: Answer = ({ res }) => res.writeHead(status, { location }).end();
        const headers = { 'X-API-KEY': KEY, Authorization: `Bearer ${KEY}` };
        await using atConnect = await plainServer({
          era: 'modern',
          answers: { 'server/discover': redirects, initialize: redirects },
        });
        await using inCall = await plainServer({ era: 'modern', answers: { 'tools/call echo': redirects } });
        await using gateway = await startGateway({
          mcpServers: { connect: atConnect.entry({ headers }), call: inCall.entry({ headers }) },
        });
        expect(gateway.gateway.status().downstreams.connect?.state).toBe('down');
        const reply = await gateway.post(
          ...modernRequest('tools/call', { name: 'call__echo', arguments: {} }),
        );
        expect(reply.json.result.isError).toBe(true);
        expect(found(reply.text + gateway.logs.join())).toEqual([]);
      }
      expect(evil.requests).toEqual([]);
    },
    60_000,
  );

  test('from https to http, though it is the same host and port', async () => {
    const pool = new Pool('https://127.0.0.1:1');
    const fetch = createControlFetch(
      pool,
      'https://127.0.0.1:1',
      { maxResultBytes: 1024, maxEventBytes: 1024, maxNoticesPerSecond: 1000 },
      new Cookies(),
      () => {},
      () => {},
    );
    await expect(fetch('http://127.0.0.1:1/mcp', { headers: { 'X-API-KEY': KEY } })).rejects.toThrow(
      'origin',
    );
    await pool.destroy();
  });

  test('by a 401 that names a metadata document elsewhere', async () => {
    await using evil = await listenOnLoopback((_recorded, _req, res) =>
      sendJson(res, 200, { resource: 'x', authorization_servers: [evil.origin] }),
    );
    const challenges: Answer = ({ res }) =>
      res
        .writeHead(401, {
          'www-authenticate': `Bearer resource_metadata="${evil.origin}/.well-known/oauth-protected-resource"`,
        })
        .end();
    for (const era of ['modern', 'legacy'] as const) {
      await using atConnect = await plainServer({
        era,
        answers: { 'server/discover': challenges, initialize: challenges },
      });
      await using inCall = await plainServer({ era, answers: { 'tools/call echo': challenges } });
      const headers = { 'X-API-KEY': KEY };
      await using gateway = await startGateway({
        mcpServers: { connect: atConnect.entry({ headers }), call: inCall.entry({ headers }) },
      });
      expect(gateway.gateway.status().downstreams.connect?.why).toContain('HTTP 401');
      await gateway.post(...modernRequest('tools/call', { name: 'call__echo', arguments: {} }));
    }
    expect(evil.requests).toEqual([]);
  });
});
