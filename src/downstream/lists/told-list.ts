import type { ListKeeper } from './list-keeper.ts';
import type { Listing } from './listing.ts';

/**
 * The list of a downstream that another process keeps.
 *
 * @param relist  has that one ask for it now; resolves with what it then has
 */
export function createToldList(
  relist: () => Promise<Listing | undefined>,
): ListKeeper & { tell(list: Listing): void } {
  let current: Listing | undefined;
  return {
    isTold: true,
    get current() {
      return current;
    },
    tell(list) {
      current = list;
    },
    publish() {},
    announce() {},
    async refresh() {
      current = (await relist()) ?? current;
    },
    pause() {},
  };
}
