import { asksForInput, DownstreamFailure, notMcp, ProtocolError } from '../errors.ts';
import { type Outcome, type Params, RPC } from '../protocol/messages.ts';
import type { Forwarding } from './asking.ts';
import { type InputRequired, readStateAlone } from './dialogue.ts';

/** What a downstream answered, as it is for the caller: what that hears, or is asked first, or why there is no answer. */
export function shapeOutcome(
  outcome: Outcome,
  forwarding: Forwarding,
): Outcome | InputRequired | DownstreamFailure {
  try {
    return shaped(outcome, forwarding);
  } catch (cause) {
    if (cause instanceof DownstreamFailure) return cause;
    if (!(cause instanceof ProtocolError)) return notMcp(forwarding.downstream.key, 'nested too deep', cause);
    const { code, message, data } = cause;
    return { error: { code, message, data } };
  }
}

/** @throws ProtocolError, DownstreamFailure  what the caller gets instead */
function shaped(
  outcome: Outcome,
  { downstream, dialogue, shape, otherwise }: Forwarding,
): Outcome | InputRequired {
  if ('error' in outcome) {
    if (outcome.error.code !== RPC.urlElicitationRequired) return outcome;
    if (dialogue === undefined) throw asksForInput(downstream.key);
    return dialogue.readAddresses(outcome.error);
  }
  const { result } = outcome;
  const type = result.resultType ?? 'complete';
  if (type === 'complete') return shape === undefined ? outcome : withResult(outcome, shape(result));
  if (type === 'input_required') {
    const required = dialogue === undefined ? readStateAlone(result) : dialogue.read(result);
    if (required === undefined) throw asksForInput(downstream.key);
    return required;
  }
  const other = otherwise?.(result);
  // Spec 2026-07-28: every type that no extension of both ends has is invalid.
  if (other === undefined) throw notMcp(downstream.key, 'a result of an unknown type');
  return { result: other };
}

/** The same outcome where nothing has changed: what its sender wrote may go on then. */
const withResult = (outcome: { result: Params }, result: Params): Outcome =>
  result === outcome.result ? outcome : { result };
