import type { Expander } from './expand.ts';
import type { Place, Report } from './problems.ts';
import type { ServerShape } from './schema.ts';
import type { Partly } from './shape.ts';

/** An entry of `mcpServers`, as far as its types are right. */
export type Server = Partly<ServerShape>;

/** What reading an entry takes besides the entry. */
export interface Reading {
  readonly expander: Expander;
  readonly report: Report;
  /** How far into the file a place stands. */
  readonly offsetOf: (at: Place) => number;
  /** Of the configuration file. */
  readonly directory: string;
  /** Absolute paths of the files that values were taken from so far. */
  readonly sources: ReadonlySet<string>;
}
