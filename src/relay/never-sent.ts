import type { Downstream } from '../downstream/downstream.ts';
import { busyUntilDeadline, type DownstreamFailure, unavailable } from '../errors.ts';

/**
 * Why a request was never sent in all its time.
 *
 * @param hasWaited  others had their turn before it
 */
export function neverSent(
  { key, status }: Downstream,
  deadlineMs: number,
  hasWaited: boolean,
): DownstreamFailure {
  const { why } = status();
  if (why === undefined && hasWaited) return busyUntilDeadline(key, deadlineMs);
  return unavailable(key, why ?? 'it could not be connected to in time');
}
