import type { Config } from '../config/config.ts';
import { GENERIC, PROFILES, type Profile } from '../config/profiles.ts';
import { capsOf, findExcess } from './caps.ts';
import { findIdle } from './glob.ts';
import type { CatalogNote } from './offered-tool.ts';
import type { View } from './view.ts';

/** What the file says about who is shown what. */
export type Configured = Pick<Config, 'profiles' | 'toolsets' | 'profile'>;

export const NOTHING_CONFIGURED: Configured = { profiles: new Map(), toolsets: new Map() };

/** What callers get that are not known for more. */
export const genericOf = ({ profiles }: Configured) => profiles.get('generic') ?? GENERIC;

/** What an operator should know about the toolsets and profiles of the file. */
export function noteConfigured(
  configured: Configured,
  view: (profile: Profile, toolset?: View['toolset']) => View,
  /** All exposed names; undefined while some downstream has not listed yet. */
  names: readonly string[] | undefined,
): CatalogNote[] {
  const notes: CatalogNote[] = [];
  const addNote = (tool: string, note: string) => void notes.push({ downstream: undefined, tool, note });
  const noteExcess = (subject: string, profile: Profile, toolset?: View['toolset']) => {
    // A view that nobody has asked for is not made for nothing.
    if (capsOf(profile).length === 0) return;
    const asShown = view(profile, toolset);
    const excess = findExcess(asShown);
    if (excess !== undefined) addNote(subject, `has ${asShown.routes.size} tools, ${excess.text}.`);
  };
  const ofToolsets = new Set<Profile>();
  for (const toolset of configured.toolsets.values()) {
    const subject = `toolset ${toolset.name}`;
    for (const glob of names === undefined ? [] : findIdle(toolset, names)) {
      addNote(subject, `has ${JSON.stringify(glob)} in include or exclude, which matches nothing.`);
    }
    const profile = toolset.profile ?? configured.profile ?? genericOf(configured);
    if (toolset.profile !== undefined) ofToolsets.add(profile);
    noteExcess(subject, profile, toolset);
  }
  for (const [name, profile] of configured.profiles) {
    // The built-in ones are there whether anybody uses them or not; one of a toolset is meant for that.
    const isOwn = profile !== PROFILES.get(name) && !ofToolsets.has(profile);
    if (isOwn || profile === configured.profile) noteExcess(`profile ${name}`, profile);
  }
  return notes;
}
