import type { Listed } from '../downstream/lists/listing.ts';
import { isObject } from '../protocol/messages.ts';
import { DATA, NAMED } from '../protocol/schema-keywords.ts';
import { withoutHidden } from '../visible.ts';
import { kept } from './kept.ts';
import { MAX_NAME_CHARS } from './names.ts';

/** A definition as it may be shown. */
export interface Clean {
  /** Itself where nothing had to be changed. */
  readonly item: Listed;
  /** What was changed, to stand after its name. */
  readonly notes: readonly string[];
  /** Why it cannot be shown, to stand after its name. */
  readonly fault: string | undefined;
  /** Words in it that look like names of tools. */
  readonly words: ReadonlySet<string>;
}

/** Lists that stay the same are merged again and again. */
const known = new WeakMap<Listed, Clean>();

/**
 * Takes what is hidden out of every text of a definition, and icons that are not of a harmless scheme. What it is
 * known by, its `idField`, stays: calls go by it.
 */
export const clean = (item: Listed, idField: string): Clean =>
  kept(known, item, () => cleanAnew(item, idField));

/** `sent` is what a caller sends back as it is shown; `names` are those of schemas. */
type Kind = 'text' | 'schema' | 'names' | 'sent';

const SENT: ReadonlySet<string> = new Set(['enum', 'const', 'default']);

function kindIn(kind: Kind, key: string): Kind {
  if (kind === 'names') return 'schema';
  if (kind !== 'schema') return kind;
  if (NAMED.has(key)) return 'names';
  if (SENT.has(key)) return 'sent';
  return DATA.has(key) ? 'text' : 'schema';
}

function cleanAnew(item: Listed, idField: string): Clean {
  const words = new Set<string>();
  const changed: string[] = [];
  const made: Listed = {};
  let fault: string | undefined;
  /** @param field  the outermost that it stands in */
  const cleanValue = (value: unknown, field: string, kind: Kind): unknown => {
    if (typeof value === 'string') {
      if (kind === 'sent') {
        // A line end is seen as one.
        if (withoutHidden(value) === value.replaceAll('\r\n', '\n')) return value;
        fault = `is left out: a value in its ${field}, for callers to send, has invisible characters.`;
      }
      const text = withoutHidden(value);
      for (const [word] of MARK.test(text) ? text.matchAll(WORDS) : []) {
        if (word.length <= MAX_NAME_CHARS && MARK.test(word)) words.add(word);
      }
      return text;
    }
    if (Array.isArray(value)) {
      const items = value.map((each) => cleanValue(each, field, kind));
      return items.some((each, index) => each !== value[index]) ? items : value;
    }
    if (!isObject(value)) return value;
    const entries = Object.entries(value).map(([key, each]) => {
      // A caller could not send back what was changed here.
      if (withoutHidden(key) !== key) fault = `is left out: a name in its ${field} has invisible characters.`;
      return [key, cleanValue(each, field, kindIn(kind, key))] as const;
    });
    return entries.some(([key, each]) => each !== value[key]) ? Object.fromEntries(entries) : value;
  };
  for (const [field, value] of Object.entries(item)) {
    const shown = withoutHidden(field);
    const kind = field === 'inputSchema' ? 'schema' : 'text';
    const cleaned = field === idField ? value : cleanValue(value, shown, kind);
    if (cleaned !== value || shown !== field) changed.push(shown);
    if (shown === field) Object.defineProperty(made, field, { ...PLAIN, value: cleaned });
  }
  const notes: string[] = [];
  if (changed.length > 0) {
    notes.push(`has invisible or control characters in its ${changed.join(', ')}; they are taken out.`);
  }
  const isCut = dropIcons(made);
  if (isCut) notes.push('has icons that are neither https: nor data:; they are left out.');
  return { item: isCut || changed.length > 0 ? made : item, notes, fault, words };
}

/** An assignment to `__proto__` would be something else. */
const PLAIN = { enumerable: true, configurable: true, writable: true } as const;

/** Only those with a mark in them count: `search` is a tool here and there, and a word everywhere. */
const MARK = /[_-]/;
const WORDS = /[A-Za-z0-9_-]+/g;

/** Spec 2026-07-28, icons: other schemes are unsafe. */
function dropIcons(item: Listed): boolean {
  const { icons } = item;
  if (!Array.isArray(icons)) return false;
  const safe = icons.filter((icon) => isObject(icon) && /^(https|data):/i.test(String(icon.src)));
  if (safe.length === icons.length) return false;
  if (safe.length > 0) item.icons = safe;
  else delete item.icons;
  return true;
}
