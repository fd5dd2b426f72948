import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { describe, expect, test } from 'vitest';
import { modernServer } from '../support/downstreams/modern.ts';
import { startGateway } from '../support/gateway.ts';
import { legacyRequest, modernRequest } from '../support/messages.ts';

const token = 'T0ken-of-the-caller_1234567890';
const withToken = () =>
  startGateway({ mcpServers: { none: { url: 'http://127.0.0.1:1/mcp' } } }, { token, settle: false });

test.each([
  ['Bearer T', { authorization: `Bearer ${token}` }],
  ['bearer T', { authorization: `bearer ${token}` }],
  ['Bearer Bearer T', { authorization: `Bearer Bearer ${token}` }],
  ['bare T', { authorization: token }],
  ['X-API-Key', { authorization: undefined, 'x-api-key': token }],
])('the token is accepted as %s', async (_form, headers) => {
  await using gateway = await withToken();
  const reply = await gateway.post(...legacyRequest('ping'));
  expect(reply.status).toBe(200);
  const [body, own] = modernRequest('server/discover');
  expect((await gateway.post(body, { ...own, ...headers })).status).toBe(200);
});

describe('a request', () => {
  test.each([
    ['without a token', { authorization: undefined }],
    ['with an empty one', { authorization: '' }],
    ['with another one', { authorization: 'Bearer wrong' }],
    ['with the token and something behind it', { authorization: `Bearer ${token}x` }],
    ['with half of it', { authorization: `Bearer ${token.slice(0, -1)}` }],
    ['with the token in another scheme', { authorization: `Basic ${token}` }],
    ['with another API key', { authorization: undefined, 'x-api-key': 'wrong' }],
  ])(
    '%s hears 401, as JSON and with a challenge that names no OAuth [R30] [R123] [R126]',
    async (_what, headers) => {
      await using gateway = await withToken();
      for (const [body, own] of [modernRequest('server/discover'), legacyRequest('initialize', {})]) {
        const reply = await gateway.post(body, { ...own, ...headers });
        expect(reply.status).toBe(401);
        expect(reply.json.error).toContain('SWITCHBOARD_TOKEN');
        expect(reply.headers['www-authenticate']).toBe('Bearer realm="mcp-switchboard"');
        expect(reply.text).not.toContain(token);
      }
    },
  );

  test('with the token in the URL hears 401 [R124]', async () => {
    await using gateway = await withToken();
    const [body] = legacyRequest('ping');
    for (const query of [`access_token=${token}`, `token=${token}`]) {
      const reply = await gateway.send(`/mcp?${query}`, {
        body,
        headers: { 'content-type': 'application/json' },
      });
      expect(reply.status).toBe(401);
    }
    expect(gateway.logs.join('')).not.toContain(token);
  });

  test('without a token is refused before its body has come', async () => {
    await using gateway = await withToken();
    const { request } = await import('node:http');
    const status = await new Promise((resolve, reject) => {
      const req = request(gateway.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': 1_000_000 },
      });
      req.on('response', (res) => resolve(res.statusCode));
      req.on('error', reject);
      // A millionth of it.
      req.write('{');
    });
    expect(status).toBe(401);
  });
});

test('a gateway whose program gave it an empty token lets nobody in', async () => {
  await using gateway = await startGateway(
    { mcpServers: { none: { url: 'http://127.0.0.1:1/mcp' } } },
    { token: '', settle: false },
  );
  const [body] = legacyRequest('ping');
  for (const headers of [{ authorization: '' }, { authorization: undefined, 'x-api-key': '' }])
    expect((await gateway.post(body, headers)).status).toBe(401);
});

test.each([
  '/.well-known/oauth-protected-resource',
  '/.well-known/oauth-protected-resource/mcp',
  '/.well-known/oauth-authorization-server',
  '/.well-known/openid-configuration',
  '/register',
  '/authorize',
  '/token',
  '/',
  '/mcpx',
  '//',
  '/%2e%2e/etc/passwd',
  '/%',
])('%s is a JSON 404 or 400: there is no OAuth here, and nothing else [R31]', async (path) => {
  await using gateway = await withToken();
  for (const method of ['GET', 'POST'] as const) {
    const reply = await gateway.send(new URL(gateway.url).origin + path, { method });
    expect([400, 404]).toContain(reply.status);
    expect(reply.framing).toBe('json');
    expect(reply.json.error).toEqual(expect.any(String));
    expect(reply.headers).not.toHaveProperty('x-powered-by');
  }
});

test('the SDK, whose token is refused, says which one it needs where there is nowhere to register', async () => {
  await using gateway = await withToken();
  const authProvider = {
    redirectUrl: 'http://127.0.0.1:1/callback',
    clientMetadata: { redirect_uris: ['http://127.0.0.1:1/callback'] },
    clientInformation: () => undefined,
    saveClientInformation: () => {},
    tokens: () => undefined,
    saveTokens: () => {},
    redirectToAuthorization: () => {},
    saveCodeVerifier: () => {},
    codeVerifier: () => '',
  };
  const client = new Client({ name: 'c', version: '1' });
  const transport = new StreamableHTTPClientTransport(new URL(gateway.url), { authProvider });
  await expect(client.connect(transport)).rejects.toThrow('SWITCHBOARD_TOKEN');
});

test('the pages for probes need no token and say nothing', async () => {
  await using downstream = await modernServer();
  await using gateway = await startGateway({ mcpServers: { crm: downstream.entry() } }, { token });
  expect((await gateway.send('/healthz', { method: 'GET' })).json).toEqual({ status: 'ok' });
  expect((await gateway.send('/readyz', { method: 'GET' })).json).toEqual({ status: 'ready' });
  expect((await gateway.send('/status', { method: 'GET' })).status).toBe(401);
  const status = await gateway.send('/status', {
    method: 'GET',
    headers: { authorization: `Bearer ${token}` },
  });
  expect(status.json).toMatchObject({ tools: 5, downstreams: { crm: { state: 'ready', era: 'modern' } } });
});

describe('a web page', () => {
  test.each([
    ['Host', { host: 'evil.example.com' }],
    ['Host with our port', { host: 'evil.example.com:8080' }],
    ['Host that only begins like ours', { host: 'localhost.evil.example.com' }],
    ['Origin', { origin: 'http://evil.example.com' }],
    ['Origin null', { origin: 'null' }],
    ['Origin that only begins like ours', { origin: 'http://localhost.evil.example.com' }],
  ])('cannot reach a loopback gateway through another %s [R28]', async (_what, headers) => {
    await using gateway = await withToken();
    const reply = await gateway.post(legacyRequest('ping')[0], headers);
    expect(reply.status).toBe(403);
    expect(reply.json.error).toContain('allowedHosts');
  });

  test('of no host is not told to have one allowed that it has not', async () => {
    await using gateway = await withToken();
    const { json } = await gateway.post(legacyRequest('ping')[0], { origin: 'null' });
    expect(json.error).toBe(
      'Origin "null" is not served here. It names no host that allowedHosts in servers.json could list: call from one.',
    );
  });

  test.each([
    ['no Origin', {}],
    ['Origin http://localhost:3000', { origin: 'http://localhost:3000' }],
    ['Host localhost', { host: 'localhost:9999' }],
    ['Host [::1]', { host: '[::1]:9999' }],
  ])('of this machine can: %s', async (_what, headers) => {
    await using gateway = await withToken();
    expect((await gateway.post(legacyRequest('ping')[0], headers)).status).toBe(200);
  });

  test('of a host that is allowed can', async () => {
    await using gateway = await startGateway(
      {
        mcpServers: { none: { url: 'http://127.0.0.1:1/mcp' } },
        allowedHosts: ['abc.tunnel.example'],
      },
      { settle: false },
    );
    const headers = { host: 'ABC.tunnel.example', origin: 'https://abc.tunnel.example' };
    expect((await gateway.post(legacyRequest('ping')[0], headers)).status).toBe(200);
  });
});
