import { identityOf } from '../config/identity.ts';
import type { Downstream } from '../downstream/downstream.ts';
import type { Listing } from '../downstream/lists/listing.ts';
import type { Logger } from '../log.ts';
import { digestOf } from './digest.ts';
import type { CatalogNote, CatalogSource } from './offered-tool.ts';
import { type Accepted, accept, type Changed, fieldsOf, shownName, type Weighed, weigh } from './weigh.ts';

/** What operators have accepted of each downstream, and what of its list is served by that. */
export interface Acceptance {
  sourceOf(downstream: Downstream): CatalogSource;
  /** Undefined where nothing is held against anything. */
  acceptedOf(key: string): Accepted | undefined;
  /** Takes over what was approved elsewhere of what waits here, and all of who is not known here. False where nothing waited. */
  adopt(approved: ReadonlyMap<string, Accepted>): boolean;
}

/** @param restored  of an earlier run, by key */
export function createAcceptance(restored: ReadonlyMap<string, Accepted>, log: Logger): Acceptance {
  const accepted = new Map(restored);
  /** Of each, the list that was weighed last: catalogs are made far more often than lists change. */
  const last = new Map<string, { list: Listing; policy: string; server: string; weighed: Weighed }>();

  function weighed({ key, config, listing: list, listedBy }: Downstream): Weighed | undefined {
    const { definitionChanges: policy } = config;
    if (list === undefined) return undefined;
    if (policy === 'off') {
      // As in the file: held against it later, what was served last counts, and not what was accepted before.
      accepted.delete(key);
      last.delete(key);
      return undefined;
    }
    const server = identityOf(listedBy);
    const known = last.get(key);
    if (known?.list === list && known.policy === policy && known.server === server) return known.weighed;
    const made = weigh(accepted.get(key), list, server, policy);
    accepted.set(key, made.accepted);
    last.set(key, { list, policy, server, weighed: made });
    if (policy === 'warn') for (const change of made.changed) warn(key, change);
    return made;
  }

  function warn(key: string, change: Changed): void {
    const fields = fieldsOf(change);
    log.warn(
      {
        event: 'definition_changed',
        downstream: key,
        tool: shownName(change),
        fields,
        digest: digestOf(change.after),
      },
      `"${key}": ${JSON.stringify(shownName(change))} is not what it was: ${fields}`,
    );
  }

  return {
    sourceOf(downstream) {
      const { key, config, listing } = downstream;
      const found = weighed(downstream);
      if (found === undefined || config.definitionChanges !== 'block') return { downstream, list: listing };
      return { downstream, list: found.served, notes: found.changed.map((change) => noteOn(key, change)) };
    },
    acceptedOf: (key) => accepted.get(key),
    adopt(approved) {
      let isAny = false;
      for (const [key, theirs] of approved) if (!accepted.has(key)) accepted.set(key, theirs);
      for (const [key, { weighed, policy, server }] of last) {
        const theirs = approved.get(key);
        if (policy !== 'block' || theirs?.server !== server) continue;
        const changes = weighed.changed.filter(
          ({ kind, name, after }) => theirs.definitions[kind]?.get(name)?.digest === digestOf(after),
        );
        if (changes.length === 0) continue;
        accepted.set(key, accept(weighed.accepted, changes));
        last.delete(key);
        isAny = true;
        for (const { kind, name } of changes) {
          const tool = shownName({ kind, name });
          log.info(
            { event: 'definition_approved', downstream: key, tool },
            `"${key}": ${JSON.stringify(tool)} was approved`,
          );
        }
      }
      return isAny;
    },
  };
}

export const APPROVE = 'npx mcp-switchboard approve';
/** Where a person sees what waits. */
export const APPROVE_LIST = `${APPROVE} --list`;

function noteOn(downstream: string, change: Changed): CatalogNote {
  const note =
    change.before === undefined
      ? 'is new, and not served before it is approved'
      : `is not what was approved, which is served: ${fieldsOf(change)}`;
  return { downstream, tool: shownName(change), note: `${note} (${APPROVE_LIST}).` };
}
