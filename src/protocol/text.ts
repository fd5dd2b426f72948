import { isAscii, isUtf8 } from 'node:buffer';

/** A text of at most so many UTF-16 units, never cut within a character; one that is cut ends with "…". */
export function cutText(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const cut = text.slice(0, maxChars - 1);
  return `${cut.isWellFormed() ? cut : cut.replace(/[\ud800-\udbff]$/, '')}…`;
}

/** What these bytes say; undefined where they are not UTF-8. Most are ASCII, which takes a fraction of the time. */
export function decodeUtf8(bytes: Buffer): string | undefined {
  if (isAscii(bytes)) return bytes.toString('latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}
