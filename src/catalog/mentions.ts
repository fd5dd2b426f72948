import { kept } from './kept.ts';
import type { CatalogNote, OfferedTool } from './offered-tool.ts';

const MAX_NAMED = 3;
/** A shorter prefix begins many words by chance. */
const MIN_PREFIX_CHARS = 3;

/**
 * Definitions that name tools of another downstream, or their prefix: so one server can steer what a model does with
 * those of another. It may be harmless; a person is told.
 */
export function findMentions(
  offered: readonly OfferedTool[],
  nameOf: ReadonlyMap<OfferedTool, string>,
): CatalogNote[] {
  const ownerOf = new Map([...nameOf].map(([{ downstream }, name]) => [name, downstream.key]));
  const prefixes = new Map<string, Set<string>>();
  for (const { key, config } of new Set(offered.map(({ downstream }) => downstream))) {
    if (config.prefix.length < MIN_PREFIX_CHARS) continue;
    kept(prefixes, config.prefix, () => new Set()).add(key);
  }
  // The longest first: one prefix may begin with another. Several servers may share one.
  const lengths = [...new Set([...prefixes.keys()].map((prefix) => prefix.length))].sort((a, b) => b - a);
  const prefixOwner = (word: string, key: string) => {
    for (const length of lengths) {
      const owners = length <= word.length ? prefixes.get(word.slice(0, length)) : undefined;
      if (owners !== undefined) return owners.has(key) ? key : [...owners][0];
    }
    return undefined;
  };
  if (new Set(ownerOf.values()).size < 2) return [];
  return offered.flatMap((tool) => {
    const { key } = tool.downstream;
    const named = [...tool.words].flatMap((word) => {
      if (word === tool.originalName) return [];
      const owner = ownerOf.get(word) ?? prefixOwner(word, key);
      return owner === undefined || owner === key ? [] : [`${word} of "${owner}"`];
    });
    if (named.length === 0) return [];
    const more = named.length > MAX_NAMED ? ` and ${named.length - MAX_NAMED} more` : '';
    const note = `names tools of other servers: ${named.slice(0, MAX_NAMED).join(', ')}${more}.`;
    return [{ downstream: key, tool: tool.originalName, note }];
  });
}
