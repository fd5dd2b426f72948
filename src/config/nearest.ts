/**
 * The known word that a mistyped one was probably meant to be: case and separators do not count, and one letter in
 * three may be wrong.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > 40) return undefined;
  const typed = plain(word);
  let best: string | undefined;
  let bestDistance = Math.floor(typed.length / 3) + 1;
  for (const candidate of known) {
    const letters = plain(candidate);
    if (Math.abs(letters.length - typed.length) >= bestDistance) continue;
    const distance = editDistance(typed, letters, bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Its letters and digits, in lower case. */
export function plain(word: string): string {
  return word.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** Levenshtein's, one row at a time, and no further than it can stay below the limit. */
function editDistance(from: string, to: string, limit: number): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let line = 1; line <= from.length; line++) {
    const next = [line];
    let least = line;
    for (let column = 1; column <= to.length; column++) {
      const replaced = (row[column - 1] ?? 0) + (from[line - 1] === to[column - 1] ? 0 : 1);
      const distance = Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1);
      if (distance < least) least = distance;
      next.push(distance);
    }
    if (least >= limit) return limit;
    row = next;
  }
  return row[to.length] ?? 0;
}
