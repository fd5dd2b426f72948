/** Where a part of a text was left out. A secret that it stands in the middle of is found by it (`log.ts`). */
export const CUT = '…';

/** A text of at most so many UTF-16 units, never cut within a character; one that is cut ends with "…". */
export function cutText(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const cut = text.slice(0, maxChars - 1);
  return `${cut.isWellFormed() ? cut : cut.replace(/[\ud800-\udbff]$/, '')}${CUT}`;
}
