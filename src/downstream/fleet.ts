import type { Config, DownstreamConfig } from '../config/config.ts';
import type { Differences } from '../config/differences.ts';
import type { Logger } from '../log.ts';
import { createDownstream, type Downstream, type DownstreamLimits } from './downstream.ts';
import type { ListKeeper } from './lists/list-keeper.ts';
import type { Listing } from './lists/listing.ts';

/** All the servers behind us. Each lives on its own: none waits for another, and none takes another down. */
export interface Fleet {
  /** In the order of the file. */
  readonly downstreams: readonly Downstream[];
  /** Resolves when every downstream has ended its first attempt to connect. */
  readonly attempted: Promise<void>;
  /** Starts connecting to all of them at once. */
  start(): void;
  /** Begins to connect to what is new in a configuration, and to what is to be connected to in another way. */
  prepare(config: Config, differences: Differences): NextFleet;
  close(): Promise<void>;
}

/** The fleet as another configuration has it. */
export interface NextFleet {
  /** Resolves when each of its new connections was tried. */
  readonly tried: Promise<void>;
  /** From now on it is this one. What is in it no more goes when its calls have ended. */
  commit(): void;
}

export interface FleetOptions {
  log: Logger;
  /** The last good lists of an earlier run, by key. */
  restored: ReadonlyMap<string, Listing>;
  /** Lists that are kept elsewhere, by key. */
  lists?: ReadonlyMap<string, ListKeeper> | undefined;
  /** The list of one of them has changed. */
  onListing(): void;
  /** One of them has refused our credentials. */
  onRefused(): void;
}

export function createFleet(config: Config, options: FleetOptions): Fleet {
  const { restored, lists: told, ...heard } = options;
  let isStarted = false;
  /** Those that are to come, and those that are to go. */
  const others = new Set<Downstream>();
  let downstreams: readonly Downstream[] = config.downstreams.map((entry) =>
    createDownstream(entry, {
      ...heard,
      limits: limitsOf(config, entry),
      restored: restored.get(entry.key),
      lists: told?.get(entry.key),
    }),
  );

  function add(entry: DownstreamConfig, limits: DownstreamLimits): Downstream {
    const added = createDownstream(entry, { ...heard, limits });
    others.add(added);
    if (isStarted) added.start();
    return added;
  }

  return {
    get downstreams() {
      return downstreams;
    },
    attempted: Promise.all(downstreams.map((downstream) => downstream.attempted)).then(() => {}),
    start() {
      isStarted = true;
      for (const downstream of [...downstreams, ...others]) downstream.start();
    },
    prepare(next, { reconnected }) {
      const known = new Map(downstreams.map((downstream) => [downstream.key, downstream]));
      const tried: Promise<void>[] = [];
      const ordered = next.downstreams.map((entry) => {
        const downstream = known.get(entry.key) ?? add(entry, limitsOf(next, entry));
        known.delete(entry.key);
        if (reconnected.includes(entry.key)) tried.push(downstream.reconnect(entry, limitsOf(next, entry)));
        else if (isStarted) tried.push(downstream.attempted);
        return downstream;
      });
      return {
        tried: Promise.all(tried).then(() => {}),
        commit() {
          for (const downstream of ordered) others.delete(downstream);
          for (const [index, entry] of next.downstreams.entries()) {
            ordered[index]?.adopt(entry, limitsOf(next, entry));
          }
          downstreams = ordered;
          for (const removed of known.values()) {
            others.add(removed);
            void removed.leave(next.drainMs).finally(() => others.delete(removed));
          }
        },
      };
    },
    async close() {
      await Promise.all([...downstreams, ...others].map((downstream) => downstream.close()));
    },
  };
}

/** Those of the file, and what the entry says itself. */
function limitsOf(
  { limits }: Config,
  { listTimeoutMs, maxInFlight, maxQueue }: DownstreamConfig,
): DownstreamLimits {
  return {
    ...limits,
    listTimeoutMs,
    ...(maxInFlight !== undefined && { maxInFlight }),
    ...(maxQueue !== undefined && { maxQueue }),
  };
}
