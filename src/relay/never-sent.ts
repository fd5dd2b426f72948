import type { Downstream } from '../downstream/downstream.ts';
import { busyUntilDeadline, type DownstreamFailure, unavailable } from '../errors.ts';

/** Why a request was never sent in all its time. */
export function neverSent({ key, status }: Downstream, deadlineMs: number): DownstreamFailure {
  const { why } = status();
  return why === undefined ? busyUntilDeadline(key, deadlineMs) : unavailable(key, why);
}
