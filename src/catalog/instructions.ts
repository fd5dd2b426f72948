import { cutText } from '../cut.ts';
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
  if (sources.length === 0) return cutText(about ?? '', maxChars);
  const lines = [
    about ?? 'The tools of several servers, by the beginning of their names:',
    ...sources.map(({ downstream: { key, config } }) => {
      const names = config.prefix === '' ? 'no prefix' : `${config.prefix}…`;
      return `- ${oneLine(key)} (${names})${config.description === undefined ? '' : `: ${oneLine(config.description)}`}`;
    }),
  ];
  const own = sources.flatMap(({ downstream: { key, config }, list }): Own[] => {
    if (!config.passesInstructions || list?.instructions === undefined) return [];
    const before = `\n\nInstructions of the server ${oneLine(key)}, in its own words:\n\`\`\`\n`;
    // The fence must not be closed from within.
    const words = withoutHidden(list.instructions).replaceAll('```', "'''");
    return [{ before, words: cutText(words, MAX_OWN_CHARS) }];
  });
  const whole = lines.join('\n');
  return cutText(whole, maxChars) + shareRoom(own, maxChars - whole.length).join('');
}

interface Own {
  /** Its name, and the fence opened. */
  readonly before: string;
  readonly words: string;
}

const FENCE_END = '\n```';
/** Fewer say nothing. */
const MIN_OWN_CHARS = 32;

/** Each as much as the others, and what one does not need is for them. Where there is no room for all, the last are left out. */
function shareRoom(own: readonly Own[], room: number): string[] {
  const frames = own.reduce((sum, { before }) => sum + before.length + FENCE_END.length, 0);
  const least = own.reduce((sum, { words }) => sum + Math.min(words.length, MIN_OWN_CHARS), 0);
  if (frames + least > room) return own.length === 0 ? [] : shareRoom(own.slice(0, -1), room);
  let left = room - frames;
  const shares = new Map<Own, number>();
  // The shortest first: what it leaves is known before the longer ones are cut.
  for (const [index, each] of own.toSorted((a, b) => a.words.length - b.words.length).entries()) {
    const share = Math.min(each.words.length, Math.floor(left / (own.length - index)));
    shares.set(each, share);
    left -= share;
  }
  return own.map((each) => each.before + cutText(each.words, shares.get(each) ?? 0) + FENCE_END);
}

const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim();
