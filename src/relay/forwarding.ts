import { outgoingArguments } from '../catalog/arguments.ts';
import type { ToolRoute } from '../catalog/offered-tool.ts';
import type { View } from '../catalog/view.ts';
import { briefly } from '../cut.ts';
import {
  ambiguousTool,
  headerMismatch,
  ProtocolError,
  unknownPrompt,
  unknownResource,
  unknownTool,
} from '../errors.ts';
import { OWN_META } from '../protocol/eras.ts';
import { isObject, type Params, RPC } from '../protocol/messages.ts';
import { mismatchedParamHeader, writeParamHeaders } from '../protocol/param-headers.ts';
import {
  type Asking,
  dialogueOf,
  type Forwarding,
  ofForeign,
  outgoingOf,
  textOf,
  timed,
  toolResultShape,
} from './asking.ts';
import { exposeUris } from './expose-uris.ts';
import { exposeTask, forwardTask, TASK_METHODS } from './tasks.ts';

type Planner = (params: Params, asking: Asking) => Forwarding;

/**
 * The methods that a downstream answers, and how each is forwarded.
 *
 * @throws ProtocolError -32602 nothing of that name or URI, or nothing that can be sent; -32020 a header that says other than the body
 */
export const FORWARDINGS: ReadonlyMap<string, Planner> = new Map<string, Planner>([
  ['tools/call', forwardCall],
  ['prompts/get', forwardPrompt],
  ['resources/read', forwardRead],
  ['completion/complete', forwardCompletion],
  ...TASK_METHODS.map((method): [string, Planner] => [method, (...given) => forwardTask(method, ...given)]),
]);

/** @throws ProtocolError -32602 no such tool, or arguments that cannot be shaped; -32020 a header that says other than the body */
export function forwardCall(params: Params, asking: Asking): Forwarding {
  const { view, headers } = asking;
  const name = textOf(params, 'name', 'the name of a tool');
  const route = view.routes.get(name) ?? routeOfApp(view, name);
  const mismatched = headers && mismatchedParamHeader(route.exposedParamHeaders, params.arguments, headers);
  if (mismatched !== undefined) throw headerMismatch(`The ${mismatched} header does not match the body.`);
  const { downstream, argumentRules, paramHeaders } = route;
  const { outgoing, extensions } = outgoingOf(params, downstream, asking);
  outgoing.name = route.originalName;
  if (argumentRules !== undefined) outgoing.arguments = outgoingArguments(argumentsOf(params), argumentRules);
  return {
    method: 'tools/call',
    downstream,
    exposedName: route.exposedName,
    timing: route.timing,
    repeatability: route.retries ? 'marked' : 'once',
    joinsRepeats: route.joinsRepeats,
    argumentsJson: route.joinsRepeats ? JSON.stringify(outgoing.arguments) : undefined,
    params: outgoing,
    extensions,
    paramHeaders: paramHeaders.length > 0 ? writeParamHeaders(paramHeaders, outgoing.arguments) : undefined,
    dialogue: dialogueOf('tools/call', params, downstream, asking),
    shape: toolResultShape(view, downstream),
    otherwise: (result) =>
      exposeTask(result, downstream, extensions, asking) ?? ofForeign(result, extensions, asking),
  };
}

/** Some callers write null for none. What is not shaped here is for its server to judge. */
function argumentsOf({ arguments: given }: Params): Params {
  if (given === undefined || given === null) return {};
  if (isObject(given)) return given;
  throw new ProtocolError(RPC.invalidParams, 'params.arguments must be an object.');
}

/** Who calls a tool by the name its own server gave it is an app of that server. */
function routeOfApp({ routesOfApps }: View, name: string): ToolRoute {
  const [route, ...others] = routesOfApps.get(name) ?? [];
  if (route === undefined) throw unknownTool(name);
  if (others.length === 0) return route;
  throw ambiguousTool(
    name,
    [route, ...others].map(({ exposedName }) => exposedName),
  );
}

function forwardPrompt(params: Params, asking: Asking): Forwarding {
  const { view } = asking;
  const name = textOf(params, 'name', 'the name of a prompt');
  const route = view.prompts.get(name);
  if (route === undefined) throw unknownPrompt(name);
  const { downstream, originalName } = route;
  const { outgoing, extensions } = outgoingOf(params, downstream, asking);
  return {
    method: 'prompts/get',
    downstream,
    exposedName: name,
    timing: timed(downstream, view),
    repeatability: 'reads',
    params: { ...outgoing, name: originalName },
    extensions,
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
  const { outgoing, extensions } = outgoingOf(params, downstream, asking);
  return {
    method: 'resources/read',
    downstream,
    exposedName: briefly(uri),
    timing: timed(downstream, view),
    repeatability: 'reads',
    params: { ...outgoing, uri: route.uri },
    extensions,
    dialogue: dialogueOf('resources/read', params, downstream, asking),
    shape: (result) => {
      const exposed = exposeUris(result, view.resources, downstream);
      // What was read with our credentials is for those who hold our token; who names no good time promises none.
      return era === 'modern' ? { ...exposed, ttlMs: timeOf(exposed), cacheScope: 'private' } : exposed;
    },
  };
}

const timeOf = ({ ttlMs }: Params) => (Number.isSafeInteger(ttlMs) ? Math.max(ttlMs as number, 0) : 0);

/** Completes an argument of a prompt or of a resource template. */
function forwardCompletion(params: Params, asking: Asking): Forwarding {
  const { view } = asking;
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
  const { outgoing, extensions } = outgoingOf(params, downstream, asking);
  const original = prompt === undefined ? { uri: resource?.uri } : { name: prompt.originalName };
  return {
    method: 'completion/complete',
    downstream,
    // It was promised for those that complete.
    answer: downstream.listing?.completes === true ? undefined : noCompletion(asking),
    exposedName: briefly(name),
    timing: timed(downstream, view),
    repeatability: 'reads',
    params: { ...outgoing, ref: { ...ref, ...original } },
    extensions,
    shape: cutCompletion,
  };
}

const noCompletion = ({ era }: Asking): Params => ({
  completion: { values: [] },
  ...(era === 'modern' && { _meta: OWN_META }),
});

/** Spec, in every revision: so many at most, and who has more says so. */
const MAX_COMPLETIONS = 100;

function cutCompletion(result: Params): Params {
  const { completion } = result;
  if (!isObject(completion) || !Array.isArray(completion.values)) return result;
  const { values } = completion;
  if (values.length <= MAX_COMPLETIONS) return result;
  return {
    ...result,
    completion: { ...completion, values: values.slice(0, MAX_COMPLETIONS), hasMore: true },
  };
}
