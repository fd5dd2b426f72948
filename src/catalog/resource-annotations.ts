import type { Listed } from '../downstream/lists/listing.ts';
import { isObject } from '../protocol/messages.ts';
import { findWrong, type Rule } from './judge-fields.ts';

/** SDK clients read them by more than their type: one that is wrong and they reject the whole list. */
const FIELDS: readonly Rule[] = [
  [
    'audience',
    (value) => Array.isArray(value) && value.every((role) => role === 'user' || role === 'assistant'),
    'a list of user and assistant',
  ],
  ['priority', (value) => typeof value === 'number' && value >= 0 && value <= 1, 'a number from 0 to 1'],
  ['lastModified', isTimestamp, 'a date with its time and zone'],
];

/**
 * A resource without those of its annotations that callers reject. They are hints: the resource is worth more, and
 * many servers write a time without its zone.
 *
 * @param addNote  gets what is taken out, to stand after its name
 */
export function mendAnnotations(item: Listed, addNote: (note: string) => void): Listed {
  if (!isObject(item.annotations)) return item;
  const annotations = { ...item.annotations };
  let isMended = false;
  for (const rule of FIELDS) {
    const wrong = findWrong([rule], annotations, 'annotations.');
    if (wrong === undefined) continue;
    delete annotations[rule[0]];
    isMended = true;
    addNote(`is listed without one of its annotations: its ${wrong}.`);
  }
  return isMended ? { ...item, annotations } : item;
}

const TIMESTAMP =
  /^(\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

function isTimestamp(value: unknown): boolean {
  const day = typeof value === 'string' ? TIMESTAMP.exec(value)?.[1] : undefined;
  const parsed = new Date(`${day}T00:00Z`);
  // 30 February is read as 2 March.
  return !Number.isNaN(parsed.valueOf()) && parsed.toISOString().startsWith(`${day}`);
}
