import type { Logger } from '../log.ts';
import { isAtLeast, type LogLevel } from '../protocol/log-levels.ts';
import type { Params } from '../protocol/messages.ts';
import { ask } from './ask.ts';
import type { Connection } from './connection.ts';
import { keepListening, type Listening } from './listening.ts';
import { within } from './within.ts';

/**
 * What callers want of a downstream beside answers: to hear when a resource changes, and what it logs. Every connection
 * is told anew.
 */
export interface Wishes {
  /**
   * Hears of this resource, and of those below it, until the returned function is called.
   *
   * @param uri  as the downstream knows it
   */
  watch(uri: string, onUpdated: (uri: string) => void): () => void;
  /** The same of a task, in the states that the downstream tells. */
  watchTask(taskId: string, onState: (state: Params) => void): () => void;
  /** From which level on a downstream of the legacy era is to log. It is never told to log less again. */
  wantLogs(level: LogLevel): void;
  /** The downstream says that this has changed. */
  updated(uri: string): void;
  taskChanged(state: Params): void;
  /** Told over a new connection that hears notices; the function returned ends that. */
  tell(connection: Connection): Promise<() => void>;
  /** Told over a further connection, which serves calls alone. */
  tellLogLevel(connection: Connection): void;
}

const WISH_TIMEOUT_MS = 5000;
/** How long the first lists wait for the stream that tells of their changes. */
const OPENING_MS = 2000;

/** @param onMissed  notices may have been missed */
export function createWishes(key: string, log: Logger, onMissed: () => void): Wishes {
  const watched = new Map<string, Set<(uri: string) => void>>();
  const tasks = new Map<string, Set<(state: Params) => void>>();
  const loggers = new Set<Connection>();
  let logLevel: LogLevel | undefined;
  let current: Connection | undefined;
  let listening: Listening | undefined;

  function send(connection: Connection, method: string, params: Params): void {
    ask(connection.link, key, method, params, WISH_TIMEOUT_MS).catch((error: Error) =>
      log.debug({ event: 'wish_refused', method, error: error.message }, 'not granted'),
    );
  }

  function changed(method: string, uri: string): void {
    if (listening !== undefined) listening.refresh();
    else if (current?.client.getServerCapabilities()?.resources?.subscribe) send(current, method, { uri });
  }

  function tellLogLevel(connection: Connection): void {
    if (connection.link.era === 'modern' || connection.client.getServerCapabilities()?.logging === undefined)
      return;
    loggers.add(connection);
    if (logLevel !== undefined) send(connection, 'logging/setLevel', { level: logLevel });
  }

  const wanted = () => ({ uris: [...watched.keys()], taskIds: [...tasks.keys()] });

  return {
    watch: (uri, onUpdated) =>
      addHearing(
        watched,
        uri,
        onUpdated,
        () => changed('resources/subscribe', uri),
        () => changed('resources/unsubscribe', uri),
      ),
    watchTask(taskId, onState) {
      const refresh = () => listening?.refresh();
      return addHearing(tasks, taskId, onState, refresh, refresh);
    },
    wantLogs(level) {
      if (logLevel !== undefined && isAtLeast(level, logLevel)) return;
      logLevel = level;
      for (const connection of loggers) send(connection, 'logging/setLevel', { level });
    },
    updated(uri) {
      for (const [known, hearing] of watched) {
        const isBelow = uri.startsWith(known.endsWith('/') ? known : `${known}/`);
        if (uri === known || isBelow) for (const onUpdated of hearing) onUpdated(uri);
      }
    },
    taskChanged(state) {
      for (const onState of tasks.get(state.taskId as string) ?? []) onState(state);
    },
    async tell(connection) {
      current = connection;
      tellLogLevel(connection);
      if (connection.link.era === 'modern') {
        listening = keepListening(connection.client, wanted, onMissed);
        await within(OPENING_MS, listening.opened);
      } else for (const uri of watched.keys()) changed('resources/subscribe', uri);
      return () => {
        listening?.close();
        listening = undefined;
        current = undefined;
        loggers.clear();
      };
    },
    tellLogLevel,
  };
}

/** Adds who hears of one thing; `onFirst` and `onNone` are called when there is somebody, and nobody any more. */
function addHearing<T>(
  all: Map<string, Set<(news: T) => void>>,
  id: string,
  onNews: (news: T) => void,
  onFirst: () => void,
  onNone: () => void,
): () => void {
  const hearing = all.get(id) ?? new Set();
  // One of its own for each who hears, even where they gave the same function.
  const mine = (news: T) => onNews(news);
  hearing.add(mine);
  if (!all.has(id)) {
    all.set(id, hearing);
    onFirst();
  }
  return () => {
    if (!hearing.delete(mine) || hearing.size > 0) return;
    all.delete(id);
    onNone();
  };
}
