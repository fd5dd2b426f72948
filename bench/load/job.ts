import type { Era } from '../scene.ts';

/** What one slice asks of the load generator. */
export interface Job {
  /** `call`: tools/call; `list`: tools/list; `cold`: a new connection, the opening, a list, a call. */
  readonly kind: 'call' | 'list' | 'cold';
  /** The era the caller speaks. */
  readonly era: Era;
  /** The era of the downstreams called. */
  readonly downstreamEra: Era;
  readonly callers: number;
  readonly durationMs: number;
  readonly target: Addressed;
}

/** How a target is spoken to. */
export interface Addressed {
  readonly port: number;
  /** A downstream itself: its own path and names, and only its own ten tools in a list. */
  readonly direct: boolean;
}

/** One slice, every answer of it checked. */
export interface Measured {
  readonly count: number;
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

// A slice has two steps, so that the connections of the callers stand before the clocks are read.
export type Command = { readonly step: 'connect'; readonly job: Job } | { readonly step: 'run' };
export type Reply =
  | { readonly connected: true }
  | { readonly measured: Measured }
  | { readonly failure: string };
