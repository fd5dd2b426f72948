import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { SecureVersion } from 'node:tls';
import { expect, test } from 'vitest';
import { main } from '../cli/serving.ts';
import { type Certificate, createAuthority } from '../support/certificates.ts';
import { startNode } from '../support/child.ts';
import { plainServer } from '../support/downstreams/plain.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

async function secureServer(certificate: Certificate, maxVersion: SecureVersion = 'TLSv1.3') {
  const old = maxVersion === 'TLSv1.1' ? { ciphers: 'DEFAULT@SECLEVEL=0' } : {};
  const server = createServer({ ...certificate, ...old, minVersion: 'TLSv1', maxVersion }, (req, res) => {
    req.resume();
    res.writeHead(503).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    entry: { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/mcp?key=sesame` },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test.skipIf(!hasOpenssl)('F18 a certificate that does not hold is refused, and told of as such', async () => {
  await using folder = await temporaryFolder();
  const authority = createAuthority(folder.path);
  await using good = await secureServer(authority.sign('good', 'IP:127.0.0.1', 2));
  await using expired = await secureServer(authority.sign('expired', 'IP:127.0.0.1', -1));
  await using other = await secureServer(authority.sign('other', 'DNS:elsewhere.example', 2));
  await using own = await secureServer(authority.selfSigned('own'));
  mkdirSync(join(folder.path, 'elsewhere'));
  const elsewhere = createAuthority(join(folder.path, 'elsewhere'));
  await using company = await secureServer(elsewhere.signThroughAnother('company', 'IP:127.0.0.1'));
  await using old = await secureServer(authority.sign('old', 'IP:127.0.0.1', 2), 'TLSv1.1');
  await using plain = await plainServer({ era: 'modern' });
  const mcpServers = {
    plain: { url: plain.url.replace('http:', 'https:') },
    good: good.entry,
    expired: expired.entry,
    other: other.entry,
    own: own.entry,
    company: company.entry,
    old: old.entry,
  };
  writeFileSync(join(folder.path, 'servers.json'), JSON.stringify({ mcpServers, catalogFile: '' }));
  await using child = startNode([main, 'check'], {
    cwd: folder.path,
    env: { HOME: folder.path, NODE_EXTRA_CA_CERTS: join(folder.path, 'ca.pem') },
  });
  expect(await child.exit).toEqual({ code: 1, signal: null });
  const said = child.stdout + child.stderr;
  // That one is refused by the server itself, behind the handshake: the authority counts.
  expect(said).toMatch(/good\b.*HTTP 503/);
  expect(said).toMatch(/expired\b.*its TLS certificate has expired/);
  expect(said).toMatch(/other\b.*its TLS certificate is for another host/);
  expect(said).toMatch(
    /own\b.*its TLS certificate is self-signed; NODE_EXTRA_CA_CERTS names\s+what else is trusted/,
  );
  expect(said).toMatch(/company\b.*its TLS certificate is by an authority that is not known here/);
  expect(said).toMatch(/plain\b.*it speaks no TLS there: is its url one of http\?/);
  expect(said).toMatch(/old\b.*TLS failed/);
  expect(said).not.toContain('sesame');
});
