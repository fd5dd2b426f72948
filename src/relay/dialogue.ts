import { createHash } from 'node:crypto';
import { asksForInput, type DownstreamFailure, opensNoAddress, ProtocolError } from '../errors.ts';
import { META } from '../protocol/eras.ts';
import { isObject, type Outcome, type Params, RPC } from '../protocol/messages.ts';
import type { StateSeal } from './state-seal.ts';

/**
 * Questions of a downstream to the caller whose request needs the answers, as the 2026-07-28 revision has them: a round
 * ends with `input_required`, and the caller repeats its request with the answers.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/utilities/mrtr
 */
export interface Dialogue {
  /** What this caller can be asked, and so what its downstream is told. */
  readonly capabilities: Params;
  /** What it brings from an earlier round, for the downstream. */
  readonly answers: Params | undefined;
  /** The result that ends this round, for the caller. */
  ask(result: Params): Outcome | DownstreamFailure;
}

/** One request, and where it goes. */
export interface Round {
  readonly method: string;
  /** As the caller sent them. */
  readonly params: Params;
  readonly downstream: string;
  /** Whether a question says whose it is. */
  readonly showsOrigin: boolean;
}

/** Questions by the capability that a caller declares for them. */
const CAPABILITY_OF: ReadonlyMap<unknown, string> = new Map([
  ['elicitation/create', 'elicitation'],
  ['sampling/createMessage', 'sampling'],
  ['roots/list', 'roots'],
]);

/**
 * Undefined where the caller can be asked nothing and answers nothing.
 *
 * @throws ProtocolError -32602 a state that is not ours
 */
export function openDialogue(round: Round, seal: StateSeal): Dialogue | undefined {
  const { params } = round;
  const declared = (params._meta as Params | undefined)?.[META.clientCapabilities] as Params | undefined;
  const capabilities: Params = {};
  let canBeAsked = false;
  for (const name of CAPABILITY_OF.values()) {
    if (!isObject(declared?.[name])) continue;
    capabilities[name] = declared[name];
    canBeAsked = true;
  }
  const answers = readAnswers(round, seal);
  if (!canBeAsked && answers === undefined) return undefined;
  return { capabilities, answers, ask: (result) => ask(result, capabilities, round, seal) };
}

function readAnswers(round: Round, seal: StateSeal): Params | undefined {
  const { inputResponses, requestState } = round.params;
  if (inputResponses === undefined && requestState === undefined) return undefined;
  // Whether they are good answers is for who asked to say.
  const answers: Params = inputResponses === undefined ? {} : { inputResponses };
  if (requestState === undefined) return answers;
  const state = typeof requestState === 'string' ? seal.open(requestState, aboutOf(round)) : undefined;
  if (state === undefined) {
    throw new ProtocolError(
      RPC.invalidParams,
      'params.requestState is not one that was given here for this request within the last 15 minutes.',
    );
  }
  return { ...answers, requestState: state };
}

function ask(
  result: Params,
  capabilities: Params,
  round: Round,
  seal: StateSeal,
): Outcome | DownstreamFailure {
  const { downstream, showsOrigin } = round;
  const { inputRequests, requestState, ...rest } = result;
  if (inputRequests === undefined && requestState === undefined) return asksForInput(downstream);
  if (inputRequests !== undefined && !isObject(inputRequests)) return asksForInput(downstream);
  if (requestState !== undefined && typeof requestState !== 'string') return asksForInput(downstream);
  const questions: Params = {};
  for (const [key, question] of Object.entries(inputRequests ?? {})) {
    const judged = judge(question, capabilities, downstream);
    if (judged !== undefined) return judged;
    questions[key] = showsOrigin ? withOrigin(question as Params, downstream) : question;
  }
  return {
    result: {
      ...rest,
      ...(inputRequests !== undefined && { inputRequests: questions }),
      ...(requestState !== undefined && { requestState: seal.seal(requestState, aboutOf(round)) }),
    },
  };
}

/** Why a question is not put to the caller. */
function judge(
  question: unknown,
  capabilities: Params,
  downstream: string,
): Outcome | DownstreamFailure | undefined {
  const capability = isObject(question) ? CAPABILITY_OF.get(question.method) : undefined;
  if (!isObject(question) || capability === undefined) return asksForInput(downstream);
  const { mode, url } = isObject(question.params) ? question.params : {};
  const declared = capabilities[capability];
  if (!isObject(declared)) return missing({ [capability]: {} });
  if (capability !== 'elicitation' || mode !== 'url') return undefined;
  if (!isObject(declared.url)) return missing({ elicitation: { url: {} } });
  return isWebAddress(url) ? undefined : opensNoAddress(downstream);
}

/** Spec 2026-07-28: who has not declared a capability is not asked, and hears which one it takes. */
function missing(requiredCapabilities: Params): Outcome {
  const [name] = Object.keys(requiredCapabilities);
  const message = `Missing required client capability: ${name}`;
  return { error: { code: RPC.missingClientCapability, message, data: { requiredCapabilities } } };
}

function isWebAddress(url: unknown): boolean {
  if (typeof url !== 'string' || !URL.canParse(url)) return false;
  const { protocol } = new URL(url);
  return protocol === 'https:' || protocol === 'http:';
}

/** A person who is asked for something is told by whom. */
function withOrigin(question: Params, downstream: string): Params {
  const { params } = question;
  if (!isObject(params) || typeof params.message !== 'string') return question;
  return { ...question, params: { ...params, message: `${downstream}: ${params.message}` } };
}

/** What a state belongs to: this request to this downstream, with these arguments. */
function aboutOf({ method, downstream, params }: Round): string {
  const { _meta, inputResponses: _answers, requestState: _state, ...asked } = params;
  return createHash('sha256')
    .update(canonical([method, downstream, asked]))
    .digest('hex');
}

/** JSON with its keys in order: whoever repeats a request may write them in another. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}
