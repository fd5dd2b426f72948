import type { TestContext } from 'vitest';
import type { Generation, Way, WholeCaller } from '../../support/callers/whole.ts';

/** One meeting of a kind of server with a kind of caller. */
export interface Cell {
  readonly server: { readonly era: 'legacy' | 'modern'; readonly over: 'HTTP' | 'stdio' | 'HTTP+SSE' };
  readonly caller: { readonly generation: Generation; readonly kind: Way['kind'] };
  /** Its caller speaks 2026-07-28. */
  readonly isModern: boolean;
  /** Something can be said to its caller before the answer to a request. */
  readonly hasStream: boolean;
  /** A modern caller gets a question as its result; a legacy one is asked on the stream of its call. */
  readonly canBeAsked: boolean;
}

/** Who calls, through one gateway, the server `crm`, with something of everything. Beside it stands `twin`. */
export interface Peers {
  readonly caller: WholeCaller;
  /** It can be asked: some servers offer other things to such, so there are two. */
  readonly askable: WholeCaller;
}

/** A part of the protocol, and what is promised of it. */
export interface Row {
  readonly what: string;
  /** Why it is not so in this cell. */
  readonly not?: (cell: Cell) => string | undefined;
  /** What is promised there instead; absent where there is nothing that could be. */
  readonly instead?: (peers: Peers, cell: Cell, context: TestContext) => Promise<void>;
  readonly test: (peers: Peers, cell: Cell) => Promise<void>;
}

export const JSON_ALONE = 'JSON has no place for it';
export const needsStream = ({ hasStream }: Cell) => (hasStream ? undefined : JSON_ALONE);
export const needsAskable = ({ canBeAsked }: Cell) => (canBeAsked ? undefined : JSON_ALONE);
