import { isObject, type JsonObject, META } from './fixture/protocol.ts';
import type { Exchange } from './recording-proxy.ts';

/**
 * What a caller saw of one request, without what may rightly differ between two servers that offer the same:
 *
 * - ids of messages. That a response carries the id of its request is kept, as `answers: 'own request'`.
 * - `resultType: "complete"`: a legacy caller may get or miss it, and the suite checks it for modern ones.
 * - `ttlMs`, `cacheScope`: the gateway's own decision.
 * - `serverInfo` in `_meta`: the gateway's own.
 * - the names of `inputRequests`, and that there is a `requestState`, where the server behind is of the legacy era, which has
 *   neither. The order of the questions is kept.
 * - `requestState`: opaque to the caller, and may be wrapped.
 * - all of the gateway's `initialize` and `server/discover` but the agreed version: it answers for itself there.
 * - the body of a refusal on the level of HTTP (403), which may be a JSON-RPC error without an id, or anything.
 * - the wording of an error that the server itself found, as opposed to a handler behind it. The code stays.
 *
 * Framing (JSON or SSE, event ids, priming events) is not looked at: it is the caller's or the server's choice.
 */
export function comparable(
  exchange: Exchange,
  errorsAreItsOwn: boolean,
  questionsAreUnnamed = false,
): JsonObject {
  const { sent, status, received } = exchange;
  return {
    status,
    messages: received.filter(isMessage).map((message) => {
      if (typeof message.method === 'string') {
        return { method: message.method, params: withoutOwnFields(message.params, sent?.id) };
      }
      const answers = message.id === sent?.id ? 'own request' : `id ${JSON.stringify(message.id)}`;
      if (isObject(message.error)) {
        const { code, ...rest } = message.error;
        return { answers, error: errorsAreItsOwn ? { code } : { code, ...rest } };
      }
      const result = ownPart(sent?.method, message.result, sent?.id);
      const { inputRequests } = isObject(result) ? result : {};
      if (!questionsAreUnnamed || !isObject(inputRequests)) return { answers, result };
      const { requestState: _ours, ...rest } = result as JsonObject;
      return { answers, result: { ...rest, inputRequests: Object.values(inputRequests) } };
    }),
  };
}

/** What is no answer to a request and no message either, as the body of a refusal may be. */
function isMessage({ id, method }: JsonObject): boolean {
  return typeof method === 'string' || (id !== undefined && id !== null);
}

function ownPart(method: unknown, result: unknown, requestId: unknown): unknown {
  if (!isObject(result)) return result;
  if (method === 'server/discover') return {};
  if (method === 'initialize') return { protocolVersion: result.protocolVersion };
  return withoutOwnFields(result, requestId);
}

function withoutOwnFields(value: unknown, requestId: unknown): unknown {
  if (!isObject(value)) return value;
  const { ttlMs: _ttl, cacheScope: _scope, resultType, requestState, _meta, ...rest } = value;
  const meta = isObject(_meta) ? metaWithoutOwnFields(_meta, requestId) : {};
  return {
    ...rest,
    ...(resultType === undefined || resultType === 'complete' ? {} : { resultType }),
    ...(requestState === undefined ? {} : { requestState: typeof requestState }),
    ...(Object.keys(meta).length === 0 ? {} : { _meta: meta }),
  };
}

function metaWithoutOwnFields(meta: JsonObject, requestId: unknown): JsonObject {
  const { [META.serverInfo]: _info, [META.subscriptionId]: subscription, ...rest } = meta;
  if (subscription === undefined) return rest;
  return { ...rest, subscription: subscription === requestId ? 'own request' : subscription };
}

/** Where `found` first differs from `expected`, as a path and the two values; undefined when it does not. */
export function firstDifference(expected: unknown, found: unknown, at = ''): string | undefined {
  if (Array.isArray(expected) && Array.isArray(found)) {
    for (let index = 0; index < Math.max(expected.length, found.length); index++) {
      const difference = firstDifference(expected[index], found[index], `${at}[${index}]`);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  if (isObject(expected) && isObject(found)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(found)])) {
      const difference = firstDifference(expected[key], found[key], at === '' ? key : `${at}.${key}`);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  if (Object.is(expected, found)) return undefined;
  return `${at}: ${shown(expected)} became ${shown(found)}`;
}

function shown(value: unknown): string {
  if (value === undefined) return '(nothing)';
  const text = JSON.stringify(value);
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}
