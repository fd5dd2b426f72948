import type { View } from '../catalog/view.ts';
import { type DownstreamFailure, notMcp, type ProtocolError } from '../errors.ts';
import {
  type Era,
  LATEST_LEGACY_VERSION,
  LEGACY_VERSIONS,
  MODERN_VERSIONS,
  OWN_META,
} from '../protocol/eras.ts';
import { type Extensions, TASKS } from '../protocol/extensions.ts';
import {
  type Incoming,
  isObject,
  type Outcome,
  type Params,
  type RequestId,
  RPC,
  type RpcError,
} from '../protocol/messages.ts';
import { COMPLETE, withoutType } from '../protocol/written-answer.ts';
import type { Forwarding } from '../relay/asking.ts';
import { unsaid } from '../relay/shape-result.ts';
import { IMPLEMENTATION } from '../version.ts';
import { toRpcError, toToolResult } from './failed-answer.ts';

/** The instructions in it name the servers, and these come and go. */
const DISCOVER_TTL_MS = 60_000;

export function discoverResult({ capabilities, instructions }: View): string {
  return JSON.stringify({
    resultType: 'complete',
    supportedVersions: MODERN_VERSIONS,
    capabilities,
    ...(instructions !== '' && { instructions }),
    _meta: OWN_META,
    ttlMs: DISCOVER_TTL_MS,
    cacheScope: 'private',
  });
}

export function initializeResult(params: Params, { capabilities, instructions }: View): string {
  const asked = params.protocolVersion;
  const protocolVersion =
    typeof asked === 'string' && LEGACY_VERSIONS.includes(asked) ? asked : LATEST_LEGACY_VERSION;
  return JSON.stringify({
    protocolVersion,
    capabilities: legacyCapabilities(capabilities),
    serverInfo: IMPLEMENTATION,
    ...(instructions !== '' && { instructions }),
  });
}

/** Tasks are of the modern era alone: what bears that name before it is something else. */
function legacyCapabilities({ extensions, ...others }: View['capabilities']): object {
  const { [TASKS]: _tasks, ...known } = (extensions ?? {}) as Extensions;
  return Object.keys(known).length === 0 ? others : { ...others, extensions: known };
}

/** Of the revisions before 2026-07-28, which says -32602 instead. Their other code, -32042, is the dialogue's. */
const LEGACY_RESOURCE_NOT_FOUND = -32002;

/** The outcome in the caller's era: modern results name their type, legacy ones have none. Nothing else changes. */
function inEra(outcome: Outcome, era: Era, method: string): Outcome {
  if ('error' in outcome) {
    const code = codeInEra(outcome.error, era, method);
    return code === outcome.error.code ? outcome : { error: { ...outcome.error, code } };
  }
  const { result: given, written } = outcome;
  const isTyped = given.resultType !== undefined;
  // Where both sides are of one era, which is the usual case, the result is passed on and not copied.
  if (isTyped === (era === 'modern')) return outcome;
  if (!isTyped) {
    return written?.startsWith('{"') === true
      ? { result: given, written: COMPLETE + written.slice(1) }
      : { result: { resultType: 'complete', ...given } };
  }
  const { resultType: _none, structuredContent, ...result } = given;
  const isKnown = structuredContent === undefined || isObject(structuredContent);
  const untyped = isKnown && written !== undefined ? withoutType(written) : undefined;
  if (untyped !== undefined) return { result: given, written: untyped };
  if (isObject(structuredContent)) return { result: { ...result, structuredContent } };
  // Legacy clients know objects only, and would throw away the answer of a tool that has run.
  const content = Array.isArray(result.content) ? result.content : [];
  const told = unsaid(structuredContent, content);
  return { result: told.length === 0 ? result : { ...result, content: [...content, ...told] } };
}

function codeInEra(error: RpcError, era: Era, method: string): number {
  const { code, data } = error;
  if (era === 'modern') {
    if (code === LEGACY_RESOURCE_NOT_FOUND) return RPC.invalidParams;
    return isReserved(code) && !tellsWhatItTakes(error) ? RPC.internalError : code;
  }
  if (tellsWhatItTakes(error)) return RPC.invalidParams;
  // Spec 2026-07-28 tells by the URI in it that it is this which was not found.
  const isNotFound = code === RPC.invalidParams && method === 'resources/read' && isObject(data);
  return isNotFound && typeof data.uri === 'string' ? LEGACY_RESOURCE_NOT_FOUND : code;
}

/**
 * Whether the specification keeps this code to itself. Servers of the earlier revisions may mean anything by it; what it means
 * in this one is about the request of one hop, and a caller would send another one, or in another version.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic#error-codes
 */
const isReserved = (code: number) => code <= -32020 && code >= -32099;

/** The one of them that goes from hop to hop. */
const tellsWhatItTakes = ({ code, data }: RpcError) =>
  code === RPC.missingClientCapability && isObject(data) && isObject(data.requiredCapabilities);

/** Spec 2026-07-28: the one error of a handler that has an HTTP status of its own. */
export function statusOf(outcome: Outcome, era: Era): number {
  return era === 'modern' && 'error' in outcome && tellsWhatItTakes(outcome.error) ? 400 : 200;
}

export function writeResult(id: RequestId, resultJson: string): string {
  return `${resultHead(id)}${resultJson}}`;
}

export const resultHead = (id: RequestId) =>
  `{"jsonrpc":"2.0","id":${typeof id === 'number' ? id : JSON.stringify(id)},"result":`;

/** JSON that was read can be nested too deep to be written. Then that is what the caller is told. */
export function writeGuarded(id: RequestId, outcome: Outcome, era: Era, forwarding: Forwarding): string {
  try {
    return writeOutcome(id, inEra(outcome, era, forwarding.method));
  } catch (cause) {
    const failure = notMcp(forwarding.downstream.key, 'nested too deep', cause);
    return writeOutcome(id, inEra(toOutcome(failure, era, forwarding), era, forwarding.method));
  }
}

/** What a model is told of a call, its program is told of anything else. */
export function toOutcome(failure: DownstreamFailure, era: Era, { method }: Forwarding): Outcome {
  if (method !== 'tools/call') return { error: toRpcError(failure) };
  return { result: toToolResult(failure, era === 'modern' ? OWN_META : undefined) };
}

function writeOutcome(id: RequestId, outcome: Outcome): string {
  return 'result' in outcome
    ? writeResult(id, outcome.written ?? JSON.stringify(outcome.result))
    : JSON.stringify({ jsonrpc: '2.0', id, error: outcome.error });
}

/** What is said to a message that is refused before it is understood, or before it is let on. */
export const writeRefusal = (incoming: Incoming | undefined, why: ProtocolError) =>
  writeError(incoming?.kind === 'request' ? incoming.message.id : why.id, why);

/** @param id  undefined where it could not be read */
export function writeError(id: RequestId | undefined, { code, message, data }: ProtocolError): string {
  const error = data === undefined ? { code, message } : { code, message, data };
  return JSON.stringify(id === undefined ? { jsonrpc: '2.0', error } : { jsonrpc: '2.0', id, error });
}
