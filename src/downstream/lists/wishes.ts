import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../log.ts';
import { within } from '../../promises.ts';
import { isAtLeast, type LogLevel } from '../../protocol/log-levels.ts';
import type { Params } from '../../protocol/messages.ts';
import { ask } from '../ask.ts';
import { isSessionLost, isUnreached } from '../causes.ts';
import { backoffMs } from '../connecting/backoff.ts';
import type { Connection } from '../connection.ts';
import { AwaitedElicitations } from './awaited-elicitations.ts';
import { Hearings, type Watch } from './hearings.ts';
import { keepListening, type Listening } from './listening.ts';
import { Subscriptions } from './subscriptions.ts';

/**
 * What callers want of a downstream beside answers: to hear when a resource changes, and what it logs. Every connection
 * is told anew.
 */
export interface Wishes {
  /**
   * Hears of this resource, and of those below it, until it is stopped.
   *
   * @param uri  as the downstream knows it
   */
  watch(uri: string, onUpdated: (uri: string) => void): Watch;
  /** The same of a task, in the states that the downstream tells. */
  watchTask(taskId: string, onState: (state: Params) => void): Watch;
  /** Hears when this is done that a person was sent to; told once, to the latest who asks. */
  awaitElicitation(elicitationId: string, onDone: () => void): void;
  /** From which level on a downstream of the legacy era is to log. It is never told to log less again. */
  wantLogs(level: LogLevel): void;
  /** The downstream says that this has changed. */
  updated(uri: string): void;
  taskChanged(state: Params): void;
  elicitationDone(elicitationId: unknown): void;
  /** Told over a new connection that hears notices; the function returned ends that. */
  tell(connection: Connection): Promise<() => void>;
  /**
   * The same over a further connection, which lists nothing.
   *
   * @param isApart  to a process of its own, whose changes are told there and nowhere else
   */
  tellFurther(connection: Connection, isApart: boolean): () => void;
}

/** A connection over which it is told which resources are watched. */
interface Told {
  /** This is watched now, or is not any more. Resolves when that was said: false where it will not tell of it. */
  settle(uri: string): Promise<boolean>;
  /** Of the modern era: tasks are told of as well. */
  readonly listening?: Listening;
}

const WISH_TIMEOUT_MS = 5000;
/** How long the first lists wait for the stream that tells of their changes. */
const OPENING_MS = 2000;

/**
 * @param onMissed  notices may have been missed
 * @param isOver    whether a connection that seems to have lost its session is left for another one
 */
export function createWishes(
  key: string,
  log: Logger,
  onMissed: () => void,
  isOver: (connection: Connection) => Promise<boolean>,
): Wishes {
  const watched = new Hearings<string>();
  const tasks = new Hearings<Params>();
  const elicitations = new AwaitedElicitations();
  const loggers = new Set<Connection>();
  /** Those that hear notices, the newest last: there are two while one is to take over from another. */
  const telling = new Map<Connection, Told>();
  /** Processes of their own, beside the one that lists. */
  const apart = new Map<Connection, Told>();
  let logLevel: LogLevel | undefined;

  /** False where it is refused. What finds its session lost, or nobody there, is told over the next connection. */
  async function send(connection: Connection, method: string, params: Params): Promise<boolean> {
    for (let failures = 1; ; failures++) {
      try {
        await ask(connection, key, method, params, WISH_TIMEOUT_MS);
        return true;
      } catch (error) {
        log.debug({ event: 'wish_refused', method, error: (error as Error).message }, 'not granted');
        if (isSessionLost(error)) return isOver(connection);
        if (!isUnreached(error)) return false;
        if (isTold(connection)) await sleep(backoffMs(failures), undefined, { ref: false });
        if (!isTold(connection)) return true;
      }
    }
  }

  const isTold = (connection: Connection) =>
    telling.has(connection) || apart.has(connection) || loggers.has(connection);

  /** Where there is no connection now, the next one is told. What the one that lists grants, counts for all. */
  function settle(uri: string): Promise<boolean> {
    for (const told of apart.values()) void told.settle(uri);
    let granted = Promise.resolve(true);
    for (const told of telling.values()) granted = told.settle(uri);
    return granted;
  }

  function overStream(connection: Connection, listening: Listening): Told {
    return {
      listening,
      async settle(uri) {
        await listening.refresh();
        return listening.hears(uri) || !telling.has(connection);
      },
    };
  }

  /** One by one, beginning with those that are watched by now. */
  function oneByOne(connection: Connection): Told {
    if (!tellsOfResources(connection)) return { settle: async () => true };
    const subscriptions = new Subscriptions(
      (uri) => watched.has(uri),
      (method, uri) => send(connection, method, { uri }),
    );
    for (const uri of watched.ids()) void subscriptions.settle(uri);
    return subscriptions;
  }

  function tellLogLevel(connection: Connection): void {
    if (connection.link.era === 'modern' || connection.client.getServerCapabilities()?.logging === undefined)
      return;
    loggers.add(connection);
    if (logLevel !== undefined) void send(connection, 'logging/setLevel', { level: logLevel });
  }

  const wanted = () => ({ uris: watched.ids(), taskIds: tasks.ids() });

  return {
    watch: (uri, onUpdated) => {
      const tell = () => settle(uri);
      return watched.add(uri, onUpdated, tell, tell);
    },
    watchTask(taskId, onState) {
      const tell = async () => {
        const told = [...telling.values()];
        await Promise.all(told.map(({ listening }) => listening?.refresh()));
        // As of resources: by the one that lists, or, where there is none now, by the next one.
        return told.length === 0 || told.at(-1)?.listening?.hearsOfTask(taskId) === true;
      };
      return tasks.add(taskId, onState, tell, tell);
    },
    wantLogs(level) {
      if (logLevel !== undefined && isAtLeast(level, logLevel)) return;
      logLevel = level;
      for (const connection of loggers) void send(connection, 'logging/setLevel', { level });
    },
    updated(uri) {
      for (const known of watched.ids()) {
        const isBelow = uri.startsWith(known.endsWith('/') ? known : `${known}/`);
        if (uri === known || isBelow) watched.tell(known, uri);
      }
    },
    taskChanged(state) {
      tasks.tell(state.taskId as string, state);
    },
    awaitElicitation: (elicitationId, onDone) => elicitations.add(elicitationId, onDone),
    elicitationDone: (elicitationId) => elicitations.done(elicitationId),
    async tell(connection) {
      tellLogLevel(connection);
      const isModern = connection.link.era === 'modern';
      const listening = isModern ? keepListening(connection.client, wanted, onMissed) : undefined;
      telling.set(
        connection,
        listening === undefined ? oneByOne(connection) : overStream(connection, listening),
      );
      if (listening !== undefined) await within(OPENING_MS, listening.opened);
      return () => {
        listening?.close();
        loggers.delete(connection);
        telling.delete(connection);
      };
    },
    tellFurther(connection, isApart) {
      tellLogLevel(connection);
      if (isApart) apart.set(connection, oneByOne(connection));
      return () => {
        apart.delete(connection);
        loggers.delete(connection);
      };
    },
  };
}

function tellsOfResources({ client }: Connection): boolean {
  return client.getServerCapabilities()?.resources?.subscribe === true;
}
