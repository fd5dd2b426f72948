import { DownstreamFailure, ProtocolError } from '../errors.ts';
import type { Outcome, RpcError } from '../protocol/messages.ts';

export type Refusal = Extract<Outcome, { error: RpcError }>;

/** What a shape threw because it meant to. */
export function failureOf(thrown: unknown): Outcome | DownstreamFailure | undefined {
  if (thrown instanceof DownstreamFailure) return thrown;
  return thrown instanceof ProtocolError ? refusalOf(thrown) : undefined;
}

/** Of an error that would end the request, the same as its answer. */
export function refusalOf({ code, message, data }: ProtocolError): Refusal {
  return { error: { code, message, data } };
}
