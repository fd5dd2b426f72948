import type { IncomingHttpHeaders } from 'node:http';
import type { Catalog } from '../catalog/merge.ts';
import type { View } from '../catalog/view.ts';
import type { Caller } from './caller.ts';
import type { Selector } from './selection.ts';

/**
 * What a caller that stays is shown now: it outlives the configuration, the catalog, and the token, that it came under.
 * Undefined where that is no more.
 *
 * @param hasToken  whether what came with these headers would be let in now
 */
export function createViewNow(
  select: Selector,
  catalog: { readonly current: Catalog },
  hasToken: (headers: IncomingHttpHeaders) => boolean,
): (caller: Caller) => View | undefined {
  return ({ selection: { url, userAgent }, selectionNow, headers }) => {
    if (headers !== undefined && !hasToken(headers)) return undefined;
    const selection = selectionNow?.() ?? select(url, userAgent);
    return 'refusal' in selection ? undefined : catalog.current.view(selection.profile, selection.toolset);
  };
}
