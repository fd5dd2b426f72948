import type { Catalog } from '../catalog/merge.ts';
import type { View } from '../catalog/view.ts';
import type { Caller } from './caller.ts';
import type { Selector } from './selection.ts';

/**
 * What a caller that stays is shown now: it outlives the configuration, and the catalog, that it came under. Undefined
 * where that is no more.
 */
export function createViewNow(
  select: Selector,
  catalog: { readonly current: Catalog },
): (caller: Caller) => View | undefined {
  return ({ selection: { url, userAgent } }) => {
    const selection = select(url, userAgent);
    return 'refusal' in selection ? undefined : catalog.current.view(selection.profile, selection.toolset);
  };
}
