import type { Era } from '../protocol/eras.ts';

export interface DownstreamStatus {
  state: 'connecting' | 'ready' | 'down';
  /** Why it is down, in a few words. */
  why?: string;
  /** What it said about that itself: for its operator, never for a caller. */
  detail?: string;
  era?: Era;
  version?: string;
  tools?: number;
  warnings?: readonly string[];
}
