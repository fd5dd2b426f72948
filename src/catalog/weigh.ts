import type { ChangePolicy } from '../config/config.ts';
import type { Listed, Listing } from '../downstream/lists/listing.ts';
import { differences, digestOf } from './digest.ts';

/** What is held against what was accepted. Resources are not: they are data, and come and go. */
export const KINDS = ['tools', 'prompts', 'instructions'] as const;
export type Kind = (typeof KINDS)[number];

export interface AcceptedDefinition {
  readonly digest: string;
  readonly definition: Listed;
}

/** What was accepted of one downstream, by kind and name. */
export interface Accepted {
  /** Which server it was: another one at the same key begins anew. */
  readonly server: string;
  /** Without a kind that could not be read yet: what it has then is accepted. */
  readonly definitions: Readonly<Partial<Record<Kind, ReadonlyMap<string, AcceptedDefinition>>>>;
}

/** A definition that is not what was accepted. */
export interface Changed {
  readonly kind: Kind;
  readonly name: string;
  /** Undefined for a new one. */
  readonly before: Listed | undefined;
  readonly after: Listed;
}

export interface Weighed {
  readonly accepted: Accepted;
  /** The list as callers may be shown it; the same object where that is all of it. */
  readonly served: Listing;
  readonly changed: readonly Changed[];
}

/**
 * Those that are not listed any more are remembered, or taking a tool away and back would accept any change. With `block`
 * all of them: nothing is added to them but by a person.
 */
const MAX_ABSENT = { warn: 256, block: Number.POSITIVE_INFINITY };

/**
 * Holds a list against what was accepted. What is seen first is accepted: of a server as a whole, and with `warn` of each
 * tool. With `block`, what has changed or was added since is not served; what was accepted is.
 */
export function weigh(
  accepted: Accepted | undefined,
  list: Listing,
  server: string,
  policy: Exclude<ChangePolicy, 'off'>,
): Weighed {
  const known = accepted?.server === server ? accepted : undefined;
  const changed: Changed[] = [];
  let hasCopies = false;
  const definitions: Partial<Record<Kind, ReadonlyMap<string, AcceptedDefinition>>> = {};
  const served = {} as Record<Kind, readonly Listed[]>;

  for (const kind of KINDS) {
    const before = known?.definitions[kind];
    if (isUnread(list, kind)) {
      if (before !== undefined) definitions[kind] = before;
      served[kind] = [];
      continue;
    }
    const kept = new Map(before);
    const shown = new Map<string, readonly Listed[]>();
    const judge = (name: string, after: Listed): readonly Listed[] => {
      const digest = digestOf(after);
      const earlier = before?.get(name);
      if (earlier?.digest === digest) return [after];
      const isFirst = before === undefined || (earlier === undefined && policy === 'warn');
      if (!isFirst) changed.push({ kind, name, before: earlier?.definition, after });
      if (!isFirst && policy === 'block') return earlier === undefined ? [] : [earlier.definition];
      kept.set(name, { digest, definition: after });
      return [after];
    };
    served[kind] = definitionsIn(list, kind).flatMap((after) => {
      const { name } = after;
      // What is odd is left out further on, with its reason.
      if (typeof name !== 'string') return [after];
      const first = shown.get(name);
      if (first === undefined) {
        const judged = judge(name, after);
        shown.set(name, judged);
        return judged;
      }
      hasCopies = true;
      // Which of them counts is decided further on: here none counts but the one that was weighed.
      return policy === 'block' ? first : [after];
    });
    const absent = [...kept.keys()].filter((name) => !shown.has(name));
    for (const name of absent.slice(0, Math.max(0, absent.length - MAX_ABSENT[policy]))) kept.delete(name);
    definitions[kind] = kept;
  }
  const isWhole = policy === 'warn' || (changed.length === 0 && !hasCopies);
  return {
    accepted: { server, definitions },
    served: isWhole
      ? list
      : {
          ...list,
          tools: served.tools,
          ...(list.prompts !== undefined && { prompts: served.prompts }),
          instructions: served.instructions[0]?.text as string | undefined,
        },
    changed,
  };
}

export function definitionsIn({ tools, prompts = [], instructions }: Listing, kind: Kind): readonly Listed[] {
  if (kind === 'tools') return tools;
  if (kind === 'prompts') return prompts;
  return instructions === undefined ? [] : [instructionsAs(instructions)];
}

/** Nobody knows what there is: were that taken for none, all of it would be new later. */
export const isUnread = ({ prompts = [], unreadPrompts }: Listing, kind: Kind) =>
  kind === 'prompts' && unreadPrompts === true && prompts.length === 0;

/** Texts have no identity, and digests are remembered by it. */
const instructionsAs = (text: string): Listed => ({ name: 'instructions', text });

/** Accepts these, as they are now. */
export function accept(accepted: Accepted, changes: readonly Changed[]): Accepted {
  const definitions = { ...accepted.definitions };
  for (const { kind, name, after } of changes) {
    definitions[kind] = new Map(definitions[kind]).set(name, { digest: digestOf(after), definition: after });
  }
  return { ...accepted, definitions };
}

const MAX_FIELDS = 5;

/** The changed fields of a definition, the first of them. */
export function fieldsOf({ before, after }: Changed): string {
  const paths = differences(before, after).map(({ path }) => path);
  const more = paths.length > MAX_FIELDS ? ` and ${paths.length - MAX_FIELDS} more` : '';
  return paths.slice(0, MAX_FIELDS).join(', ') + more;
}

/** As notes and the log call it. */
export function shownName({ kind, name }: Pick<Changed, 'kind' | 'name'>): string {
  return kind === 'prompts' ? `prompt ${name}` : name;
}
