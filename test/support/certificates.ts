import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** A certificate authority for the length of one test, and what it has signed. Its own certificate is `ca.pem`. */
export function createAuthority(folder: string) {
  const openssl = (...args: string[]) => void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const read = (name: string): Certificate => ({
    key: readFileSync(join(folder, `${name}.key`), 'utf8'),
    cert: readFileSync(join(folder, `${name}.pem`), 'utf8'),
  });
  openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=ca', '-days', '2');
  function sign(name: string, extension: string, days: number, by: string): Certificate {
    openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    writeFileSync(join(folder, `${name}.ext`), `${extension}\n`);
    const signed = ['-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-extfile', `${name}.ext`];
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signed, '-days', String(days));
    return read(name);
  }
  return {
    /** @param days  for which it is valid from now on; -1 was over yesterday */
    sign: (name: string, address: string, days: number) =>
      sign(name, `subjectAltName=${address}`, days, 'ca'),
    /** By one that it has signed, which goes along: its own certificate does not. */
    signThroughAnother(name: string, address: string): Certificate {
      const other = sign(`${name}-by`, 'basicConstraints=critical,CA:TRUE', 2, 'ca');
      const { key, cert } = sign(name, `subjectAltName=${address}`, 2, `${name}-by`);
      return { key, cert: cert + other.cert };
    },
    selfSigned(name: string): Certificate {
      openssl(
        'req',
        '-x509',
        ...newKey,
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.pem`,
        '-subj',
        `/CN=${name}`,
        '-addext',
        'subjectAltName=IP:127.0.0.1',
      );
      return read(name);
    },
  };
}
