import type { CatalogSource } from '../../catalog/offered-tool.ts';
import type { Publishing } from '../../catalog/publishing.ts';
import type { DownstreamConfig } from '../../config/config.ts';
import type { Downstream } from '../../downstream/downstream.ts';
import { createToldList } from '../../downstream/lists/told-list.ts';
import type { FirstProcess, FurtherProcess, Offer } from './processes.ts';

/** The lists are the same objects as long as nothing is new. */
export function sameOffers(before: readonly Offer[], after: readonly Offer[]): boolean {
  return (
    before.length === after.length &&
    after.every(({ key, isStateless, list, notes }, at) => {
      const other = before[at];
      return (
        other?.key === key &&
        other.isStateless === isStateless &&
        other.list === list &&
        JSON.stringify(other.notes) === JSON.stringify(notes)
      );
    })
  );
}

/** Connections come and go where lists stay. */
const LOOK_MS = 1000;

/** Tells the other processes what there is: when it is said to, and when a connection is another. */
export function tellOffers({ onOffers }: FirstProcess, publishing: Pick<Publishing, 'isSettled'>) {
  /** What was published last: lists that wait to be are none of theirs either. */
  let latest: readonly CatalogSource[] = [];
  const tell = (published = latest) => {
    latest = published;
    onOffers(
      latest.map(({ downstream: { key, isStateless }, ...offered }) => ({ key, isStateless, ...offered })),
      publishing.isSettled,
    );
  };
  const looking = setInterval(tell, LOOK_MS).unref();
  return { tell, close: () => clearInterval(looking) };
}

type ToldLists = ReadonlyMap<string, ReturnType<typeof createToldList>>;

/** Of a process that asks no downstream for its list. */
export const toldLists = ({ relist }: FurtherProcess, downstreams: readonly DownstreamConfig[]): ToldLists =>
  new Map(downstreams.map(({ key }) => [key, createToldList(() => relist(key))]));

/**
 * The same in a process that is told. It connects to those that it may.
 *
 * @param lists  what it knows of their lists
 */
export function takeOffers(
  offers: readonly Offer[],
  downstreams: readonly Downstream[],
  lists: ToldLists,
): CatalogSource[] {
  const offered = new Map(offers.map(({ key, ...offer }) => [key, offer]));
  return downstreams.map((downstream) => {
    const { isStateless = false, ...source } = offered.get(downstream.key) ?? { list: undefined };
    if (source.list !== undefined) lists.get(downstream.key)?.tell(source.list);
    if (isStateless) downstream.start();
    return { downstream, ...source };
  });
}
