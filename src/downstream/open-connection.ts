import type { DownstreamConfig } from '../config/config.ts';
import type { Logger } from '../log.ts';
import { type Deferred, deferred } from '../promises.ts';
import { isSessionLost } from './causes.ts';
import { connectTo, isRefusal } from './connecting/connect.ts';
import type { Connection, ConnectionLimits } from './connection.ts';
import type { ListKeeper } from './lists/list-keeper.ts';
import { type ListLimits, readListing } from './lists/listing.ts';
import type { Wishes } from './lists/wishes.ts';

/** What a connection is made from. */
export interface Target {
  readonly config: DownstreamConfig;
  readonly limits: ConnectionLimits & ListLimits;
}

/** A connection that has listed. */
export interface Ready {
  readonly connection: Connection;
  readonly config: DownstreamConfig;
  readonly ended: Deferred<Ending>;
  /** It is told no more what callers want of its downstream. */
  stopTelling(): void;
}

/** How it ended. */
export interface Ending {
  readonly why: string;
  readonly detail?: string | undefined;
  /** It is not lost, but not wanted any more: what runs on it finishes. */
  readonly isDismissed?: boolean;
  /** By a call over HTTP that met a session or a socket that was gone: there is no loop, as calls do not make themselves. */
  readonly isFoundOut?: boolean;
}

interface OpenOptions extends Target {
  readonly key: string;
  readonly log: Logger;
  /** Gives it up. */
  readonly signal: AbortSignal;
  readonly failures: number;
  readonly lists: Pick<ListKeeper, 'current' | 'isTold' | 'announce' | 'publish'>;
  readonly wishes: Wishes;
  /** The downstream refuses our credentials. */
  onRefused(): void;
}

/** Connects, says what is wanted of the downstream, and lists. Leaves nothing behind when it fails. */
export async function openConnection(options: OpenOptions): Promise<Ready> {
  const { config, limits, key, log, signal, failures, lists, wishes } = options;
  const ended = deferred<Ending>();
  let opened: Connection | undefined;
  let stopTelling = () => {};
  try {
    opened = await connectTo(config, {
      limits,
      log,
      signal,
      failures,
      mode: 'auto',
      capabilities: {},
      onListChanged: lists.announce,
      onUpdated: wishes.updated,
      onTask: wishes.taskChanged,
      onElicitationDone: wishes.elicitationDone,
      onClosed: (why) => ended.resolve({ why }),
    });
    const leave = () => void opened?.close();
    signal.addEventListener('abort', leave);
    try {
      stopTelling = await wishes.tell(opened);
      if (!lists.isTold) lists.publish(await readListing(opened, key, limits, lists.current));
      signal.throwIfAborted();
    } finally {
      signal.removeEventListener('abort', leave);
    }
    return { connection: opened, config, ended, stopTelling };
  } catch (failure) {
    stopTelling();
    await opened?.close().catch(() => {});
    const error = saidInNewSession(failure);
    if (isRefusal(error)) options.onRefused();
    throw error;
  }
}

/** A session that has just begun is not lost: what might say so means something else. */
function saidInNewSession(error: unknown): unknown {
  return (isSessionLost(error) && (error as Error).cause) || error;
}
