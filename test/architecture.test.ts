import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

/** A folder may import what stands to the right of it. Files at the top of src count by their own names. */
const ORDER = ['main', 'cli', 'gateway', 'caller', 'relay', 'catalog', 'downstream', 'protocol'];
/** Leaves: read by everyone, reading nobody but each other. */
const LEAVES = ['cut', 'errors', 'log', 'version', 'visible'];
/** The configuration is read by `downstream` and what stands above it. */
const MAY_READ_CONFIG = ORDER.slice(0, ORDER.indexOf('downstream') + 1);

const SRC = resolve(import.meta.dirname, '../src');

test('imports go one way: main, cli, gateway, caller, relay, catalog, downstream, protocol', () => {
  const wrong = sourceFiles().flatMap(({ file, part, imports }) =>
    imports
      .filter((target) => !mayImport(part, partOf(target)))
      .map((target) => `${file} imports ${relative(SRC, target)}`),
  );
  expect(wrong).toEqual([]);
});

test('the data plane does not use fetch, zod, Express or the SDK', () => {
  const onPath = sourceFiles().filter(
    ({ file, part }) =>
      ['relay', 'protocol'].includes(part) ||
      /^caller\/(endpoint|dispatch|http-reply|body|token)|^downstream\/(http-|stdio-link|outgoing|answer-)/.test(
        file,
      ),
  );
  expect(onPath.length).toBeGreaterThan(10);
  const wrong = onPath.flatMap(({ file, text }) =>
    [
      ...text.matchAll(/^import (?!type).*from '(zod|express|@modelcontextprotocol\/[^']*)';$|\bfetch\(/gm),
    ].map(([line]) => `${file}: ${line}`),
  );
  expect(wrong).toEqual([]);
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
    const imports = [...text.matchAll(/from '(\.{1,2}\/[^']+)'/g)].map(([, target]) =>
      resolve(dirname(path), target ?? ''),
    );
    return { file, part: partOf(path), text, imports };
  });
}
