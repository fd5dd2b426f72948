import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

/** A folder may import what stands to the right of it. Files at the top of src count by their own names. */
const ORDER = ['main', 'cli', 'gateway', 'caller', 'relay', 'catalog', 'downstream', 'protocol'];
/** Leaves: read by everyone, reading nobody but each other. */
const LEAVES = ['cut', 'errors', 'format-bytes', 'log', 'promises', 'version', 'visible'];
/** The configuration is read by `downstream` and what stands above it. */
const MAY_READ_CONFIG = ORDER.slice(0, ORDER.indexOf('downstream') + 1);

/** Who uses what is not for every call: all of `config`, and these files. Nobody uses `fetch`. */
const USES = new Map([
  [
    '@modelcontextprotocol',
    new Set([
      'downstream/causes',
      'downstream/connecting/connect-http',
      'downstream/connecting/control-client',
    ]),
  ],
  ['express', new Set(['caller/http/pages'])],
  ['zod', new Set(['config'])],
]);

const SRC = resolve(import.meta.dirname, '../src');

test('imports go one way: main, cli, gateway, caller, relay, catalog, downstream, protocol', () => {
  const wrong = sourceFiles().flatMap(({ file, part, imports }) =>
    imports
      .filter((target) => !mayImport(part, partOf(target)))
      .map((target) => `${file} imports ${relative(SRC, target)}`),
  );
  expect(wrong).toEqual([]);
});

test('the SDK, zod and Express are used by what happens rarely, and fetch by nothing', () => {
  const found = new Map<string, Set<string>>();
  for (const { file, part, text } of sourceFiles()) {
    const place = part === 'config' ? part : file.replace(/\.ts$/, '');
    for (const library of librariesIn(text)) {
      found.set(library, (found.get(library) ?? new Set()).add(place));
    }
  }
  expect(found).toEqual(USES);
});

test.each(['CONTRIBUTING.md', 'docs/architecture.md'])('%s says the same', (document) => {
  const text = readFileSync(resolve(SRC, '..', document), 'utf8').replaceAll(/\s+/g, ' ');
  const leaves = LEAVES.map((leaf) => `\`${leaf}\``);
  expect(text).toContain(ORDER.join(' → '));
  expect(text).toContain(`${leaves.slice(0, -1).join(', ')} and ${leaves.at(-1)} may be`);
  for (const place of [...USES.values()].flatMap((places) => [...places]))
    expect(text).toContain(`\`${place}\``);
});

test('files stay small enough to hold in the head', () => {
  const tooLong = sourceFiles()
    .map(({ file, text }) => ({ file, lines: text.split('\n').length }))
    .filter(({ lines }) => lines > 300);
  expect(tooLong).toEqual([]);
});

function mayImport(from: string, to: string): boolean {
  if (from === to) return true;
  if (LEAVES.includes(to)) return true;
  if (to === 'config') return MAY_READ_CONFIG.includes(from);
  if (from === 'config' || LEAVES.includes(from)) return false;
  return ORDER.indexOf(to) > ORDER.indexOf(from);
}

/** Those of them that it uses when it runs: what is imported as a type is gone by then. */
function librariesIn(text: string): string[] {
  const imports = text.matchAll(
    /(?:^(?:import|export) (?!type\b)[^;]*?|\b(?:import|loadLibrary)\()'([^'.][^']*)'/gm,
  );
  const packages = [...imports].map(([, name = '']) => name.split('/')[0] ?? '');
  return [...packages.filter((name) => USES.has(name)), ...(/\bfetch\(/.test(text) ? ['fetch'] : [])];
}

/** The folder of a source file, or its own name where it stands at the top. */
function partOf(path: string): string {
  return relative(SRC, path).split('/')[0]?.replace(/\.ts$/, '') ?? '';
}

function sourceFiles() {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  expect(files.length).toBeGreaterThan(20);
  return files.map((file) => {
    const path = join(SRC, file);
    const text = readFileSync(path, 'utf8');
    const imports = [...text.matchAll(/(?:from|import|import\() ?'(\.{1,2}\/[^']+)'/g)].map(([, target]) =>
      resolve(dirname(path), target ?? ''),
    );
    return { file, part: partOf(path), text, imports };
  });
}
