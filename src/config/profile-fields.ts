import type { ToolsetConfig } from './config.ts';
import { nearest } from './nearest.ts';
import type { Place, Report } from './problems.ts';
import { GENERIC, PROFILES, type Profile } from './profiles.ts';
import type { Reading } from './reading.ts';
import type { ProfileShape, ToolsetShape } from './schema-shaping.ts';
import type { Partly } from './shape.ts';
import { readFilter } from './tool-shaping.ts';

/** They stand in URLs. */
const NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const NAME_PROBLEM = 'is no name for a URL; use up to 64 letters, digits, _ and -';

/** As many as a person reads: a file may have thousands, and a mistake about each. */
const MAX_NAMES_TOLD = 20;

type Shapes<T> = Partly<Record<string, T>> | undefined;

/**
 * The built-in profiles and the file's own; one of the file replaces a built-in one of the same name. They may be made
 * from each other in any order, since JavaScript moves names that are numbers to the front.
 */
export function readProfiles(shapes: Shapes<ProfileShape>, report: Report): ReadonlyMap<string, Profile> {
  const own = new Map(Object.entries(shapes ?? {}));
  const made = new Set<string>();
  const known = new Map(PROFILES);
  for (const name of own.keys()) {
    if (!NAME.test(name)) report(['profiles', name], NAME_PROBLEM);
    // Those that it is made from come first. No recursion: a file has room for thousands in a row.
    for (const next of lineOf(name, own, made, report).reverse()) {
      const base = readBase(next, own.get(next)?.from, own, known, report);
      // One with a mistake is there all the same, so that those who name it are not told that it is missing.
      known.set(next, inherit(base ?? GENERIC, next, own.get(next) ?? {}));
      made.add(next);
    }
  }
  return new Map([...PROFILES.keys(), ...own.keys()].map((name) => [name, known.get(name) as Profile]));
}

type Own = ReadonlyMap<string, Partly<ProfileShape> | undefined>;

/** The profile, what it is made from, and so on, as far as these are the file's own and not made yet. */
function lineOf(name: string, own: Own, made: ReadonlySet<string>, report: Report): string[] {
  const line = new Set<string>();
  let last = name;
  let next: string | undefined = name;
  while (next !== undefined && own.has(next) && !made.has(next) && !line.has(next)) {
    line.add(next);
    last = next;
    const { from }: Partly<ProfileShape> = own.get(next) ?? {};
    next = from === next ? undefined : from;
  }
  if (next !== undefined && line.has(next)) {
    report(['profiles', last, 'from'], 'leads back to this profile; name another');
  }
  return [...line];
}

function readBase(
  name: string,
  from: string | undefined,
  own: Own,
  known: ReadonlyMap<string, Profile>,
  report: Report,
): Profile | undefined {
  const builtIn = PROFILES.get(name);
  if (from === undefined) return builtIn;
  const at = ['profiles', name, 'from'];
  if (from === name) {
    if (builtIn === undefined) report(at, 'is this profile itself; name another');
    return builtIn;
  }
  // Of a circle, which is reported, one is not there yet.
  return own.has(from) ? known.get(from) : findProfile(from, at, known, report);
}

/** null takes an inherited limit away. */
function inherit(base: Profile, name: string, { from: _from, ...shape }: Partly<ProfileShape>): Profile {
  const fields = { ...base, ...shape, name };
  const entries = Object.entries(fields).map(([field, value]) => [
    field,
    // What had a mistake was reported; what it inherits is as good as anything.
    value === undefined ? base[field as keyof Profile] : value,
  ]);
  return Object.fromEntries(entries.filter(([, value]) => value !== null && value !== undefined)) as Profile;
}

/** A profile by its name, where one is named; one that is not there is reported. */
export function findProfile(
  name: string | undefined,
  at: Place,
  profiles: ReadonlyMap<string, Profile>,
  report: Report,
): Profile | undefined {
  if (name === undefined) return undefined;
  const found = profiles.get(name);
  if (found !== undefined) return found;
  const names = firstOf(profiles.keys(), MAX_NAMES_TOLD).filter((each) => NAME.test(each));
  const meant = nearest(name, names);
  const there = meant === undefined ? 'there are' : `did you mean ${meant}? There are`;
  report(at, `is no profile; ${there} ${names.join(', ')}${more(profiles.size - MAX_NAMES_TOLD)}`);
  return undefined;
}

/** Without going through the rest, which would be done again for each of thousands of mistakes. */
function firstOf(names: Iterable<string>, count: number): string[] {
  const first: string[] = [];
  for (const name of names) {
    if (first.length === count) break;
    first.push(name);
  }
  return first;
}

function more(count: number): string {
  return count > 0 ? ` and ${count} more` : '';
}

export function readToolsets(
  shapes: Shapes<ToolsetShape>,
  profiles: ReadonlyMap<string, Profile>,
  { expander, report }: Reading,
): ReadonlyMap<string, ToolsetConfig> {
  const toolsets = new Map<string, ToolsetConfig>();
  for (const [name, shape] of Object.entries(shapes ?? {})) {
    if (shape === undefined) continue;
    const at = ['toolsets', name];
    if (!NAME.test(name)) report(at, NAME_PROBLEM);
    toolsets.set(name, {
      name,
      ...readFilter(shape, 'tools', at, report),
      profile: findProfile(shape.profile, [...at, 'profile'], profiles, report),
      description: expander.expand(shape.description, [...at, 'description']),
    });
  }
  return toolsets;
}
