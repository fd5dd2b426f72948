// Plots as SVG, readable on light and on dark pages: the colours are in a style of their own.

export interface Plot {
  /** Without its ending. */
  readonly file: string;
  readonly title: string;
  readonly svg: string;
}

export interface BarPlot {
  readonly file: string;
  readonly title: string;
  readonly unit: string;
  /** Bars begin at zero, not at a tenth of the smallest. */
  readonly linear?: boolean;
  readonly bars: readonly { readonly label: string; readonly value: number; readonly isOwn: boolean }[];
}

export interface LinePlot {
  readonly file: string;
  readonly title: string;
  readonly x: string;
  readonly y: string;
  /** Both axes are logarithmic. */
  readonly lines: readonly {
    readonly label: string;
    readonly isOwn: boolean;
    readonly points: readonly (readonly [x: number, y: number])[];
  }[];
}

const WIDTH = 760;
const style = `<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 15px; }
.note { fill: #59636e; font-size: 12px; }
.grid { stroke: #d1d9e0; }
.bar { fill: #8c959f; }
.line { fill: none; stroke-width: 2; }
.own { fill: #0969da; }
.own-line { stroke: #0969da; stroke-width: 3.5; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.note { fill: #9198a1; }
.grid { stroke: #3d444d; }
.bar { fill: #656c76; }
.own { fill: #58a6ff; }
.own-line { stroke: #58a6ff; }
}
</style>`;

export function barPlot({ file, title, unit, linear = false, bars }: BarPlot): Plot {
  const shown = bars.filter(({ value }) => Number.isFinite(value) && value > 0);
  const [left, row, top] = [270, 26, 58];
  const values = shown.map(({ value }) => value);
  const [least, most] = [Math.min(...values) / 3, Math.max(...values)];
  const room = WIDTH - left - 90;
  const lengthOf = (value: number) =>
    room * (linear ? value / most : Math.log(value / least) / Math.log(most / least));
  const body = shown.map(({ label, value, isOwn }, index) => {
    const y = top + index * row;
    const length = lengthOf(value);
    return [
      text(left - 8, y + 14, plain(label), { anchor: 'end', bold: isOwn }),
      `<rect class="${isOwn ? 'own' : 'bar'}" x="${left}" y="${y}" width="${length.toFixed(1)}" height="${row - 8}" rx="2"/>`,
      text(left + length + 6, y + 14, short(value)),
    ].join('');
  });
  return { file, title, svg: page(title, unit, top + shown.length * row + 8, body) };
}

export function linePlot({ file, title, x, y, lines }: LinePlot): Plot {
  const [left, right, top, height] = [64, WIDTH - 210, 62, 300];
  const bottom = top + height;
  const points = lines.flatMap((line) => line.points).filter(isShown);
  const across = scaleOf(points.map(([value]) => value));
  const up = scaleOf(points.map(([, value]) => value));
  const xOf = (value: number) => left + across.share(value) * (right - left);
  const yOf = (value: number) => bottom - up.share(value) * height;
  const grid = up.marks.map(
    (mark) =>
      `<line class="grid" x1="${left}" x2="${right}" y1="${yOf(mark).toFixed(1)}" y2="${yOf(mark).toFixed(1)}"/>${text(left - 8, yOf(mark) + 4, short(mark), { anchor: 'end' })}`,
  );
  const marks = [...new Set(points.map(([value]) => value))];
  const ticks = marks.map((mark) => text(xOf(mark), bottom + 20, short(mark), { anchor: 'middle' }));
  const ends = lines
    .map(({ label, isOwn, points }) => ({ label, isOwn, at: points.filter(isShown).at(-1) }))
    .flatMap(({ at, ...rest }) => (at === undefined ? [] : [{ ...rest, x: xOf(at[0]), y: yOf(at[1]) }]));
  const drawn = lines.map(({ isOwn, points }, index) => {
    const path = points.filter(isShown).map(([px, py]) => `${xOf(px).toFixed(1)},${yOf(py).toFixed(1)}`);
    const stroke = isOwn ? '' : ` stroke="${hues[index % hues.length]}"`;
    return `<polyline class="line${isOwn ? ' own-line' : ''}"${stroke} points="${path.join(' ')}"/>`;
  });
  const labels = apart(ends).map(({ label, isOwn, x: endX, y: endY, shownAt }) => {
    const leader = `<line class="grid" x1="${endX + 3}" y1="${endY}" x2="${right + 12}" y2="${shownAt}"/>`;
    return `${leader}${text(right + 16, shownAt + 4, plain(label), { bold: isOwn })}`;
  });
  const axis = text((left + right) / 2, bottom + 42, `${x}, logarithmic`, { anchor: 'middle', note: true });
  const body = [...grid, ...ticks, ...drawn, ...labels, axis];
  return { file, title, svg: page(title, `${y}, logarithmic`, bottom + 54, body) };
}

const hues = ['#1a7f37', '#bf8700', '#8250df', '#bc4c00', '#bf3989', '#1b7c83', '#6e7781', '#cf222e'];

function isShown([x, y]: readonly [number, number]): boolean {
  return x > 0 && y > 0 && Number.isFinite(x) && Number.isFinite(y);
}

/** From the power of ten below to the one above, or a third of it. */
function scaleOf(values: readonly number[]): { share(value: number): number; marks: number[] } {
  const steps = Array.from({ length: 33 }, (_, at) => [1, 3][at % 2] ?? 1).map(
    (digit, at) => digit * 10 ** (Math.floor(at / 2) - 6),
  );
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const low = steps.findLast((step) => step <= least) ?? least;
  const high = steps.find((step) => step >= most && step > low) ?? most;
  return {
    share: (value) => Math.log(value / low) / Math.log(high / low),
    marks: steps.filter((step) => step >= low && step <= high),
  };
}

/** Labels of lines that end close to each other are moved down. */
function apart<T extends { readonly y: number }>(ends: readonly T[]): (T & { shownAt: number })[] {
  let free = Number.NEGATIVE_INFINITY;
  return ends
    .toSorted((a, b) => a.y - b.y)
    .map((end) => {
      const shownAt = Math.max(end.y, free);
      free = shownAt + 17;
      return { ...end, shownAt };
    });
}

function page(title: string, unit: string, height: number, body: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">
${style}
<text class="title" x="8" y="22">${escaped(title)}</text>
<text class="note" x="8" y="42">${escaped(unit)}</text>
${body.join('\n')}
</svg>
`;
}

function text(
  x: number,
  y: number,
  content: string,
  { anchor = 'start', bold = false, note = false } = {},
): string {
  const weight = bold ? ' font-weight="600"' : '';
  const kind = note ? ' class="note"' : '';
  return `<text${kind} x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}"${weight}>${escaped(content)}</text>`;
}

function short(value: number): string {
  if (value >= 10_000) return `${Number((value / 1000).toPrecision(3))}k`;
  return String(Number(value.toPrecision(3)));
}

/** Without what Markdown makes of it. */
function plain(label: string): string {
  return label.replaceAll('*', '');
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
