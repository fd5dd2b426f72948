import { stripVTControlCharacters } from 'node:util';

/** Text of a downstream as a terminal may show it: without colours, line breaks and what else moves the cursor. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '');
}
