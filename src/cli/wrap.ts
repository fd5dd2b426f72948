/** A line as several of at most `width` characters, broken at spaces where there are any; what goes on is indented. */
export function wrap(line: string, width: number): string[] {
  const indent = `${/^ */.exec(line)?.[0] ?? ''}  `;
  const lines: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width);
    const isInside = space > indent.length;
    const end = isInside ? space : wholeEnd(rest, width);
    lines.push(rest.slice(0, end));
    rest = indent + rest.slice(isInside ? end + 1 : end);
  }
  return [...lines, rest];
}

/** Not in the middle of a surrogate pair. */
const wholeEnd = (text: string, end: number) => (text.slice(0, end).isWellFormed() ? end : end - 1);
