import { capsOf, findExcess } from '../catalog/caps.ts';
import { sentenceOf } from '../catalog/holder.ts';
import type { View } from '../catalog/view.ts';

/** Models differ; English and JSON come to about this. */
const CHARS_PER_TOKEN = 4;

/** Profiles of callers that are told whether to ask. */
const WITH_REQUIRE_APPROVAL = ['realtime', 'openai'];

export const tokensOf = (json: string) => Math.ceil(json.length / CHARS_PER_TOKEN);

export interface Totals {
  /** What a person should know about the whole list. */
  readonly lines: readonly string[];
  /** What would break that caller. */
  readonly breaks: readonly string[];
}

/** A list against the limits of its profile. */
export function totalsOf(view: View): Totals {
  const { profile, routes, leftOut, lists } = view;
  const tools = [...routes.values()];
  const list = lists.get('tools/list')?.modern ?? Buffer.alloc(0);
  const unhinted = tools.filter(
    ({ tool }) => (tool.annotations as { readOnlyHint?: unknown } | undefined)?.readOnlyHint === undefined,
  ).length;
  const size = `${list.length} bytes, ~${tokensOf(list.toString())} tokens`;
  const caps = capsOf(profile);
  const lines = [
    `${tools.length} tools for ${profile.name}: ${size}`,
    ...(caps.length === 0 ? [] : [`${tools.length} tools, ${caps.join(', ')}`]),
  ];
  const breaks: string[] = [];
  const excess = findExcess(view);
  if (excess !== undefined) {
    (excess.breaks ? breaks : lines).push(`${tools.length} tools are ${excess.text}`);
  }
  breaks.push(...leftOut.map(sentenceOf));
  if (unhinted > 0) {
    lines.push(`${unhinted} without readOnlyHint: callers that ask before writes ask for these`);
    if (WITH_REQUIRE_APPROVAL.includes(profile.name))
      lines.push('(OpenAI asks for every tool unless require_approval says otherwise)');
  }
  return { lines: [...lines, ...breaks], breaks };
}
