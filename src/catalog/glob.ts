import type { NameFilter } from '../config/config.ts';

/** Whether a filter lets a name through. */
export function lets({ include, exclude }: NameFilter, name: string): boolean {
  const matches = (glob: string) => matchesGlob(glob, name);
  return (include === undefined || include.some(matches)) && !exclude.some(matches);
}

/** The globs of a filter that match none of the names: somebody has mistyped them, or the names have changed. */
export function findIdle({ include = [], exclude }: NameFilter, names: Iterable<string>): string[] {
  const all = [...names];
  return [...include, ...exclude].filter((glob) => !all.some((name) => matchesGlob(glob, name)));
}

/**
 * `*` stands for any characters, `?` for one; everything else for itself. Names are foreign and may be long: this looks
 * back to the last `*` only, where a regular expression could try for ever.
 */
export function matchesGlob(glob: string, name: string): boolean {
  let at = 0;
  let inGlob = 0;
  let lastStar = -1;
  let lastStarAt = 0;
  while (at < name.length) {
    if (glob[inGlob] === '*') {
      lastStar = inGlob++;
      lastStarAt = at;
    } else if (glob[inGlob] === '?' || (inGlob < glob.length && glob[inGlob] === name[at])) {
      inGlob++;
      at++;
    } else if (lastStar >= 0) {
      inGlob = lastStar + 1;
      at = ++lastStarAt;
    } else return false;
  }
  while (glob[inGlob] === '*') inGlob++;
  return inGlob === glob.length;
}
