/** A Markdown table as the formatter of this project has it, so that a page stays as it was written. */
export function table(head: Cells, rows: readonly Cells[]): string {
  return written(head, rows, () => false);
}

/** The same, with all columns but the first to the right, as numbers stand. */
export function figureTable(head: Cells, rows: readonly Cells[]): string {
  return written(head, rows, (column) => column > 0);
}

type Cells = readonly string[];

function written(head: Cells, rows: readonly Cells[], isRight: (column: number) => boolean): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, 3, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: Cells) => {
    const padded = widths.map((width, column) =>
      isRight(column) ? cells[column]?.padStart(width) : cells[column]?.padEnd(width),
    );
    return `| ${padded.join(' | ')} |`;
  };
  const rule = widths.map((width, column) => (isRight(column) ? ':' : '-').padStart(width, '-'));
  return [head, rule, ...rows].map(line).join('\n');
}
