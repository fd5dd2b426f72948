// Writes docs/mutation.md from what Stryker has found: npm run mutation

import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { figureTable } from '../support/markdown.ts';
import { whyLeft } from './left.ts';

interface Mutant {
  readonly mutatorName: string;
  readonly replacement?: string;
  readonly status: string;
  readonly location: { readonly start: Place; readonly end: Place };
}

interface Place {
  readonly line: number;
  readonly column: number;
}

interface Report {
  readonly files: Readonly<Record<string, { readonly source: string; readonly mutants: readonly Mutant[] }>>;
}

const root = resolve(import.meta.dirname, '../..');
const { files } = JSON.parse(readFileSync(join(root, '.stryker/mutation.json'), 'utf8')) as Report;

const found = (mutants: readonly Mutant[]) => {
  const count = (...statuses: string[]) => mutants.filter(({ status }) => statuses.includes(status)).length;
  const killed = count('Killed', 'Timeout');
  const left = count('Survived', 'NoCoverage');
  return { killed, left, score: `${((100 * killed) / (killed + left)).toFixed(1)} %` };
};

const rows = Object.entries(files).map(([file, { mutants }]) => {
  const { killed, left, score } = found(mutants);
  return [`\`${file}\``, score, `${killed}`, `${left}`];
});
const all = found(Object.values(files).flatMap(({ mutants }) => mutants));

const left = Object.entries(files).flatMap(([file, { source, mutants }]) => {
  const survivors = mutants.filter(({ status }) => status === 'Survived' || status === 'NoCoverage');
  if (survivors.length === 0) return [];
  const lines = survivors.map((mutant) => `- ${describe(mutant, source.split('\n'))}`);
  return [`### ${file}`, whyLeft(file), [...new Set(lines)].join('\n')];
});

writeFileSync(
  join(root, 'docs/mutation.md'),
  `${[
    '# Mutants',
    `Written by \`npm run mutation\`. Each mutant is one small change of what decides about names, tokens, limits, repetitions and
the texts that go through: a condition turned round, a number, an empty text. It is killed when a test fails, or never ends, for
it. The tests are those that need no process and no connection; what only shows over a connection is held by the tests of
\`test/behaviour\`, which are not run here. Lines are those of the code as it was then.`,
    figureTable(
      ['file', 'killed', 'of them', 'left'],
      [...rows, ['**all**', `**${all.score}**`, `${all.killed}`, `${all.left}`]],
    ),
    '## What is left, and why',
    ...left,
  ].join('\n\n')}\n`,
);

/** Where it is, what stands there, and what stood there instead. */
function describe({ location: { start, end }, replacement = '' }: Mutant, lines: readonly string[]): string {
  const line = lines[start.line - 1] ?? '';
  const original = line.slice(start.column - 1, end.line === start.line ? end.column - 1 : undefined);
  return `line ${start.line}: \`${short(original)}\` as \`${short(replacement)}\``;
}

function short(code: string): string {
  const text = code.replaceAll(/\s+/g, ' ').replaceAll('`', "'");
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
