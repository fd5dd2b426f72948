import type { ToolsetConfig } from '../config/config.ts';
import type { Profile } from '../config/profiles.ts';
import { escapeHidden } from '../visible.ts';
import { type Configured, genericOf, NOTHING_CONFIGURED, noteConfigured } from './configured.ts';
import { lets } from './glob.ts';
import { kept } from './kept.ts';
import { findMentions } from './mentions.ts';
import { assignNames, MAX_NAME_CHARS, type Nameable, type Naming } from './names.ts';
import { type CatalogNote, type CatalogSource, offerTools } from './offered-tool.ts';
import { offerPrompts } from './prompts.ts';
import { mapResources } from './resources.ts';
import { createView, type View } from './view.ts';

/** The merged picture of everything the downstreams offer. Never changed: a change makes a new one. */
export interface Catalog {
  /** What the operator should know about the tools, whoever asks for them. */
  readonly notes: readonly CatalogNote[];
  /** Those of the notes that tell of tools that no caller can be offered. */
  readonly setAside: readonly CatalogNote[];
  /** As callers without a profile or toolset of their own meet it. */
  readonly generic: View;
  /** Made when it is first asked for, and kept. */
  view(profile: Profile, toolset?: ToolsetConfig): View;
}

/**
 * Merges the lists of all downstreams: what has priority first, then in the order of the file, then by name.
 */
export function merge(
  sources: readonly CatalogSource[],
  configured: Configured = NOTHING_CONFIGURED,
): Catalog {
  const notes: CatalogNote[] = sources.flatMap((source) => source.notes ?? []);
  const setAside: CatalogNote[] = [];
  const offered = sources.flatMap((source) => offerTools(source, notes, setAside));
  const naming = createNaming(offered);
  const prompts = sources.flatMap((source) => offerPrompts(source, notes));
  const promptNaming = createNaming(prompts);
  const resources = mapResources(sources, notes);
  const place = new Map(sources.map(({ downstream }, index) => [downstream, index]));
  const ordered = offered.toSorted(
    (a, b) =>
      b.priority - a.priority ||
      (place.get(a.downstream) as number) - (place.get(b.downstream) as number) ||
      (a.publicName < b.publicName ? -1 : a.publicName > b.publicName ? 1 : 0),
  );
  const views = new Map<Profile, Map<ToolsetConfig | undefined, View>>();

  function makeView(profile: Profile, toolset: ToolsetConfig | undefined): View {
    const chosen = <T>(items: readonly T[], named: (maxChars: number) => Naming<T>) =>
      items.flatMap((item): [string, T][] => {
        const name = named(profile.maxNameChars).nameOf.get(item);
        const plainName = named(MAX_NAME_CHARS).nameOf.get(item);
        if (name === undefined || plainName === undefined) return [];
        return toolset === undefined || lets(toolset, plainName) ? [[name, item]] : [];
      });
    const tools = chosen(ordered, naming);
    const itsPrompts = chosen(prompts, promptNaming);
    const { whyOf } = naming(profile.maxNameChars);
    const shared = { profile, toolset, tools, prompts: itsPrompts, whyOf };
    if (toolset === undefined) return createView({ ...shared, resources, sources });
    // Of a server with something in the toolset, its resources belong to it.
    const shown = new Set([...tools, ...itsPrompts].map(([, { downstream }]) => downstream));
    const itsSources = sources.filter(({ downstream }) => shown.has(downstream));
    return createView({ ...shared, resources: mapResources(itsSources, [], sources), sources: itsSources });
  }

  // Looked up with every request: nothing is made on the way.
  function view(profile: Profile, toolset?: ToolsetConfig): View {
    const known = views.get(profile)?.get(toolset);
    if (known !== undefined) return known;
    const made = makeView(profile, toolset);
    kept(views, profile, () => new Map<ToolsetConfig | undefined, View>()).set(toolset, made);
    return made;
  }

  for (const { on, note } of naming(MAX_NAME_CHARS).notes) {
    notes.push({ downstream: on.downstream.key, tool: on.originalName, note });
  }
  for (const { on, note } of promptNaming(MAX_NAME_CHARS).notes) {
    notes.push({ downstream: on.downstream.key, tool: `prompt ${on.originalName}`, note });
  }
  const asGeneric = view(genericOf(configured));
  notes.push(...findMentions(offered, naming(MAX_NAME_CHARS).nameOf), ...asGeneric.leftOut);
  const isComplete = sources.every(({ list }) => list !== undefined);
  const names = [naming, promptNaming].flatMap((named) => [...named(MAX_NAME_CHARS).nameOf.values()]);
  notes.push(...noteConfigured(configured, view, isComplete ? names : undefined));
  return { notes: notes.map(visibly), setAside: setAside.map(visibly), generic: asGeneric, view };
}

const visibly = (note: CatalogNote): CatalogNote => ({ ...note, note: escapeHidden(note.note) });

/** The names of all of them for each length that a profile allows, made when they are first asked for. */
function createNaming<T extends Nameable>(items: readonly T[]): (maxChars: number) => Naming<T> {
  const namings = new Map<number, Naming<T>>();
  return (maxChars) => kept(namings, maxChars, () => assignNames(items, maxChars));
}
