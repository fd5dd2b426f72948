// What a command that measures has found: lines for a person, and as the last one JSON for a program.

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** It is to stay below; 0 where there is to be none at all, absent where nothing is promised. */
  readonly limit?: number;
}

/** What is no number proves nothing, and so counts as over. */
export function isOver({ value, limit }: Figure): boolean {
  return limit !== undefined && !(value <= 0 || value < limit);
}

/** Prints them, and says by the exit code whether all are as promised. */
export function report(figures: readonly Figure[]): void {
  for (const figure of figures)
    console.log(`${figure.name}: ${figure.value} ${figure.unit}${promiseOf(figure)}`);
  console.log(JSON.stringify({ figures }));
  if (figures.some(isOver)) process.exitCode = 1;
}

function promiseOf({ limit, unit }: Figure): string {
  if (limit === undefined) return '';
  return limit === 0 ? ' (promised: none)' : ` (promised: below ${limit} ${unit})`;
}
