import type { Profile } from '../config/profiles.ts';
import type { Listed } from '../downstream/lists/listing.ts';
import { changeField } from '../protocol/change.ts';
import { isObject, type Params } from '../protocol/messages.ts';
import { matchesGlob } from './glob.ts';
import { kept } from './kept.ts';
import type { OfferedTool, ToolRoute } from './offered-tool.ts';

/*
 * MCP Apps (`io.modelcontextprotocol/ui`): a tool says in its `_meta` which resource is the app that shows its results.
 * What an app then asks of its server, its host sends on as it is: by the names that server gave its tools.
 */

/** Where else the resource of an app is named: the first form of MCP Apps, and that of OpenAI's Apps SDK. */
const FLAT_KEYS = ['ui/resourceUri', 'openai/outputTemplate'] as const;

/** A tool, or its result, with the app named as callers know it. The same object where nothing has to change. */
export function exposeAppUris<T extends Params>(owner: T, expose: (uri: string) => string): T {
  const change = (uri: unknown) => (typeof uri === 'string' ? expose(uri) : uri);
  return changeField(owner, '_meta', (meta) => {
    let changed = changeField(meta, 'ui', (ui) => changeField(ui, 'resourceUri', change));
    for (const key of FLAT_KEYS) changed = changeField(changed, key, change);
    return changed;
  }) as T;
}

function hasApp({ _meta: meta }: Listed): boolean {
  if (!isObject(meta)) return false;
  const { ui } = meta;
  return (isObject(ui) && ui.resourceUri !== undefined) || FLAT_KEYS.some((key) => meta[key] !== undefined);
}

/** A caller that is not told of apps shows none. */
export function showsApps({ toolMeta }: Profile): boolean {
  return toolMeta.some((glob) => matchesGlob(glob, 'ui'));
}

/** A tool that no model is to see. Hosts know that, where they know apps. */
export function isForAppsAlone({ _meta: meta }: Listed): boolean {
  const ui = isObject(meta) ? meta.ui : undefined;
  const visibility = isObject(ui) ? ui.visibility : undefined;
  return Array.isArray(visibility) && visibility.includes('app') && !visibility.includes('model');
}

/**
 * What an app means by the name of a tool: those of that name that a server with apps has, and that this caller is shown.
 * More than one, and nobody can tell whose app it is.
 */
export function findRoutesOfApps(
  offered: Iterable<OfferedTool>,
  routes: ReadonlyMap<string, ToolRoute>,
): ReadonlyMap<string, readonly ToolRoute[]> {
  const withApps = new Set(
    [...offered].filter(({ tool }) => hasApp(tool)).map(({ downstream }) => downstream),
  );
  const byName = new Map<string, ToolRoute[]>();
  for (const route of routes.values()) {
    if (!withApps.has(route.downstream)) continue;
    const { argumentRules: rules } = route;
    kept(byName, route.originalName, () => []).push({
      ...route,
      // The names of arguments are the server's as well, and a host mirrors those of tools that it knows.
      argumentRules: rules && { ...rules, originalName: new Map() },
      exposedParamHeaders: [],
    });
  }
  return byName;
}
