import { hash } from 'node:crypto';
import { withoutHidden } from '../visible.ts';

/** What every caller accepts: OpenAI, Anthropic and Claude's connectors refuse a whole list for one name beyond it. */
export const MAX_NAME_CHARS = 64;
const VALID_NAME = /^[a-zA-Z0-9_-]+$/;

/** A tool on its way to its name. */
export interface Nameable {
  readonly downstream: { readonly key: string; readonly config: { readonly prefix: string } };
  /** Its identity, with the downstream: never changed by what an operator renames. */
  readonly originalName: string;
  /** What stands behind the prefix. */
  readonly publicName: string;
}

export interface Naming<T> {
  readonly nameOf: ReadonlyMap<T, string>;
  /** Why it is not prefix and name, for those where it is not. */
  readonly whyOf: ReadonlyMap<T, string>;
  /** To stand after the tool's name. */
  readonly notes: readonly { readonly on: T; readonly note: string }[];
}

/**
 * Gives each tool its exposed name. Two that would bear the same are told apart by rule and never by arrival:
 * unchanged names come before changed ones, an earlier tool before a later one; the other gets its hash.
 */
export function assignNames<T extends Nameable>(tools: readonly T[], maxChars: number): Naming<T> {
  const nameOf = new Map<T, string>();
  const whyOf = new Map<T, string>();
  const taken = new Map<string, T>();
  const notes: Naming<T>['notes'][number][] = [];
  const candidates = tools.map((tool) => ({ tool, plain: plainName(tool), names: namesFor(tool, maxChars) }));
  const isPlain = ({ plain, names }: (typeof candidates)[number]) => names[0] === plain;
  for (const candidate of [...candidates.filter(isPlain), ...candidates.filter((c) => !isPlain(c))]) {
    const { tool, names } = candidate;
    const first = names[0] as string;
    const name = names.find((option) => !taken.has(option));
    if (name === undefined) {
      notes.push({ on: tool, note: 'is left out: every name it could have is taken.' });
      continue;
    }
    const rival = taken.get(first);
    taken.set(name, tool);
    nameOf.set(tool, name);
    if (rival === undefined && isPlain(candidate)) continue;
    const isTaken = `"${rival?.downstream.key}" already has ${first}`;
    const why = rival === undefined ? brokenRules(candidate.plain, maxChars) : isTaken;
    whyOf.set(tool, why);
    notes.push({ on: tool, note: noteOfName(name, why) });
  }
  return { nameOf, whyOf, notes };
}

/** To stand after the tool's name. */
export const noteOfName = (exposedName: string, why: string) => `is exposed as ${exposedName}: ${why}.`;

function brokenRules(plain: string, maxChars: number): string {
  const rules = [
    ...(plain.length > maxChars ? [`${maxChars} characters at most`] : []),
    ...(VALID_NAME.test(plain) ? [] : ['only A-Z a-z 0-9 _ -']),
  ];
  return rules.join(', ');
}

const plainName = ({ downstream, publicName }: Nameable) => downstream.config.prefix + publicName;

const namesFor = (tool: Nameable, maxChars: number) =>
  exposedNames(tool.downstream.key, plainName(tool), tool.originalName, maxChars);

/**
 * The names a tool may get, best first. Prefix and name stand as they are where they fit; otherwise odd characters
 * become `_`, and a hash of (downstream, original name) keeps apart what that made equal. The same input gives the
 * same names for ever.
 *
 * @param plain  prefix and name
 */
export function exposedNames(
  downstream: string,
  plain: string,
  originalName: string,
  maxChars: number,
): readonly string[] {
  const readable = withoutHidden(plain).replace(/[^a-zA-Z0-9_-]/g, '_');
  // Half a surrogate pair would be hashed as U+FFFD, like every other half.
  const identity = originalName.isWellFormed() ? originalName : JSON.stringify(originalName);
  const digest = hash('sha256', `${downstream}\0${identity}`, 'hex');
  const hashed = [8, 16].map(
    (length) => `${readable.slice(0, maxChars - length - 1)}_${digest.slice(0, length)}`,
  );
  return plain.length <= maxChars && VALID_NAME.test(plain) ? [plain, ...hashed] : hashed;
}
