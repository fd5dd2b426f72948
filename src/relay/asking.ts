import type { IncomingHttpHeaders } from 'node:http';
import { type CallTiming, timingOf } from '../catalog/call-timing.ts';
import type { View } from '../catalog/view.ts';
import type { Downstream } from '../downstream/downstream.ts';
import type { Repeatability } from '../downstream/passage/retry-rules.ts';
import { ProtocolError } from '../errors.ts';
import type { Era } from '../protocol/eras.ts';
import { type Extensions, hasForeign, sharedExtensions } from '../protocol/extensions.ts';
import { type Params, RPC } from '../protocol/messages.ts';
import { Dialogue, type Rounds } from './dialogue.ts';
import { exposeUris } from './expose-uris.ts';
import { passedOnMeta } from './meta.ts';
import { shapeResult } from './shape-result.ts';

/** What becomes of one request of a caller: where it goes, as what, and how what comes back is changed. */
export interface Forwarding {
  readonly method: string;
  readonly downstream: Downstream;
  /** As the caller knows what it asked for; for messages. */
  readonly exposedName: string;
  readonly timing: CallTiming;
  readonly repeatability: Repeatability;
  /** Its result, where the downstream does not know the method. */
  readonly answer?: Params | undefined;
  /** A repetition by the same caller is not run again. */
  readonly joinsRepeats?: boolean;
  readonly params: Params;
  /** Of `params.arguments`, where repetitions are told by them. */
  readonly argumentsJson?: string | undefined;
  readonly paramHeaders?: readonly string[] | undefined;
  /** What both the caller and the downstream have. */
  readonly extensions?: Extensions | undefined;
  /** What the server is told that its caller can be asked, where that is of no dialogue. */
  readonly capabilities?: Params | undefined;
  /** Undefined where nothing can be asked. */
  readonly dialogue?: Dialogue | undefined;
  /**
   * Undefined where the result goes back as it is.
   *
   * @throws ProtocolError, DownstreamFailure  it cannot go back at all
   */
  readonly shape: ((result: Params) => Params) | undefined;
  /** A result that is neither complete nor asks for input: what of it goes back; undefined where it means nothing here. */
  readonly otherwise?: ((result: Params) => Params | undefined) | undefined;
}

/** Who asks for it. */
export interface Asking {
  readonly view: View;
  readonly era: Era;
  /** Of a modern request over HTTP: what it mirrors is held against its body. */
  readonly headers?: IncomingHttpHeaders;
  /** What it can be asked; undefined where that is nothing. */
  readonly capabilities?: Params | undefined;
  /** Further parts of the protocol that it knows. */
  readonly extensions?: Extensions | undefined;
  /** Absent where questions cannot be answered. */
  readonly rounds?: Rounds;
}

/** What becomes of the result of a tool; undefined where it goes back as it is. */
export function toolResultShape(
  { profile, resources }: View,
  downstream: Downstream,
): ((result: Params) => Params) | undefined {
  const isShaped = profile.results !== 'unchanged' || profile.maxResultChars !== undefined;
  if (!isShaped && !resources.mayRewrite) return undefined;
  return (result) => {
    const exposed = exposeUris(result, resources, downstream);
    return isShaped ? shapeResult(exposed, profile) : exposed;
  };
}

export function dialogueOf(
  method: string,
  params: Params,
  { key }: Downstream,
  { view, era, capabilities, rounds }: Asking,
): Dialogue | undefined {
  // A caller of the legacy era has no way to come back with answers.
  if (rounds === undefined || (era === 'legacy' && capabilities === undefined)) return undefined;
  const given = era === 'modern' ? params : NO_PARAMS;
  const { showsOrigin } = view;
  return new Dialogue({ era, method, params: given, downstream: key, showsOrigin, capabilities }, rounds);
}

const NO_PARAMS: Params = {};

/** Spec 2026-07-28: an extension may bring types of results of its own. */
export function ofForeign(
  result: Params,
  extensions: Extensions | undefined,
  { era }: Asking,
): Params | undefined {
  return era === 'modern' && result.resultType !== 'task' && hasForeign(extensions) ? result : undefined;
}

/** Of what is no call of a tool. */
export const timed = ({ config }: Downstream, { profile }: View) => timingOf(config, profile);

export function textOf(params: Params, field: string, what: string, at = 'params'): string {
  const value = params[field];
  if (typeof value === 'string') return value;
  throw new ProtocolError(RPC.invalidParams, `${at}.${field} must be ${what}.`);
}

/** What does not go on as it is: answers to questions are the dialogue's, and tasks were promised to nobody. */
const NOT_PASSED_ON: ReadonlySet<string> = new Set([
  '_meta',
  'inputResponses',
  'requestState',
  'task',
  '__proto__',
]);

/** What of a request goes on, and which extensions count for it. */
export function outgoingOf(
  params: Params,
  { config, listing }: Downstream,
  { extensions: declared }: Pick<Asking, 'extensions'>,
): { outgoing: Params; extensions: Extensions | undefined } {
  const extensions = sharedExtensions(declared, listing?.extensions);
  const outgoing: Params = {};
  for (const key of Object.keys(params)) if (!NOT_PASSED_ON.has(key)) outgoing[key] = params[key];
  const meta = passedOnMeta(params, config.passMeta, extensions);
  if (meta !== undefined) outgoing._meta = meta;
  return { outgoing, extensions };
}
