import type { Downstream } from '../downstream/downstream.ts';
import type { Listed } from '../downstream/lists/listing.ts';
import { isObject } from '../protocol/messages.ts';
import { withoutHidden } from '../visible.ts';
import {
  COMMON_FIELDS,
  findWrong,
  findWrongIcon,
  isText,
  isYesOrNo,
  type Rule,
  YES_OR_NO,
} from './judge-fields.ts';
import { type ItemKind, noteIdle, offerItems } from './offer-items.ts';
import type { CatalogNote, CatalogSource } from './offered-tool.ts';

/** A prompt that its operator lets through, whoever asks. */
export interface OfferedPrompt {
  readonly downstream: Downstream;
  readonly originalName: string;
  readonly publicName: string;
  readonly prompt: Listed;
}

const FIELDS: readonly Rule[] = [
  ...COMMON_FIELDS,
  ['arguments', (value) => Array.isArray(value) && value.every(isObject), 'a list of objects'],
];

const ARGUMENT_FIELDS: readonly Rule[] = [
  ['title', isText, 'text'],
  ['description', isText, 'text'],
  ['required', isYesOrNo, YES_OR_NO],
];

/** The prompts of one downstream that can be offered, by name. */
export function offerPrompts({ downstream, list }: CatalogSource, notes: CatalogNote[]): OfferedPrompt[] {
  const kind: ItemKind = { noun: 'prompt', idField: 'name', filter: downstream.config.prompts, wrongIn };
  if (list === undefined) return [];
  noteIdle(downstream, 'prompts', list.prompts, 'name', notes);
  return offerItems(downstream, list.prompts, kind, notes).map(({ id, item }) => ({
    downstream,
    originalName: id,
    publicName: id,
    prompt: item,
  }));
}

// A caller could not send back what would be shown of it.
const HIDDEN_NAME = 'arguments.name has invisible characters';

function wrongIn(prompt: Listed): string | undefined {
  const top = findWrong(FIELDS, prompt) ?? findWrongIcon(prompt);
  if (top !== undefined) return top;
  for (const argument of (prompt.arguments ?? []) as readonly Listed[]) {
    const wrong = isText(argument.name)
      ? findWrong(ARGUMENT_FIELDS, argument, 'arguments.')
      : 'arguments.name is not text';
    if (wrong !== undefined) return wrong;
    if (withoutHidden(String(argument.name)) !== argument.name) return HIDDEN_NAME;
  }
  return undefined;
}
