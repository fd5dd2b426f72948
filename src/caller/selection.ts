import type { Configured } from '../catalog/configured.ts';
import type { ToolsetConfig } from '../config/config.ts';
import type { Profile } from '../config/profiles.ts';

/** What a caller meets: all of the catalog or a toolset, as its profile has it. */
export interface Selection {
  readonly profile: Profile;
  readonly toolset: ToolsetConfig | undefined;
  /** What it was chosen by: a caller that stays is chosen for anew under another configuration. */
  readonly url: string;
  readonly userAgent: string;
}

export type Selector = (
  url: string,
  userAgent: string | undefined,
) => Selection | { readonly refusal: string };

/**
 * Clients by the beginning of their User-Agent, the more special first: what `openai-mcp` stands for is told by its
 * suffix alone.
 */
const CLIENTS: readonly (readonly [userAgent: RegExp, profile: string])[] = [
  [/^openai-mcp\b.*\(Realtime API\)/i, 'realtime'],
  [/^openai-mcp\b/i, 'openai'],
  [/^claude-(code|user)\b/i, 'claude'],
  [/^cursor\//i, 'cursor'],
];

/** Callers differ in few URLs and User-Agents; who makes them up gets no more room than this. */
const MAX_REMEMBERED = 256;

/**
 * Chooses by the URL (`/mcp/<toolset>`, `?profile=`), else by the configuration, else by the User-Agent, else `generic`.
 */
export function createSelector(rules: Configured): Selector {
  const remembered = new Map<string, Map<string, ReturnType<Selector>>>();
  let count = 0;
  // Two maps and no joined key: a text that is made for each request has to be hashed for each.
  return (url, userAgent = '') => {
    const known = remembered.get(url)?.get(userAgent);
    if (known !== undefined) return known;
    if (++count > MAX_REMEMBERED) {
      remembered.clear();
      count = 1;
    }
    const selected = select(rules, url, userAgent);
    const ofUrl = remembered.get(url) ?? new Map<string, ReturnType<Selector>>();
    remembered.set(url, ofUrl.set(userAgent, selected));
    return selected;
  };
}

/**
 * That of one caller that stays: as it is chosen now, or was last, where there is nothing for it any more.
 *
 * @throws Error where there never was
 */
export function followSelection(select: Selector, url: string): () => Selection {
  const first = select(url, undefined);
  if ('refusal' in first) throw new Error(first.refusal);
  let last = first;
  return () => {
    const selection = select(url, undefined);
    if (!('refusal' in selection)) last = selection;
    return last;
  };
}

function select(rules: Configured, url: string, userAgent: string): ReturnType<Selector> {
  const [path = '', query = ''] = url.split('?', 2);
  const name = path.slice('/mcp'.length).replace(/^\/|\/$/g, '');
  const toolset = rules.toolsets.get(name);
  if (name !== '' && toolset === undefined) {
    return { refusal: 'There is no such toolset. The whole catalog is at /mcp.' };
  }
  const asked = new URLSearchParams(query).get('profile');
  const byUrl = asked === null ? toolset?.profile : rules.profiles.get(asked);
  if (asked !== null && byUrl === undefined) {
    return { refusal: `There is no such profile. There is: ${[...rules.profiles.keys()].join(', ')}.` };
  }
  const profile = byUrl ?? rules.profile ?? byUserAgent(rules.profiles, userAgent);
  return { profile, toolset, url, userAgent };
}

function byUserAgent(profiles: ReadonlyMap<string, Profile>, userAgent: string): Profile {
  const [, name] = CLIENTS.find(([client]) => client.test(userAgent)) ?? [];
  return profiles.get(name ?? 'generic') as Profile;
}
