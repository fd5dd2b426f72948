/** Columns of the terminal that everything fits. */
export const WIDTH = 80;

/** More is part of the text: what goes on must have room. */
const INDENT = /^ {0,8}/;

/** A line as several that fit, broken at spaces where there are any; what goes on is indented by two more. */
export function wrap(line: string): string[] {
  const indent = `${INDENT.exec(line)?.[0]}  `;
  const lines: string[] = [];
  let rest = line;
  while (rest.length > WIDTH) {
    const space = rest.lastIndexOf(' ', WIDTH);
    const isInside = space > indent.length;
    const end = isInside ? space : wholeEnd(rest, WIDTH);
    lines.push(rest.slice(0, end).trimEnd());
    rest = indent + rest.slice(isInside ? end + 1 : end);
  }
  return [...lines, rest.trimEnd()];
}

/** Not in the middle of a surrogate pair. */
const wholeEnd = (text: string, end: number) => (text.slice(0, end).isWellFormed() ? end : end - 1);
