import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutText } from '../../src/cut.ts';
import { createLog, createSecrets } from '../../src/log.ts';

const SECRET = `Zk3<p9/Qw7|m2Xt"8L'r5! ü(~)*&#?+%41`;

/** Who writes an address, and how a secret stands in it then. */
const WRITERS: Readonly<Record<string, (secret: string) => string>> = {
  encodeURIComponent,
  encodeURI,
  'a form': (secret) => String(new URLSearchParams({ key: secret })),
  'a form, with spaces in hexadecimal': (secret) =>
    String(new URLSearchParams({ key: secret })).replaceAll('+', '%20'),
  'the path of a URL': (secret) => new URL(`http://crm.example.com/${secret}/mcp`).href,
  'the query of a URL': (secret) => new URL(`http://crm.example.com/mcp?key=${secret}`).href,
  'small hexadecimal digits': (secret) =>
    encodeURIComponent(secret).replace(/%../g, (byte) => byte.toLowerCase()),
};

test.each(Object.entries(WRITERS))('a secret is found in a URL as written by %s', (_who, write) => {
  const text = write(SECRET);
  const shown = createSecrets([SECRET]).redact(text);
  expect(shown).toContain('[secret]');
  expect(shown).not.toMatch(/Zk3|Qw7|8L|r5/);
  expect(createSecrets([SECRET]).redact(JSON.stringify({ text }))).toBe(JSON.stringify({ text: shown }));
});

const escaped = (text: string, which: RegExp, digits: (hex: string) => string = (hex) => hex) =>
  text.replace(
    which,
    (found) => `\\u${digits((found.at(-1) ?? '').charCodeAt(0).toString(16).padStart(4, '0'))}`,
  );

/** Who writes JSON, and what it escapes beside what it must. */
const JSON_WRITERS: Readonly<Record<string, (json: string) => string>> = {
  JavaScript: (json) => json,
  Python: (json) => escaped(json, /[\x80-\uffff]/g),
  PHP: (json) => escaped(json, /[\x80-\uffff]/g).replaceAll('/', '\\/'),
  Go: (json) => escaped(json, /[<>&]/g),
  Java: (json) => escaped(json, /[<>&=']/g),
  '.NET': (json) => escaped(json, /\\"|[<>&'+`\x7f-\uffff]/g, (hex) => hex.toUpperCase()),
};

test.each(Object.entries(JSON_WRITERS))('a secret is found in JSON as written by %s', (_who, write) => {
  const { redact } = createSecrets([`${SECRET}=`]);
  const json = write(JSON.stringify(`${SECRET}=`));
  expect(JSON.parse(json)).toBe(`${SECRET}=`);
  expect(redact(json)).toBe('"[secret]"');
  expect(redact(JSON.stringify({ json }))).toBe('{"json":"\\"[secret]\\""}');
});

test('wherever a text with a secret is cut, no more than three characters of it are left', () => {
  const secret = 'abcdefghijklmnopqrstuvwxyz0123456789ABCD';
  const { redact } = createSecrets([secret, 'abcdefgh-of-another']);
  const spelled = fc.constantFrom(
    [secret, secret],
    [btoa(secret), btoa(secret)],
    [btoa(`user:${secret}`), btoa(`user:${secret}`).slice(7)],
  );
  fc.assert(
    fc.property(
      fc.string(),
      spelled,
      fc.string(),
      fc.nat(100),
      (before, [written = '', own = ''], after, chars) => {
        const cut = cutText(`${before} ${written} ${after}`, chars + 1);
        const left = redact(JSON.stringify(cut));
        for (let at = 0; at + 4 < own.length; at++) {
          expect(left).not.toContain(own.slice(at, at + 4));
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('a file of any size is taken out as a whole, line by line, and beside other secrets', () => {
  const random = (bytes: number) => randomBytes(bytes).toString('base64');
  const bundle = Array.from({ length: 2000 }, () => random(48));
  const secrets = [bundle.join('\n'), random(100_000), ...Array.from({ length: 300 }, () => random(30))];
  const { redact } = createSecrets(secrets);
  const shown = [...secrets, ...bundle, btoa(`user:${secrets[5]}`)].map((secret) => redact(`<${secret}>`));
  expect(new Set(shown.slice(0, -1))).toEqual(new Set(['<[secret]>']));
  expect(shown.at(-1)).toContain('[secret]');
  expect(redact('none of them')).toBe('none of them');
});

test('what looks like no secret stays, cut or whole', () => {
  const { redact } = createSecrets(['the-secret-key', 'short', '{\n  "a": 1,\n  "tools",\n}']);
  for (const text of ['the…', '…key', 'a short text', '["tools","a"]', 'one… two…', '…']) {
    expect(redact(text)).toBe(text);
  }
  expect(redact('the-s…')).toBe('[secret]…');
  expect(redact('…-key')).toBe('…[secret]');
});

// What is quadratic takes minutes, and is ended as too slow.
test('an error with a message of many quotes is logged in a time of its length, and what quotes JSON quotes none', () => {
  const lines: string[] = [];
  const log = createLog({
    ...{ level: 'debug', secrets: createSecrets() },
    destination: { write: (line) => void lines.push(line) },
  });
  log.debug({ err: new Error('"'.repeat(2 ** 20)) }, 'long');
  for (const text of ['not json', `{"key": "value", ${'x'.repeat(1000)}`]) {
    try {
      JSON.parse(text);
    } catch (err) {
      log.debug({ err }, 'quoted');
    }
  }
  expect(lines.length).toBe(3);
  expect(lines.slice(1).join()).not.toMatch(/not json|xxxx/);
});

test('a line of the log is JSON, also where a secret is a number in it or ends within an escape', () => {
  const lines: string[] = [];
  const log = createLog({
    ...{ level: 'debug', secrets: createSecrets(['250000', 'nabcdefgh']) },
    destination: { write: (line) => void lines.push(line) },
  });
  log.info({ ms: 250000, bytes: 12500001, port: 8080 }, 'pin 250000');
  log.info({ text: 'one\nabcdefgh' }, 'two lines');
  expect(lines.map((line) => [line.at(-1), JSON.parse(line)])).toMatchObject([
    ['\n', { ms: '[secret]', bytes: '[secret]', port: 8080, msg: 'pin [secret]' }],
    ['\n', { text: 'one\nabcdefgh', msg: 'two lines' }],
  ]);
});

test('a secret as long as a file may be is hidden, in all its spellings', () => {
  const secret = `${'0123456789'.repeat(6400)} \u00e9`;
  const { redact } = createSecrets([secret, '0123456789-short']);
  const text = JSON.stringify({
    secret,
    url: `x?k=${encodeURIComponent(secret)}`,
    short: '0123456789-short',
  });
  expect(redact(text)).toBe('{"secret":"[secret]","url":"x?k=[secret]","short":"[secret]"}');
  expect(redact(secret.slice(1, 70))).toBe(secret.slice(1, 70));
});
