import { expect, test } from 'vitest';
import { shapeResult } from '../../src/relay/shape-result.ts';

const AS_TEXT = { results: 'text' } as const;
const text = (value: string) => ({ type: 'text', text: value });
const textsOf = (result: Record<string, unknown>) =>
  (result.content as { text: string }[]).map((block) => block.text);

test('a result that needs no change is the same object', () => {
  const plain = { content: [text('a')], _meta: { x: 1 }, unknown: true };
  expect(shapeResult(plain, AS_TEXT)).toBe(plain);
  const structured = { content: [], structuredContent: { a: 1 } };
  expect(shapeResult(structured, { results: 'unchanged' })).toBe(structured);
  expect(shapeResult(structured, { results: 'unchanged', maxResultChars: 100 })).toBe(structured);
});

test('structured content alone becomes JSON text', () => {
  const shaped = shapeResult({ content: [], structuredContent: { a: [1] }, _meta: { x: 1 } }, AS_TEXT);
  expect(shaped).toEqual({ content: [text('{"a":[1]}')], _meta: { x: 1 } });
});

test('structured content that a text already tells is not told twice', () => {
  const shaped = shapeResult({ content: [text('{ "a": 1 }')], structuredContent: { a: 1 } }, AS_TEXT);
  expect(shaped).toEqual({ content: [text('{ "a": 1 }')] });
});

test('structured content that a text only sums up follows it', () => {
  const shaped = shapeResult({ content: [text('One found.')], structuredContent: { a: 1 } }, AS_TEXT);
  expect(textsOf(shaped)).toEqual(['One found.', '{"a":1}']);
});

// As the SDK for Python has it: what is no object is wrapped, and a list is told item by item.
test.each([
  ['a text', ['Booth 14.'], { result: 'Booth 14.' }],
  ['a number', ['3'], { result: 3 }],
  ['a list of texts', ['a', 'b'], { result: ['a', 'b'] }],
  ['a list of objects', ['{\n  "a": 1\n}', '{ "b": 2 }'], { result: [{ a: 1 }, { b: 2 }] }],
  ['a text that is not wrapped', ['Booth 14.'], 'Booth 14.'],
])('%s is not told twice where it is structured content as well', (_what, told, structuredContent) => {
  const content = told.map(text);
  expect(textsOf(shapeResult({ content, structuredContent }, AS_TEXT))).toEqual(told);
});

test.each([
  ['nothing says', [], { result: [] }],
  ['the texts have in another order', ['b', 'a'], { result: ['a', 'b'] }],
  ['has more than the texts', ['a'], { result: 'a', more: 1 }],
])('structured content that %s is told', (_what, told, structuredContent) => {
  const content = told.map(text);
  const json = JSON.stringify(structuredContent);
  expect(textsOf(shapeResult({ content, structuredContent }, AS_TEXT))).toEqual([...told, json]);
});

test('a text that was wrapped is not cut for being there twice', () => {
  const said = 'x'.repeat(3000);
  const result = { content: [text(said)], structuredContent: { result: said } };
  expect(textsOf(shapeResult(result, { ...AS_TEXT, maxResultChars: 4096 }))).toEqual([said]);
});

test('structured content that is null says something alone, and nothing beside a text', () => {
  const [alone, beside] = [[], [text('Done')]].map((content) =>
    textsOf(shapeResult({ content, structuredContent: null }, AS_TEXT)),
  );
  expect([alone, beside]).toEqual([['null'], ['Done']]);
});

test('structured content is found in a text that writes it shorter than JSON.stringify', () => {
  for (const json of ['[1e20,9e20,1e20]', '{"\ud800":"\udbff\udbff\udbff"}', ' 1e20']) {
    const shaped = shapeResult({ content: [text(json)], structuredContent: JSON.parse(json) }, AS_TEXT);
    expect(shaped).toEqual({ content: [text(json)] });
  }
});

test.each([
  ['as text', { results: 'text' }],
  ['cut', { results: 'unchanged', maxResultChars: 2500 }],
] as const)(
  'structured content beside a thousand texts is not held against each of them, for a caller that gets it %s',
  (_how, rules) => {
    let reads = 0;
    const given = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, i]));
    const structuredContent = new Proxy(given, {
      ownKeys(target) {
        reads++;
        return Reflect.ownKeys(target);
      },
    });
    const content = Array.from({ length: 1000 }, () => text('{}'));
    expect(shapeResult({ content, structuredContent }, rules).structuredContent).toBeUndefined();
    expect(reads).toBeLessThan(10);
  },
);

// Sizes that fit a message: where the work grew with their square, this took minutes.
test('an image whose data is nothing but padding has a size all the same', () => {
  const image = { type: 'image', mimeType: 'image/png', data: `${'='.repeat(400_000)}a` };
  expect(textsOf(shapeResult({ content: [image] }, AS_TEXT))).toEqual([
    '[image, image/png, 293 KiB: not shown here]',
  ]);
});

test('hundreds of thousands of texts stay in their order, with what stands between them', () => {
  const content = [
    ...Array.from({ length: 320_000 }, (_, i) => text(i === 7 ? ' ' : 'a')),
    { type: 'image', mimeType: 'image/png', data: 'AAA=' },
    text('z'),
  ];
  const texts = textsOf(shapeResult({ content }, AS_TEXT));
  expect(texts).toHaveLength(320_001);
  expect(texts.slice(-3)).toEqual(['a', '[image, image/png, 2 bytes: not shown here]', 'z']);
});

test('what is no text is described in a sentence, with its size', () => {
  const content = [
    { type: 'image', mimeType: 'image/png', data: Buffer.alloc(2048).toString('base64') },
    { type: 'resource', resource: { uri: 'file:///a.txt', text: 'inside' } },
    { type: 'resource', resource: { uri: 'file:///b', mimeType: 'application/zip', blob: 'AAAA' } },
    { type: 'resource_link', uri: 'https://example.com/c', name: 'c', description: 'The third\nletter' },
    { type: 'hologram\u001b[31m' },
  ];
  expect(textsOf(shapeResult({ content }, AS_TEXT))).toEqual([
    '[image, image/png, 2 KiB: not shown here]',
    '[resource file:///a.txt]\ninside',
    '[resource file:///b, application/zip, 3 bytes: not shown here]',
    '[link: c, https://example.com/c, The third letter]',
    '[content of type hologram [31m: not shown here]',
  ]);
});

test('a result is never without text', () => {
  expect(textsOf(shapeResult({ content: [] }, AS_TEXT))).toEqual(['OK (no output)']);
  expect(textsOf(shapeResult({}, AS_TEXT))).toEqual(['OK (no output)']);
  expect(textsOf(shapeResult({ content: [text(' \n')] }, AS_TEXT))).toEqual(['OK (no output)']);
  const failed = shapeResult({ content: [], isError: true }, AS_TEXT);
  expect(textsOf(failed)).toEqual(['The tool failed and did not say why.']);
});

test('what an error says comes before what came with it', () => {
  const content = [{ type: 'image', mimeType: 'image/png', data: '' }, text('No such customer.')];
  expect(textsOf(shapeResult({ content, isError: true }, AS_TEXT))[0]).toBe('No such customer.');
  expect(textsOf(shapeResult({ content }, AS_TEXT))[1]).toBe('No such customer.');
});

test.each([
  ['a number', 7],
  ['a list of nonsense', [null, 1, 'x', [], {}, { type: 'text' }, { type: 'resource', resource: null }]],
])('content that is %s is no fault of the caller', (_what, content) => {
  expect(textsOf(shapeResult({ content }, AS_TEXT)).every((line) => line !== '')).toBe(true);
});

test('a text over the cap is cut, with what is missing, and stands alone', () => {
  const content = [text('a'.repeat(300)), text('b'.repeat(100))];
  const shaped = shapeResult(
    { content, structuredContent: { a: 1 } },
    { results: 'unchanged', maxResultChars: 200 },
  );
  expect(shaped).not.toHaveProperty('structuredContent');
  const [cut, ...others] = textsOf(shaped);
  expect(others).toEqual([]);
  expect(cut?.length).toBeLessThanOrEqual(200);
  const kept = /^a+/.exec(cut ?? '')?.[0].length ?? 0;
  expect(cut).toContain(`[cut here: ${400 - kept} of 400 characters are missing`);
});

test('structured content over the cap becomes cut text; images stay', () => {
  const image = { type: 'image', mimeType: 'image/png', data: 'A'.repeat(1000) };
  const shaped = shapeResult(
    { content: [image], structuredContent: { a: 'x'.repeat(500) } },
    { results: 'unchanged', maxResultChars: 200 },
  );
  expect(shaped).not.toHaveProperty('structuredContent');
  expect(shaped.content).toEqual([image, text(expect.stringMatching(/^\{"a":"x+\n\[cut here: /) as never)]);
});

const LONG = 'é😀'.repeat(60);
const CUTS: [string, Record<string, unknown>][] = [
  ['one text', { content: [text(LONG)] }],
  ['a later block', { content: [text('first'), text('second 😀'), text(LONG)] }],
  ['blocks that each fit', { content: Array.from({ length: 40 }, () => text('😀😀')) }],
  ['the text of a resource', { content: [{ type: 'resource', resource: { uri: 'a:b', text: LONG } }] }],
  [
    'structured content beside a short text',
    { content: [text('a'.repeat(90))], structuredContent: { LONG } },
  ],
];

test.each(CUTS)(
  'a cut of %s keeps the cap, never falls within a character and counts what is missing',
  (_what, given) => {
    for (let maxResultChars = 16; maxResultChars <= 240; maxResultChars++) {
      const shaped = shapeResult(given, { results: 'unchanged', maxResultChars });
      const cut = textsIn(shaped);
      const isTextTooLong = textsIn(given).length > maxResultChars;
      const said = textsIn(given) + (isTextTooLong ? '' : jsonOf(given.structuredContent));
      const marker = /\n\[cut here: (\d+) of (\d+) characters are missing; ask for less at a time\]$/.exec(
        cut,
      );
      expect(cut.isWellFormed()).toBe(true);
      if (marker === null) {
        expect(shaped).toBe(given);
        continue;
      }
      // Where not even that fits, it alone is told.
      expect(cut.length).toBeLessThanOrEqual(Math.max(maxResultChars, marker[0].length));
      const kept = cut.slice(0, marker.index);
      expect(said.startsWith(kept)).toBe(true);
      expect([Number(marker[1]), Number(marker[2])]).toEqual([said.length - kept.length, said.length]);
      expect(shaped).not.toHaveProperty('structuredContent');
    }
  },
);

const jsonOf = (value: unknown) => (value === undefined ? '' : JSON.stringify(value));

/** All that a person could read of it. */
function textsIn({ content }: Record<string, unknown>): string {
  return (content as { text?: string; resource?: { text: string } }[])
    .map((block) => block.text ?? block.resource?.text ?? '')
    .join('');
}
