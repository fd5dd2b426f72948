import { isAscii, isUtf8 } from 'node:buffer';

/** What these bytes say; undefined where they are not UTF-8. Most are ASCII, which takes a fraction of the time. */
export function decodeUtf8(bytes: Buffer): string | undefined {
  if (isAscii(bytes)) return bytes.toString('latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

const BYTE_ORDER_MARK = 0xfeff;

/** The text without the byte order mark that it may begin with. */
export const withoutMark = (text: string) => (text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text);

const MAX_REMEMBERED = 1000;
const MAX_REMEMBERED_CHARS = 256;

/**
 * Remembers what is made of texts of which there are few, such as names and methods. Who makes them up gets no more room
 * than these bounds.
 */
export function remembering<T extends {}>(make: (text: string) => T): (text: string) => T {
  const remembered = new Map<string, T>();
  return (text) => {
    let made = remembered.get(text);
    if (made === undefined) {
      made = make(text);
      if (text.length > MAX_REMEMBERED_CHARS) return made;
      if (remembered.size >= MAX_REMEMBERED) remembered.clear();
      remembered.set(text, made);
    }
    return made;
  };
}
