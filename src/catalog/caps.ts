import type { View } from './view.ts';

type Capped = Pick<View, 'profile' | 'routes'>;

/** How many tools a kind of caller takes, in words; empty where there is no limit. */
export function capsOf({ recommendedTools, maxTools }: Capped['profile']): string[] {
  return [
    ...(recommendedTools === undefined ? [] : [`recommended at most ${recommendedTools}`]),
    ...(maxTools === undefined ? [] : [`at most ${maxTools}`]),
  ];
}

export interface Excess {
  /** To stand after the number of tools. */
  readonly text: string;
  /** Such a caller would refuse the list, or lose some of it. */
  readonly breaks: boolean;
}

/** A list with more tools than its caller takes, or takes well. */
export function findExcess({ profile, routes }: Capped): Excess | undefined {
  const { name, recommendedTools = Infinity, maxTools = Infinity } = profile;
  if (routes.size > maxTools) return { text: `more than the ${maxTools} that ${name} takes`, breaks: true };
  if (routes.size <= recommendedTools) return undefined;
  const text = `more than the ${recommendedTools} recommended for ${name}; see toolsets, tools.include`;
  return { text, breaks: false };
}
