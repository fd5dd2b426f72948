import type { DownstreamConfig } from '../config/config.ts';
import type { Profile } from '../config/profiles.ts';
import { DEFAULTS } from '../config/schema.ts';

/** How long a call may take. */
export interface CallTiming {
  /** From sending it, or its last progress, to giving up on it. */
  readonly idleMs: number;
  /** From sending it, whatever it reports. */
  readonly maxMs: number;
}

/**
 * Progress extends the time, as far as `maxCallMs`. Who sets a `callTimeoutMs` for a server or a tool, and no `maxCallMs`,
 * means exactly that; the time of a profile is for callers that hear nothing meanwhile.
 *
 * @param ofTool  the `callTimeoutMs` of a tool
 */
export function timingOf(config: DownstreamConfig, profile: Profile, ofTool?: number): CallTiming {
  const set = ofTool ?? config.callTimeoutMs;
  const maxMs = config.maxCallMs ?? set ?? Math.max(DEFAULTS.maxCallMs, profile.callTimeoutMs);
  return { idleMs: Math.min(set ?? profile.callTimeoutMs, maxMs), maxMs };
}
