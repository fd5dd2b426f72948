import type { View } from '../catalog/view.ts';

/** Models differ; English and JSON come to about this. */
const CHARS_PER_TOKEN = 4;

export const tokensOf = (json: string) => Math.ceil(json.length / CHARS_PER_TOKEN);

export interface Totals {
  /** What a person should know about the whole list. */
  readonly lines: readonly string[];
  /** What would break that caller. */
  readonly breaks: readonly string[];
}

/** A list against the limits of its profile. */
export function totalsOf({ profile, routes, leftOut, lists }: View): Totals {
  const tools = [...routes.values()];
  const list = lists.get('tools/list')?.modern ?? Buffer.alloc(0);
  const bytes = list.length;
  const unhinted = tools.filter(
    ({ tool }) => (tool.annotations as { readOnlyHint?: unknown } | undefined)?.readOnlyHint === undefined,
  ).length;
  const { name, recommendedTools, maxTools } = profile;
  const lines = [`${tools.length} tools for ${name}: ${bytes} bytes, ~${tokensOf(list.toString())} tokens`];
  const breaks: string[] = [];
  if (recommendedTools !== undefined && tools.length > recommendedTools) {
    lines.push(`more than the ${recommendedTools} that are recommended; see toolsets, tools.include`);
  }
  if (maxTools !== undefined && tools.length > maxTools) {
    breaks.push(`${tools.length} tools are more than the ${maxTools} that ${name} takes`);
  }
  for (const { downstream, tool, note } of leftOut) {
    breaks.push(`"${downstream}": ${JSON.stringify(tool)} ${note}`);
  }
  if (unhinted > 0) {
    lines.push(
      `${unhinted} without readOnlyHint: callers that ask before writes ask for these`,
      '(Realtime asks for every tool unless require_approval says otherwise)',
    );
  }
  return { lines: [...lines, ...breaks], breaks };
}
