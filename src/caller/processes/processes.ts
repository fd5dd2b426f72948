import type { Socket } from 'node:net';
import type { CatalogSource } from '../../catalog/offered-tool.ts';
import type { Config } from '../../config/config.ts';
import type { Listing } from '../../downstream/lists/listing.ts';
import type { News } from '../../relay/elsewhere.ts';
import type { Numbers } from '../observing/metrics.ts';
import type { SessionEnd } from '../sessions.ts';

/** The process that has what there can be only one of: commands, pages, what waits for its caller to come back. */
export const MAIN = 0;

/** What a gateway knows of the other processes that serve the same callers. */
export type Processes = FirstProcess | FurtherProcess;

interface AmongProcesses {
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
  /** Resolves when others hand it nothing more, with how many calls these had to cut. Asked once, when it closes. */
  drain(graceMs: number): Promise<number>;
}

export interface FirstProcess extends AmongProcesses {
  readonly isFirst: true;
  /**
   * Others start with these settings. Resolves when they are there, or cannot be, with what has them take over, which is
   * done before anything of the settings is told: those before finish what they have.
   */
  prepare(config: Config, token: string): Promise<() => void>;
  /** The others are to offer this, and where it is not all yet, to let callers wait. */
  onOffers(offers: readonly Offer[], isSettled: boolean): void;
  /** What the others have counted. */
  numbers(): readonly Numbers[];
  /**
   * Whether another process takes the connection.
   *
   * @param comeBack  told where it does not arrive there
   */
  giveAway(connection: Socket, comeBack: (connection: Socket) => void): boolean;
}

export interface FurtherProcess extends AmongProcesses {
  readonly isFirst: false;
  /** The first is to know what was given up here, since this one ends before it. */
  sessionEnded(end: SessionEnd): void;
  /** The first is to ask a downstream for its list now. Resolves with what it then has. */
  relist(key: string): Promise<Listing | undefined>;
}

/** What a downstream offers, as the first process tells the others. */
export interface Offer extends Omit<CatalogSource, 'downstream'> {
  readonly key: string;
  /** Each process may have a connection of its own to it. */
  readonly isStateless: boolean;
}

/** A gateway as other processes see it that serve the same callers. */
export interface Member {
  /** Serves connections that another process has taken. Resolves with what takes them in. */
  join(host: string): Promise<(connection: Socket) => void>;
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
