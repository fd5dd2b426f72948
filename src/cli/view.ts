import type { View } from '../catalog/view.ts';
import type { Config } from '../config/config.ts';
import type { Gateway } from '../gateway.ts';
import { UsageError } from './usage-error.ts';

/** Whose list it is about. */
export interface ViewOptions {
  /** A profile. */
  for?: string;
  toolset?: string;
}

/**
 * The list as a caller of that profile meets it.
 *
 * @throws UsageError where there is no such profile or toolset
 */
export function viewOf({ catalog }: Gateway, config: Config, options: ViewOptions): View {
  const toolset =
    options.toolset === undefined ? undefined : find(config.toolsets, 'toolset', options.toolset, config);
  const asked = options.for === undefined ? undefined : find(config.profiles, 'profile', options.for, config);
  const profile = asked ?? toolset?.profile ?? config.profile;
  return profile === undefined && toolset === undefined
    ? catalog.generic
    : catalog.view(profile ?? catalog.generic.profile, toolset);
}

/** Where that caller would find it over HTTP. */
export function selectionUrl(config: Config, options: ViewOptions): string {
  if (options.toolset !== undefined) find(config.toolsets, 'toolset', options.toolset, config);
  if (options.for !== undefined) find(config.profiles, 'profile', options.for, config);
  const path = options.toolset === undefined ? '/mcp' : `/mcp/${options.toolset}`;
  return options.for === undefined ? path : `${path}?profile=${options.for}`;
}

function find<T>(known: ReadonlyMap<string, T>, thing: string, name: string, { file }: Config): T {
  const found = known.get(name);
  if (found !== undefined) return found;
  const others = known.size > 0 ? `There is: ${[...known.keys()].join(', ')}` : `${file} has none`;
  throw new UsageError(`There is no ${thing} "${name}".\n${others}.`);
}
