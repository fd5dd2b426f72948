import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, join, parse, resolve, sep } from 'node:path';

/** As many as a system follows before it takes them for a circle. */
const MAX_LINKS = 40;

/** The links on the way to a file, and where it leads, also where nothing is yet. */
export function trace(file: string): { links: string[]; end: string } {
  const links: string[] = [];
  let { root: here } = parse(file);
  let steps = file.slice(here.length).split(sep);
  while (steps.length > 0) {
    const [step = '', ...others] = steps;
    const path = join(here, step);
    const target = links.length < MAX_LINKS ? targetOf(path) : undefined;
    if (target === undefined) here = path;
    else {
      links.push(path);
      here = parse(path).root;
    }
    steps = target === undefined ? others : [...target.slice(here.length).split(sep), ...others];
  }
  return { links, end: here };
}

/** Absolute; undefined for what is no link, or not there. */
function targetOf(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? resolve(dirname(path), readlinkSync(path)) : undefined;
  } catch {
    return undefined;
  }
}
