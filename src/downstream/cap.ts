import type { Limits } from '../config/config.ts';

/** How large something of a downstream may be, and the limit that says so. */
export interface Cap {
  readonly bytes: number;
  readonly limit: 'maxResultBytes' | 'maxEventBytes' | 'maxLineBytes';
}

/** What an answer comes in is measured by both: the answer, and what carries it. */
export function capOf(
  limits: Pick<Limits, Cap['limit']>,
  carrier: Exclude<Cap['limit'], 'maxResultBytes'>,
): Cap {
  const limit = limits[carrier] < limits.maxResultBytes ? carrier : 'maxResultBytes';
  return { bytes: limits[limit], limit };
}
