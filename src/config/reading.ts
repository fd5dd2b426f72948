import type { Expander } from './expand.ts';
import type { Report } from './problems.ts';
import type { ServerShape } from './schema.ts';
import type { Partly } from './shape.ts';

/** An entry of `mcpServers`, as far as its types are right. */
export type Server = Partly<ServerShape>;

/** What reading an entry takes besides the entry. */
export interface Reading {
  readonly expander: Expander;
  readonly report: Report;
  /** Of the configuration file. */
  readonly directory: string;
}
