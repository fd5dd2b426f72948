import type { Logger } from '../log.ts';
import { escapeHiddenJson } from '../visible.ts';
import type { Configured } from './configured.ts';
import { type Catalog, merge } from './merge.ts';
import type { CatalogNote, CatalogSource } from './offered-tool.ts';

/** Holds the catalog in force. */
export interface CatalogHolder {
  readonly current: Catalog;
  /** Makes a new catalog of what the downstreams list by now. */
  update(sources: readonly CatalogSource[], configured: Configured): void;
}

/** @param log  absent: another process says what is to be said about the tools */
export function createCatalogHolder(log: Logger | undefined): CatalogHolder {
  let current = merge([]);
  return {
    get current() {
      return current;
    },
    update(sources, configured) {
      const known = new Set(current.notes.map(sentenceOf));
      current = merge(sources, configured);
      for (const note of current.notes) {
        const sentence = sentenceOf(note);
        if (!known.has(sentence)) log?.warn({ event: 'tool_note', downstream: note.downstream }, sentence);
      }
    },
  };
}

/** A note as a person reads it. */
export function sentenceOf({ downstream, tool, note }: CatalogNote): string {
  return `${downstream === undefined ? '' : `"${downstream}": `}${escapeHiddenJson(JSON.stringify(tool))} ${note}`;
}
