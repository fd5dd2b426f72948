import { createScanner, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import type { ConfigProblem } from './config-error.ts';

export type LineFinder = (offset: number) => { line: number; column: number };

/** Only values of `set` and `default` are deeper than 8; the parser recurses, and a file of brackets would overflow its stack. */
const MAX_DEPTH = 32;

/** The tree of a text that is JSON with comments and trailing commas. */
export function parseText(text: string): { root: Node } | { problems: ConfigProblem[] } {
  const lineOf = createLineFinder(text);
  const tooDeep = findTooDeep(text);
  if (tooDeep !== undefined) return { problems: [at(lineOf(tooDeep), 'brackets are nested too deeply')] };

  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  if (root !== undefined && errors.length === 0) return { root };
  if (root === undefined && isBlank(text)) {
    return { problems: [{ path: '', message: 'is empty; write {"mcpServers": {...}} into it' }] };
  }
  return { problems: explain(errors, lineOf) };
}

/** Turns an offset into line and column, both counted from 1. */
export function createLineFinder(text: string): LineFinder {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

function findTooDeep(text: string): number | undefined {
  const scanner = createScanner(text, true);
  let depth = 0;
  for (scanner.scan(); scanner.getTokenOffset() < text.length; scanner.scan()) {
    const first = text[scanner.getTokenOffset()];
    if (first === '{' || first === '[') depth++;
    if (first === '}' || first === ']') depth--;
    if (depth > MAX_DEPTH) return scanner.getTokenOffset();
  }
  return undefined;
}

function isBlank(text: string): boolean {
  const scanner = createScanner(text, true);
  scanner.scan();
  return scanner.getTokenOffset() >= text.length;
}

/**
 * The parser goes on after an error, which is worth something after a forgotten comma; after most others, what it
 * finds is only the first mistake once more. So: one a line, up to the first that throws the parser off.
 */
function explain(errors: readonly ParseError[], lineOf: LineFinder): ConfigProblem[] {
  const problems = new Map<number, ConfigProblem>();
  for (const { error, offset } of errors) {
    const code = printParseErrorCode(error);
    const place = lineOf(offset);
    if (!problems.has(place.line)) problems.set(place.line, at(place, EXPLAINED[code] ?? 'is not JSON'));
    if (!HARMLESS.has(code)) break;
  }
  return [...problems.values()];
}

function at({ line, column }: { line: number; column: number }, message: string): ConfigProblem {
  return { path: `line ${line}, column ${column}`, message };
}

const HARMLESS = new Set(['CommaExpected', 'InvalidEscapeCharacter', 'InvalidUnicode', 'InvalidCharacter']);

const EXPLAINED: Record<string, string> = {
  InvalidSymbol: 'is not JSON; names and text stand in double quotes',
  InvalidNumberFormat: 'is not a number',
  PropertyNameExpected: 'a name in double quotes is expected here',
  ValueExpected: 'a value is expected here',
  ColonExpected: 'a colon is missing before this',
  CommaExpected: 'a comma is missing before this',
  CloseBraceExpected: 'a } is missing here',
  CloseBracketExpected: 'a ] is missing here',
  EndOfFileExpected: 'the file should end before this; a bracket was closed too early',
  InvalidCommentToken: 'this comment is not understood; write // or /* */',
  UnexpectedEndOfComment: 'this comment is not closed; end it with */',
  UnexpectedEndOfString: 'the text that begins here has no closing double quote on its line',
  UnexpectedEndOfNumber: 'this number is not complete',
  InvalidUnicode: 'in this text, \\u is followed by four hexadecimal digits',
  InvalidEscapeCharacter: 'in this text, for a backslash write two, \\\\',
  InvalidCharacter: 'this text contains a control character; write \\n or \\t',
};
