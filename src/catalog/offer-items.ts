import type { NameFilter } from '../config/config.ts';
import type { Downstream } from '../downstream/downstream.ts';
import type { Listed } from '../downstream/lists/listing.ts';
import { withoutHidden } from '../visible.ts';
import { clean } from './clean.ts';
import { findIdle, lets } from './glob.ts';
import type { CatalogNote } from './offered-tool.ts';

/** A prompt, resource or resource template that its operator lets through, whoever asks. */
export interface OfferedItem {
  readonly downstream: Downstream;
  /** Its name or URI. */
  readonly id: string;
  readonly item: Listed;
}

export interface ItemKind {
  /** As a person calls one. */
  readonly noun: string;
  readonly idField: 'name' | 'uri' | 'uriTemplate';
  readonly filter: NameFilter | undefined;
  /** The first field that callers would reject the list for, and what it is not. */
  wrongIn(item: Listed): string | undefined;
}

const HIDDEN_URI = 'is left out: its URI has invisible characters.';

/** Those of one downstream's list that can be offered, by their ids. One bad item costs one item. */
export function offerItems(
  downstream: Downstream,
  items: readonly Listed[] = [],
  { noun, idField, filter, wrongIn }: ItemKind,
  notes: CatalogNote[],
): OfferedItem[] {
  const offered = new Map<string, OfferedItem>();
  for (const [index, item] of items.entries()) {
    const given = item[idField];
    const isGiven = typeof given === 'string' && given !== '';
    const id = isGiven ? given : `#${index + 1}`;
    if (filter !== undefined && !lets(filter, id)) continue;
    const addNote = (note: string) =>
      void notes.push({ downstream: downstream.key, tool: `${noun} ${id}`, note });
    const wrong = isGiven ? wrongIn(item) : `${idField} is not text`;
    if (wrong !== undefined) addNote(`is left out: its ${wrong}.`);
    else if (offered.has(id)) addNote('is listed twice; the first one counts.');
    else {
      const { item: shown, notes: changes, fault } = clean(item, idField);
      // Callers ask for it by what it says.
      const hidden = idField !== 'name' && withoutHidden(id) !== id ? HIDDEN_URI : fault;
      for (const change of hidden === undefined ? changes : [hidden]) addNote(change);
      if (hidden === undefined) offered.set(id, { downstream, id, item: shown });
    }
  }
  return [...offered.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Globs of an entry that let through or keep back nothing of what its server lists. */
export function noteIdle(
  downstream: Downstream,
  kind: 'prompts' | 'resources',
  listed: readonly Listed[] = [],
  idField: ItemKind['idField'],
  notes: CatalogNote[],
): void {
  const filter = downstream.config[kind];
  if (filter === undefined) return;
  const ids = listed.map((item) => item[idField]).filter((id) => typeof id === 'string');
  for (const glob of findIdle(filter, ids)) {
    const note = `stands in ${kind}.include or ${kind}.exclude, and matches nothing that the server lists.`;
    notes.push({ downstream: downstream.key, tool: glob, note });
  }
}
