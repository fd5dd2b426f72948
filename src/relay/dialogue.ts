import { hash, randomUUID } from 'node:crypto';
import { canonicalJson } from '../catalog/digest.ts';
import {
  asksForInput,
  type DownstreamFailure,
  missingCapability,
  opensNoAddress,
  ProtocolError,
} from '../errors.ts';
import { type Era, OWN_META } from '../protocol/eras.ts';
import { isObject, type Outcome, type Params, RPC, type RpcError } from '../protocol/messages.ts';
import { capabilityFor, detailFor, isDeclared, type Question } from '../protocol/questions.ts';
import type { Parked } from './parked.ts';
import type { Seal } from './seal.ts';

/** One request, and where it goes. */
export interface Round {
  /** Of its caller. */
  readonly era: Era;
  readonly method: string;
  /** As the caller sent them. */
  readonly params: Params;
  readonly downstream: string;
  /** Whether a question says whose it is. */
  readonly showsOrigin: boolean;
  /** What its caller can be asked; undefined where it can be asked nothing. */
  readonly capabilities: Params | undefined;
}

/** What outlives a request. */
export interface Rounds {
  /** Of the state of a request that is to be repeated with answers. */
  readonly seal: Seal;
  /** Of the ids of tasks. */
  readonly tasks: Seal;
  readonly parked: Parked;
}

/** A result that is no answer yet: the downstream wants these answered, and to be asked again. */
export interface InputRequired {
  /** As the caller is to see them. */
  readonly questions: ReadonlyMap<string, Question>;
  readonly state: string | undefined;
  readonly rest: Params;
}

/** Of a state that is sealed, whose it is. */
const OF_DOWNSTREAM = 'd';
const OF_PARKED_CALL = 'p';
/** There is none: the request is to be repeated when addresses were opened. */
const OF_ADDRESSES = 'a';

/**
 * Questions of a downstream to the caller whose request needs the answers.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
 */
export class Dialogue {
  readonly #round: Round;
  readonly #seal: Seal;
  readonly parked: Parked;
  /** For the downstream: what the caller brings from an earlier round. */
  readonly answers: Params | undefined;
  /** The call that this request goes on with. */
  readonly resumes: { readonly id: string; readonly responses: Params } | undefined;

  /** The caller comes back without having opened what it was to open. */
  readonly isDeclined: boolean = false;

  /** @throws ProtocolError -32602 a state that is not ours */
  constructor(round: Round, { seal, parked }: Pick<Rounds, 'seal' | 'parked'>) {
    this.#round = round;
    this.#seal = seal;
    this.parked = parked;
    const { inputResponses, requestState } = round.params;
    if (inputResponses === undefined && requestState === undefined) return;
    // Whether they are good answers is for who asked to say.
    const answers: Params = inputResponses === undefined ? {} : { inputResponses };
    if (requestState !== undefined) {
      const opened = typeof requestState === 'string' ? seal.open(requestState, aboutOf(round)) : undefined;
      if (opened === undefined) {
        throw new ProtocolError(
          RPC.invalidParams,
          'params.requestState is not one that was given here for this request within the last 15 minutes.',
        );
      }
      const [whose, state] = JSON.parse(opened) as [string, string];
      if (whose === OF_PARKED_CALL) {
        this.resumes = { id: state, responses: isObject(inputResponses) ? inputResponses : {} };
        return;
      }
      if (whose === OF_ADDRESSES) {
        this.isDeclined = Object.values(isObject(inputResponses) ? inputResponses : {}).some(isRefusal);
        return;
      }
      answers.requestState = state;
    }
    this.answers = answers;
  }

  get capabilities(): Params | undefined {
    return this.#round.capabilities;
  }

  /**
   * What a downstream of the modern era asks for.
   *
   * @throws ProtocolError, DownstreamFailure  what the caller gets instead
   */
  read(result: Params): InputRequired {
    const { downstream } = this.#round;
    const required = readRequired(result);
    if (required === undefined) throw asksForInput(downstream);
    const { asked, state, rest } = required;
    const questions = new Map<string, Question>();
    for (const [key, question] of Object.entries(asked)) questions.set(key, this.expose(question));
    return { questions, state, rest };
  }

  /**
   * A downstream of the revision 2025-11-25 wants addresses to be opened before it is asked again. A caller of the same is
   * told so, for one of the modern era it is a question like any other.
   *
   * @throws ProtocolError, DownstreamFailure  what the caller gets instead
   */
  readAddresses(error: RpcError): Outcome {
    const { downstream, era } = this.#round;
    const { elicitations, ...data } = isObject(error.data) ? error.data : {};
    if (!Array.isArray(elicitations) || elicitations.length === 0) throw asksForInput(downstream);
    const shown: Question[] = [];
    for (const params of elicitations) {
      const question = { method: 'elicitation/create', params };
      if (!isQuestion(question) || params.mode !== 'url') throw asksForInput(downstream);
      const why = this.judge(question);
      // An error in place of an error tells such a caller nothing.
      if (why instanceof ProtocolError && era === 'legacy') throw asksForInput(downstream);
      if (why !== undefined) throw why;
      shown.push(this.withOrigin(question));
    }
    if (era === 'legacy') {
      return { error: { ...error, data: { ...data, elicitations: shown.map(({ params }) => params) } } };
    }
    const questions = shown.map((question, index): [string, Question] => [`address-${index + 1}`, question]);
    return this.#inputRequired(new Map(questions), this.#sealed(OF_ADDRESSES, ''));
  }

  /** Ends the round of a caller of the modern era: it repeats its request with the answers. */
  toResult({ questions, state, rest }: InputRequired): Outcome {
    return {
      result: {
        ...rest,
        ...(questions.size > 0 && { inputRequests: Object.fromEntries(questions) }),
        ...(state !== undefined && { requestState: this.#sealed(OF_DOWNSTREAM, state) }),
      },
    };
  }

  /** The same for a call that waits here until then. */
  toParkedResult(id: string, questions: ReadonlyMap<string, Question>): Outcome {
    return this.#inputRequired(questions, this.#sealed(OF_PARKED_CALL, id));
  }

  #inputRequired(questions: ReadonlyMap<string, Question>, requestState: string): Outcome {
    const inputRequests = Object.fromEntries(questions);
    return { result: { resultType: 'input_required', inputRequests, requestState, _meta: OWN_META } };
  }

  /**
   * A question as the caller is to see it.
   *
   * @throws ProtocolError, DownstreamFailure  it is none, or is not put to this caller
   */
  expose(question: unknown): Question {
    if (!isQuestion(question)) throw asksForInput(this.#round.downstream);
    const why = this.judge(question);
    if (why !== undefined) throw why;
    return this.withOrigin(question);
  }

  /** Why a question is not put to the caller. Spec 2026-07-28: one that lacks a capability hears which one it takes. */
  judge({ method, params }: Question): ProtocolError | DownstreamFailure | undefined {
    const { capabilities, downstream } = this.#round;
    const capability = capabilityFor(method);
    if (capability === undefined) return asksForInput(downstream);
    const declared = capabilities?.[capability];
    const detail = detailFor(method, params);
    if (!isObject(declared) && (detail === undefined || detail === 'form'))
      return missingCapability({ [capability]: {} });
    if (detail !== undefined && !isDeclared(declared, detail))
      return missingCapability({ [capability]: { [detail]: {} } });
    return detail !== 'url' || isWebAddress(params?.url) ? undefined : opensNoAddress(downstream);
  }

  /** A person who is asked for something is told by whom; a caller of the legacy era is asked in the form of its own. */
  withOrigin(given: Question): Question {
    const { downstream, showsOrigin, era } = this.#round;
    const alone = this.#withoutContext(withoutToken(given));
    const question = era === 'legacy' ? withAddressId(alone) : alone;
    const { params } = question;
    if (!showsOrigin || typeof params?.message !== 'string') return question;
    return { ...question, params: { ...params, message: `${downstream}: ${params.message}` } };
  }

  /**
   * Spec, since 2025-11-25: only who has declared it SHOULD be asked to give a sample the context of its server. To a caller
   * that server is the gateway: of several, one would be given what the others have said.
   */
  #withoutContext(question: Question): Question {
    const { capabilities, showsOrigin } = this.#round;
    const { includeContext = 'none', ...params } = question.params ?? {};
    const isShared = isDeclared(capabilities?.sampling, 'context') && !showsOrigin;
    return includeContext === 'none' || isShared ? question : { ...question, params };
  }

  /** As JSON, which escapes what is half of a character. */
  #sealed(whose: string, state: string): string {
    return this.#seal.seal(JSON.stringify([whose, state]), aboutOf(this.#round));
  }
}

/** The state of a round that asks nothing: its request is only to be repeated with it. Undefined for any other. */
export function readStateAlone(result: Params): InputRequired | undefined {
  const required = readRequired(result);
  if (required === undefined || Object.keys(required.asked).length > 0) return undefined;
  return { questions: new Map(), state: required.state, rest: required.rest };
}

/** Spec 2026-07-28: at least one of the two. Undefined without either, and where one has no form at all. */
function readRequired({ inputRequests: asked = {}, requestState: state, ...rest }: Params) {
  if (!isObject(asked) || !(state === undefined || typeof state === 'string')) return undefined;
  return state === undefined && Object.keys(asked).length === 0 ? undefined : { asked, state, rest };
}

function isQuestion(value: unknown): value is Question {
  if (!isObject(value) || typeof value.method !== 'string') return false;
  return value.params === undefined || isObject(value.params);
}

/** To decline and to cancel come to the same: it was not opened. */
const isRefusal = (response: unknown) => isObject(response) && response.action !== 'accept';

/** A progress token is of one hop: what the caller says of its progress would reach nobody. */
function withoutToken(question: Question): Question {
  const meta = question.params?._meta;
  if (!isObject(meta) || meta.progressToken === undefined) return question;
  const { progressToken: _ofTheHop, ...rest } = meta;
  const { _meta, ...params } = question.params as Params;
  return {
    ...question,
    params: Object.keys(rest).length === 0 ? params : { ...params, _meta: rest },
  };
}

/** Spec 2025-11-25: an address has one, by which it is said to be done. 2026-07-28 has none. */
function withAddressId(question: Question): Question {
  const { params } = question;
  if (params?.mode !== 'url' || typeof params.elicitationId === 'string') return question;
  return { ...question, params: { ...params, elicitationId: randomUUID() } };
}

function isWebAddress(url: unknown): boolean {
  if (typeof url !== 'string' || !URL.canParse(url)) return false;
  const { protocol } = new URL(url);
  return protocol === 'https:' || protocol === 'http:';
}

/** What a state belongs to: this request to this downstream, with these arguments. */
function aboutOf({ method, downstream, params }: Round): string {
  const { _meta, inputResponses: _answers, requestState: _state, ...asked } = params;
  // With its keys in order: whoever repeats a request may write them in another.
  return hash('sha256', canonicalJson([method, downstream, asked]), 'hex');
}
