import type { IncomingHttpHeaders } from 'node:http';
import { outgoingArguments } from '../catalog/arguments.ts';
import type { View } from '../catalog/view.ts';
import type { Downstream } from '../downstream/downstream.ts';
import { headerMismatch, ProtocolError, unknownPrompt, unknownResource, unknownTool } from '../errors.ts';
import type { Era } from '../protocol/eras.ts';
import { isObject, type Params, RPC } from '../protocol/messages.ts';
import { mismatchedParamHeader, writeParamHeaders } from '../protocol/param-headers.ts';
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
  readonly timeoutMs: number;
  readonly params: Params;
  readonly paramHeaders?: readonly string[] | undefined;
  /** Undefined where nothing can be asked. */
  readonly dialogue?: Dialogue | undefined;
  /** Undefined where the result goes back as it is. */
  readonly shape: ((result: Params) => Params) | undefined;
}

/** Who asks for it. */
export interface Asking {
  readonly view: View;
  readonly era: Era;
  /** Of a modern request over HTTP: what it mirrors is held against its body. */
  readonly headers?: IncomingHttpHeaders;
  /** What it can be asked; undefined where that is nothing. */
  readonly capabilities?: Params | undefined;
  /** Absent where questions cannot be answered. */
  readonly rounds?: Rounds;
}

type Planner = (params: Params, asking: Asking) => Forwarding;

/**
 * The methods that a downstream answers, and how each is forwarded.
 *
 * @throws ProtocolError -32602 nothing of that name or URI, -32020 a header that says other than the body
 */
export const FORWARDINGS: ReadonlyMap<string, Planner> = new Map<string, Planner>([
  ['tools/call', forwardCall],
  ['prompts/get', forwardPrompt],
  ['resources/read', forwardRead],
  ['completion/complete', forwardCompletion],
]);

/** @throws ProtocolError -32602 no such tool; -32020 a header that says other than the body */
export function forwardCall(params: Params, asking: Asking): Forwarding {
  const { view, headers } = asking;
  const name = textOf(params, 'name', 'the name of a tool');
  const route = view.routes.get(name);
  if (route === undefined) throw unknownTool(name);
  const mismatched = headers && mismatchedParamHeader(route.exposedParamHeaders, params.arguments, headers);
  if (mismatched !== undefined) throw headerMismatch(`The ${mismatched} header does not match the body.`);
  const { downstream, argumentRules, paramHeaders, profile } = route;
  const outgoing = outgoingParams(params);
  outgoing.name = route.originalName;
  if (argumentRules !== undefined) outgoing.arguments = outgoingArguments(params.arguments, argumentRules);
  const isShaped = profile.results !== 'unchanged' || profile.maxResultChars !== undefined;
  const { mayRewrite } = view.resources;
  return {
    method: 'tools/call',
    downstream,
    exposedName: name,
    timeoutMs: route.callTimeoutMs,
    params: outgoing,
    paramHeaders: paramHeaders.length > 0 ? writeParamHeaders(paramHeaders, outgoing.arguments) : undefined,
    dialogue: dialogueOf('tools/call', params, downstream, asking),
    shape:
      isShaped || mayRewrite
        ? (result) => {
            const exposed = exposeUris(result, view.resources, downstream);
            return isShaped ? shapeResult(exposed, profile) : exposed;
          }
        : undefined,
  };
}

function forwardPrompt(params: Params, asking: Asking): Forwarding {
  const { view } = asking;
  const name = textOf(params, 'name', 'the name of a prompt');
  const route = view.prompts.get(name);
  if (route === undefined) throw unknownPrompt(name);
  const { downstream, originalName } = route;
  return {
    method: 'prompts/get',
    downstream,
    exposedName: name,
    timeoutMs: timeoutOf(downstream, view),
    params: { ...outgoingParams(params), name: originalName },
    dialogue: dialogueOf('prompts/get', params, downstream, asking),
    shape: (result) => exposeUris(result, view.resources, downstream),
  };
}

function forwardRead(params: Params, asking: Asking): Forwarding {
  const { view, era } = asking;
  const uri = textOf(params, 'uri', 'the URI of a resource');
  const route = view.resources.routeOf(uri);
  if (route === undefined) throw unknownResource(uri, era);
  const { downstream } = route;
  return {
    method: 'resources/read',
    downstream,
    exposedName: uri,
    timeoutMs: timeoutOf(downstream, view),
    params: { ...outgoingParams(params), uri: route.uri },
    dialogue: dialogueOf('resources/read', params, downstream, asking),
    shape: (result) => {
      const exposed = exposeUris(result, view.resources, downstream);
      // What was read with our credentials is for those who hold our token; who names no time promises none.
      return era === 'modern' ? { ttlMs: 0, ...exposed, cacheScope: 'private' } : exposed;
    },
  };
}

/** Completes an argument of a prompt or of a resource template. */
function forwardCompletion(params: Params, { view }: Asking): Forwarding {
  const ref = isObject(params.ref) ? params.ref : {};
  const isPrompt = ref.type === 'ref/prompt';
  if (!isPrompt && ref.type !== 'ref/resource') {
    throw new ProtocolError(RPC.invalidParams, 'params.ref.type must be "ref/prompt" or "ref/resource".');
  }
  const name = textOf(
    ref,
    isPrompt ? 'name' : 'uri',
    isPrompt ? 'the name of a prompt' : 'a URI template',
    'params.ref',
  );
  const prompt = isPrompt ? view.prompts.get(name) : undefined;
  const resource = isPrompt ? undefined : view.resources.routeOf(name);
  const downstream = prompt?.downstream ?? resource?.downstream;
  if (downstream === undefined) throw isPrompt ? unknownPrompt(name) : unknownResource(name, 'modern');
  const original = prompt === undefined ? { uri: resource?.uri } : { name: prompt.originalName };
  return {
    method: 'completion/complete',
    downstream,
    exposedName: name,
    timeoutMs: timeoutOf(downstream, view),
    params: { ...outgoingParams(params), ref: { ...ref, ...original } },
    shape: undefined,
  };
}

function dialogueOf(
  method: string,
  params: Params,
  { key }: Downstream,
  { view, era, capabilities, rounds }: Asking,
): Dialogue | undefined {
  // A caller of the legacy era has no way to come back with answers.
  if (rounds === undefined || (era === 'legacy' && capabilities === undefined)) return undefined;
  const given = era === 'modern' ? params : NO_PARAMS;
  const { showsOrigin } = view;
  return new Dialogue({ method, params: given, downstream: key, showsOrigin, capabilities }, rounds);
}

const NO_PARAMS: Params = {};

const timeoutOf = ({ config }: Downstream, { profile }: View) =>
  config.callTimeoutMs ?? profile.callTimeoutMs;

function textOf(params: Params, field: string, what: string, at = 'params'): string {
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

function outgoingParams(params: Params): Params {
  const outgoing: Params = {};
  for (const key of Object.keys(params)) if (!NOT_PASSED_ON.has(key)) outgoing[key] = params[key];
  const meta = passedOnMeta(params);
  if (meta !== undefined) outgoing._meta = meta;
  return outgoing;
}
