import type { Downstream } from '../downstream/downstream.ts';
import type { Listed } from '../downstream/listing.ts';
import { isObject } from '../protocol/messages.ts';
import { lets } from './glob.ts';
import {
  COMMON_FIELDS,
  findWrong,
  findWrongIcon,
  isText,
  isYesOrNo,
  type Rule,
  YES_OR_NO,
} from './judge-fields.ts';
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

/** The prompts of one downstream that can be offered, by name. One bad prompt costs one prompt. */
export function offerPrompts({ downstream, list }: CatalogSource, notes: CatalogNote[]): OfferedPrompt[] {
  const { config, key } = downstream;
  const offered = new Map<string, OfferedPrompt>();
  for (const [index, prompt] of (list?.prompts ?? []).entries()) {
    const { name } = prompt;
    const isNamed = typeof name === 'string' && name !== '';
    const shown = isNamed ? name : `#${index + 1}`;
    if (config.prompts !== undefined && !lets(config.prompts, shown)) continue;
    const addNote = (note: string) => void notes.push({ downstream: key, tool: `prompt ${shown}`, note });
    const wrong = isNamed ? wrongIn(prompt) : 'name is not text';
    if (wrong !== undefined) addNote(`is left out: its ${wrong}.`);
    else if (offered.has(shown)) addNote('is listed twice; the first one counts.');
    else offered.set(shown, { downstream, originalName: shown, publicName: shown, prompt });
  }
  return [...offered.values()].sort((a, b) => (a.originalName < b.originalName ? -1 : 1));
}

function wrongIn(prompt: Listed): string | undefined {
  const top = findWrong(FIELDS, prompt) ?? findWrongIcon(prompt);
  if (top !== undefined) return top;
  for (const argument of (prompt.arguments ?? []) as readonly Listed[]) {
    const wrong = isText(argument.name)
      ? findWrong(ARGUMENT_FIELDS, argument, 'arguments.')
      : 'arguments.name is not text';
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}
