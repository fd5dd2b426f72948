import { cutText } from '../protocol/text.ts';
import { withoutHidden } from '../visible.ts';
import type { CatalogSource } from './offered-tool.ts';

/** Of one downstream's own, where its entry passes them on. */
const MAX_OWN_CHARS = 2048;

/**
 * What a caller's model is told about the whole: which servers there are, how their tools begin, what each is for. It
 * is ours; a downstream speaks in it only where its entry says so, and then under its name.
 */
export function writeInstructions(
  sources: readonly CatalogSource[],
  about: string | undefined,
  maxChars = Infinity,
): string {
  if (sources.length === 0) return about ?? '';
  const lines = [
    about ?? 'The tools of several servers, by the beginning of their names:',
    ...sources.map(({ downstream: { key, config } }) => {
      const names = config.prefix === '' ? 'no prefix' : `${config.prefix}…`;
      return `- ${oneLine(key)} (${names})${config.description === undefined ? '' : `: ${oneLine(config.description)}`}`;
    }),
  ];
  const own = sources.flatMap(({ downstream: { key, config }, list }) => {
    if (!config.passesInstructions || list?.instructions === undefined) return [];
    // The fence must not be closed from within.
    const text = cutText(withoutHidden(list.instructions).replaceAll('```', "'''"), MAX_OWN_CHARS);
    return [`Instructions of the server ${oneLine(key)}, in its own words:\n\`\`\`\n${text}\n\`\`\``];
  });
  return cutText([lines.join('\n'), ...own].join('\n\n'), maxChars);
}

const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim();
