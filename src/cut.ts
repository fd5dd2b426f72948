/** Where a part of a text was left out. A secret that it stands in the middle of is found by it (`log.ts`). */
export const CUT = '…';

/** A text of at most so many UTF-16 units, never cut within a character; one that is cut ends with "…". */
export function cutText(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const cut = text.slice(0, maxChars - 1);
  return `${cut.isWellFormed() ? cut : cut.replace(/[\ud800-\udbff]$/, '')}${CUT}`;
}

/** A name or URI that a caller gave, in a text: as long as its message may be, and not repeated at that length. */
export const briefly = (given: string) => cutText(given, 256);
