import type { Socket } from 'node:net';
import type { CatalogSource } from '../catalog/offered-tool.ts';
import type { Publishing } from '../catalog/publishing.ts';
import type { Config, DownstreamConfig } from '../config/config.ts';
import type { Downstream } from '../downstream/downstream.ts';
import type { Listing } from '../downstream/listing.ts';
import { createToldList } from '../downstream/told-list.ts';
import type { News } from '../relay/elsewhere.ts';
import type { Numbers } from './metrics.ts';
import type { SessionEnd } from './sessions.ts';

/** The process that has what there can be only one of: commands, pages, what waits for its caller to come back. */
export const MAIN = 0;

/** Where a gateway stands among the processes that serve the same callers. */
export interface Processes {
  /** Of the first: `MAIN`. */
  readonly index: number;
  /** The socket on which a process is handed requests. */
  pathOf(index: number): string;
  /** Whether this one, which is not the first, serves. */
  isThere(index: number): boolean;
  /** The same of one that has not ended, and may be about to. */
  isAlive(index: number): boolean;
  /** Tells the others which of its calls run. */
  tell(news: News): void;
  /** Of those that are not the first: it is to know what was given up here, since they end before it. */
  sessionEnded?(end: SessionEnd): void;
  /** Of those that are not the first: it is to ask a downstream for its list now. Resolves with what it then has. */
  relist?(key: string): Promise<Listing | undefined>;
  /**
   * Of the first: others start with these settings. Resolves when they are there, or cannot be, with what has them take
   * over, which is done before anything of the settings is told: those before finish what they have.
   */
  prepare?(config: Config, token: string): Promise<() => void>;
  /** Of the first: the others are to offer this, and where it is not all yet, to let callers wait. */
  onOffers?(offers: readonly Offer[], isSettled: boolean): void;
  /** Of the first: what the others have counted. */
  numbers?(): readonly Numbers[];
  /**
   * Of the first: whether another process takes the connection.
   *
   * @param comeBack  told where that one has ended before
   */
  giveAway?(connection: Socket, comeBack: (connection: Socket) => void): boolean;
}

/** A gateway as other processes see it that serve the same callers. */
export interface Member {
  /** Of one that has joined others: this is offered from now on. */
  offer(offers: readonly Offer[], isSettled: boolean): void;
  /** What another process tells of its calls; absent, it has ended. */
  hear(from: number, news?: News): void;
  /** Another process has ended a session. */
  hearEnded(end: SessionEnd): void;
  /** A downstream has refused another process for what its list said: it is asked for its list now. */
  relist(key: string): Promise<Listing | undefined>;
  /** Callers have another token; the one before is accepted for a time. `reload` changes it by itself. */
  changeToken(token: string, keepMs: number): void;
  /** What this process has counted, for another one that adds it up. */
  numbers(): Numbers | undefined;
}

/** What a downstream offers, as the first process tells the others. */
export interface Offer extends Omit<CatalogSource, 'downstream'> {
  readonly key: string;
  /** Each process may have a connection of its own to it. */
  readonly isStateless: boolean;
}

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
export function tellOffers(processes: Processes, publishing: Pick<Publishing, 'isSettled'>) {
  /** What was published last: lists that wait to be are none of theirs either. */
  let latest: readonly CatalogSource[] = [];
  const tell = (published = latest) => {
    latest = published;
    processes.onOffers?.(
      latest.map(({ downstream: { key, isStateless }, ...offered }) => ({ key, isStateless, ...offered })),
      publishing.isSettled,
    );
  };
  const looking = processes.onOffers && setInterval(tell, LOOK_MS).unref();
  return { tell, close: () => clearInterval(looking) };
}

type ToldLists = ReadonlyMap<string, ReturnType<typeof createToldList>>;

/** Of a process that has joined others: it asks no downstream for its list. Undefined in the first. */
export const toldLists = (
  processes: Processes | undefined,
  downstreams: readonly DownstreamConfig[],
): ToldLists | undefined =>
  processes === undefined || processes.index === MAIN
    ? undefined
    : new Map(downstreams.map(({ key }) => [key, createToldList(async () => processes.relist?.(key))]));

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
