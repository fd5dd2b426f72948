import type { ToolsetConfig } from './config.ts';
import { nearest } from './nearest.ts';
import type { Place, Report } from './problems.ts';
import { PROFILES, type Profile } from './profiles.ts';
import type { ProfileShape, ToolsetShape } from './schema-shaping.ts';
import type { Partly } from './shape.ts';
import { readFilter } from './tool-shaping.ts';

/** They stand in URLs. */
const NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const NAME_PROBLEM = 'is no name for a URL; use up to 64 letters, digits, _ and -';

type Shapes<T> = Partly<Record<string, T>> | undefined;

/** The built-in profiles and the file's own; one of the file replaces a built-in one of the same name. */
export function readProfiles(shapes: Shapes<ProfileShape>, report: Report): ReadonlyMap<string, Profile> {
  const profiles = new Map(PROFILES);
  for (const [name, shape] of Object.entries(shapes ?? {})) {
    if (shape === undefined) continue;
    const at = ['profiles', name];
    if (!NAME.test(name)) report(at, NAME_PROBLEM);
    const base =
      shape.from === undefined
        ? (PROFILES.get(name) ?? PROFILES.get('generic'))
        : findProfile(shape.from, [...at, 'from'], profiles, report);
    if (base !== undefined) profiles.set(name, inherit(base, name, shape));
  }
  return profiles;
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

/** A profile by its name; one that is not there is reported. */
export function findProfile(
  name: string,
  at: Place,
  profiles: ReadonlyMap<string, Profile>,
  report: Report,
): Profile | undefined {
  const found = profiles.get(name);
  if (found !== undefined) return found;
  const names = [...profiles.keys()];
  const meant = nearest(name, names);
  report(
    at,
    `is no profile; ${meant === undefined ? `there is ${names.join(', ')}` : `did you mean ${meant}?`}`,
  );
  return undefined;
}

export function readToolsets(
  shapes: Shapes<ToolsetShape>,
  profiles: ReadonlyMap<string, Profile>,
  report: Report,
): ReadonlyMap<string, ToolsetConfig> {
  const toolsets = new Map<string, ToolsetConfig>();
  for (const [name, shape] of Object.entries(shapes ?? {})) {
    if (shape === undefined) continue;
    const at = ['toolsets', name];
    if (!NAME.test(name)) report(at, NAME_PROBLEM);
    const profile =
      shape.profile === undefined
        ? undefined
        : findProfile(shape.profile, [...at, 'profile'], profiles, report);
    toolsets.set(name, {
      name,
      ...readFilter(shape, at, report),
      ...(profile !== undefined && { profile }),
      ...(shape.description !== undefined && { description: shape.description }),
    });
  }
  return toolsets;
}
