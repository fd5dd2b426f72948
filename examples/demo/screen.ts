/** What the demo prints: at most 80 columns, colour only on a terminal, secrets masked. */
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

const inColour = process.stdout.isTTY && !process.env.NO_COLOR;

export function say(text = ''): void {
  console.log(text);
}

export function heading(text: string): void {
  say(`\n${paint('bold', text)}\n`);
}

export function paint(style: Style, text: string): string {
  return inColour ? styleText(style, text) : text;
}

/** Prints text folded at 80 columns, every line but the first indented by `indent`. */
export function sayFolded(first: string, text: string, indent: number): void {
  let line = first;
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > 80 && line.trim() !== '') {
      say(line);
      line = ' '.repeat(indent - 1);
    }
    line += ` ${word}`;
  }
  say(line);
}

/** Prints headers one a line, with the values of credentials masked. */
export function sayHeaders(headers: Iterable<readonly [string, string]>, indent: number): void {
  for (const [name, value] of headers) {
    say(`${' '.repeat(indent)}${paint('dim', `${name}:`)} ${isCredential(name) ? mask(value) : value}`);
  }
}

const isCredential = (name: string) => /authorization|key|secret|token|session|cookie/i.test(name);

/** `Bearer abcdef…` → `Bearer abcd********`: the scheme and the first four characters stay. */
function mask(value: string): string {
  const space = value.indexOf(' ') + 1;
  return `${value.slice(0, space)}${value.slice(space, space + 4)}********`;
}
