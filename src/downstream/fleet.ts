import type { Config } from '../config/config.ts';
import type { Logger } from '../log.ts';
import { createDownstream, type Downstream } from './downstream.ts';

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

/** `onToolList` is called whenever one of them has listed its tools. */
export function createFleet(config: Config, log: Logger, onToolList: () => void): Fleet {
  const downstreams = config.downstreams.map((entry) =>
    createDownstream(entry, { maxResultBytes: config.limits.maxResultBytes, log, onToolList }),
  );
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
