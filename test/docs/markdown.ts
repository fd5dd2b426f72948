import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** A fenced block of a document. */
export interface Block {
  readonly lang: string;
  readonly text: string;
  /** Of its opening fence, counted from 1. */
  readonly line: number;
}

/** A table as the text of its cells, without the backticks around a whole cell. */
export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Markdown {
  readonly text: string;
  readonly blocks: readonly Block[];
  /** The tables with this header, in order. */
  tables(...header: string[]): Table[];
}

/** @param name  relative to the repository's root */
export function readMarkdown(name: string): Markdown {
  const text = readFileSync(`${root}/${name}`, 'utf8');
  const tables = readTables(text);
  return {
    text,
    blocks: readBlocks(text),
    tables: (...header) => tables.filter((table) => table.header.join('|') === header.join('|')),
  };
}

function readBlocks(text: string): Block[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, lang = '', body = ''], index) => {
    const line = text
      .split(/^```\w+$/m, index + 1)
      .join('')
      .split('\n').length;
    return { lang, text: body, line };
  });
}

function readTables(text: string): Table[] {
  return [...text.matchAll(/(?:^\|.*\|\n)+/gm)].map(([table]) => {
    const [header = [], , ...rows] = table.trimEnd().split('\n').map(readCells);
    return { header, rows };
  });
}

function readCells(line: string): string[] {
  return line
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1'));
}

/** The commands of a `sh` block, and those behind the prompts of a `console` block. */
export function commandsOf({ lang, text }: Block): string[] {
  const lines = text.split('\n').filter((line) => line !== '');
  if (lang === 'console') return lines.flatMap((line) => (line.startsWith('$ ') ? [line.slice(2)] : []));
  return lang === 'sh' ? lines.flatMap((line) => line.split(' && ')) : [];
}

/** A command line as its words, with single quotes around those that have spaces. */
export function wordsOf(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}
