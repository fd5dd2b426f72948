import { expect, test } from 'vitest';
import { createSeal } from '../../src/relay/seal.ts';

const SECRET = 'the token of the callers';
const ABOUT = 'tools/call of crm with these arguments';
const TEXT = 'd{"step":2,"for":"\u00e9\u{1f600}"}';

test('what was sealed opens, as it was, for what it belongs to, also elsewhere with the same secret', () => {
  const sealed = createSeal(SECRET, 'requestState', 60_000).seal(TEXT, ABOUT);
  expect(createSeal(SECRET, 'requestState', 1).open(sealed, ABOUT)).toBe(TEXT);
});

test('with any bit of it changed, missing or added it does not open', () => {
  const seal = createSeal(SECRET, 'requestState', 60_000);
  const sealed = seal.seal(TEXT, ABOUT);
  const bytes = Buffer.from(sealed, 'base64url');
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(seal.open(flipped.toString('base64url'), ABOUT), `bit ${bit}`).toBeUndefined();
  }
  for (let length = 0; length < sealed.length; length++) {
    expect(seal.open(sealed.slice(0, length), ABOUT), `cut at ${length}`).toBeUndefined();
  }
  // Of the text, too: base64 has characters with bits that say nothing, and forms that decode to the same.
  for (let at = 0; at < sealed.length; at++) {
    for (const other of 'Aa0-_=+ ') {
      if (sealed[at] === other) continue;
      const changed = sealed.slice(0, at) + other + sealed.slice(at + 1);
      expect(seal.open(changed, ABOUT), `${other} at ${at}`).toBeUndefined();
    }
  }
  for (const added of ['=', 'A', ' ', '\n', '.']) expect(seal.open(sealed + added, ABOUT)).toBeUndefined();
});

test('for anything else, with another secret, for another purpose or too late it does not open', () => {
  const seal = createSeal(SECRET, 'requestState', 60_000);
  const sealed = seal.seal(TEXT, ABOUT);
  expect(seal.open(sealed, `${ABOUT} `)).toBeUndefined();
  expect(seal.open(sealed, '')).toBeUndefined();
  expect(createSeal('another token', 'requestState', 60_000).open(sealed, ABOUT)).toBeUndefined();
  for (const purpose of ['session', 'task']) {
    expect(createSeal(SECRET, purpose, 60_000).open(sealed, ABOUT)).toBeUndefined();
  }
  const late = createSeal(SECRET, 'requestState', -1).seal(TEXT, ABOUT);
  expect(seal.open(late, ABOUT)).toBeUndefined();
});

test('twice the same is not sealed to the same, and says nothing of what it is', () => {
  const seal = createSeal(SECRET, 'requestState', 60_000);
  const all = new Set(Array.from({ length: 1000 }, () => seal.seal(TEXT, ABOUT)));
  expect(all.size).toBe(1000);
  for (const sealed of all) expect(Buffer.from(sealed, 'base64url').toString('latin1')).not.toContain('step');
});
