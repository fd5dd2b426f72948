const MAX_CHARS = 32;

export function judgeKey(key: string): string | undefined {
  if (key === '') return 'needs a name between the quotes';
  if (/\p{Cc}/u.test(key)) return 'has a control character in its name; remove it';
  // It could not stand in a URI.
  return key.isWellFormed() ? undefined : 'has half a character in its name, as \\ud800 is; remove it';
}

export function judgePrefix(prefix: string): string | undefined {
  if (prefix.length > MAX_CHARS) return `may have at most ${MAX_CHARS} characters, has ${prefix.length}`;
  return /^[a-zA-Z0-9_-]*$/.test(prefix) ? undefined : 'may only have letters (a-z, A-Z), digits, _ and -';
}

/** Two underscores, so that a reader sees where the name of the tool begins. */
export function prefixFromKey(key: string): string {
  return `${key.replace(/[^a-zA-Z0-9_-]/gu, '_')}__`;
}
