import type { ListKeeper } from './list-keeper.ts';
import type { Listing } from './listing.ts';

/** The list of a downstream that another process keeps. */
export function createToldList(): ListKeeper & { tell(list: Listing): void } {
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
    refresh: () => Promise.resolve(),
    pause() {},
  };
}
