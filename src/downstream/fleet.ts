import type { Config, DownstreamConfig } from '../config/config.ts';
import type { Logger } from '../log.ts';
import { createDownstream, type Downstream } from './downstream.ts';
import type { Listing } from './listing.ts';

/** All the servers behind us. Each lives on its own: none waits for another, and none takes another down. */
export interface Fleet {
  /** In the order of the file. */
  readonly downstreams: readonly Downstream[];
  /** Resolves when every downstream has ended its first attempt to connect. */
  readonly attempted: Promise<void>;
  /** Starts connecting to all of them at once. */
  start(): void;
  close(): Promise<void>;
}

/**
 * @param restored   the last good lists of an earlier run, by key
 * @param onListing  is called whenever the list of one of them has changed
 */
export function createFleet(
  config: Config,
  log: Logger,
  restored: ReadonlyMap<string, Listing>,
  onListing: () => void,
): Fleet {
  const downstreams = config.downstreams.map((entry) => {
    const list = restored.get(entry.key);
    return createDownstream(entry, {
      limits: { ...config.limits, ...overridesOf(entry) },
      log,
      onListing,
      ...(list !== undefined && { restored: list }),
    });
  });
  return {
    downstreams,
    attempted: Promise.all(downstreams.map((downstream) => downstream.attempted)).then(() => {}),
    start() {
      for (const downstream of downstreams) downstream.start();
    },
    async close() {
      await Promise.all(downstreams.map((downstream) => downstream.close()));
    },
  };
}

/** What an entry says itself. */
function overridesOf({ listTimeoutMs, maxInFlight, maxQueue }: DownstreamConfig) {
  return {
    listTimeoutMs,
    ...(maxInFlight !== undefined && { maxInFlight }),
    ...(maxQueue !== undefined && { maxQueue }),
  };
}
