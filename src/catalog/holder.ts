import type { Downstream } from '../downstream/downstream.ts';
import type { Logger } from '../log.ts';
import { type Catalog, type CatalogNote, merge } from './merge.ts';

/** Holds the catalog in force. */
export interface CatalogHolder {
  readonly current: Catalog;
  /** Makes a new catalog of what the downstreams have listed by now. */
  update(downstreams: readonly Downstream[]): void;
}

export function createCatalogHolder(log: Logger): CatalogHolder {
  let current = merge([]);
  return {
    get current() {
      return current;
    },
    update(downstreams) {
      const known = new Set(current.notes.map(sentenceOf));
      current = merge(downstreams.map((downstream) => ({ downstream, list: downstream.toolList })));
      for (const note of current.notes) {
        const sentence = sentenceOf(note);
        if (!known.has(sentence)) log.warn({ event: 'tool_note', downstream: note.downstream }, sentence);
      }
    },
  };
}

/** A note as a person reads it. */
export function sentenceOf({ downstream, tool, note }: CatalogNote): string {
  return `"${downstream}": ${JSON.stringify(tool)} ${note}`;
}
