import type { Era, Scene } from '../scene.ts';

/** What one slice asks of the load generator. */
export interface Job {
  /** `call`: tools/call; `list`: tools/list; `cold`: a new connection, the opening, a list, a call. */
  readonly kind: 'call' | 'list' | 'cold';
  /** The era the caller speaks. */
  readonly era: Era;
  /** The era of the downstreams called. */
  readonly downstreamEra: Era;
  readonly callers: number;
  /** Of the text of a result; 1 KiB where nothing is said. */
  readonly bytes?: number;
  /** How the downstream answers a call: JSON where nothing is said. */
  readonly answer?: 'json' | 'sse';
  /** What the caller takes; either where nothing is said. */
  readonly accept?: 'json' | 'sse';
  /** Over how long the downstream writes the answer to a call. */
  readonly paceMs?: number;
  /** Requests are sent at this rate whether or not the ones before are answered; `callers` is how many at once at most. */
  readonly perSecond?: number;
  readonly durationMs: number;
  /** It goes on until there were so many, though not for longer than `mostMs`. */
  readonly atLeast?: number;
  /** 20 s where nothing is said. */
  readonly mostMs?: number;
  readonly target: Addressed;
}

/** How a target is spoken to. */
export interface Addressed {
  readonly port: number;
  readonly scene: Scene;
  /** Where its one endpoint is; absent where each downstream is reached at its own path. */
  readonly path?: string;
  /** What stands between the key of a downstream and the name of its tool; absent where names are the downstream's own. */
  readonly separator?: string;
  /** `session`: wants its session id; `sse`: speaks HTTP+SSE. Absent where each request stands alone. */
  readonly front?: 'session' | 'sse';
  /** How many tools it lists. */
  readonly listed: number;
}

/** One slice, every answer of it checked. */
export interface Measured {
  readonly count: number;
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Until the first byte of an answer. */
  readonly firstByteMs: number;
}

// A slice has two steps, so that the connections of the callers stand before the clocks are read. A third opens sessions that
// stay, for what they weigh.
export type Command = { readonly n: number } & Step;
export type Step =
  | { readonly step: 'connect'; readonly job: Job }
  | { readonly step: 'run' }
  | { readonly step: 'hold'; readonly job: Job; readonly stream: boolean }
  | { readonly step: 'release' };
export type Reply = { readonly n: number } & Outcome;
export type Outcome =
  | { readonly done: true }
  | { readonly measured: Measured }
  | { readonly failure: string };
