import { DownstreamFailure, ProtocolError } from '../errors.ts';
import type { Outcome } from '../protocol/messages.ts';

/** What a shape threw because it meant to. */
export function failureOf(thrown: unknown): Outcome | DownstreamFailure | undefined {
  if (thrown instanceof DownstreamFailure) return thrown;
  if (!(thrown instanceof ProtocolError)) return undefined;
  const { code, message, data } = thrown;
  return { error: { code, message, data } };
}
