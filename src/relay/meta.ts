import { matchesGlob } from '../catalog/glob.ts';
import { type Extensions, isMetaOf, isReserved } from '../protocol/extensions.ts';
import { isObject, type Params } from '../protocol/messages.ts';

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const TRACE_TEXT = /^[\x20-\x7e]{1,8192}$/;

/**
 * What of a caller's `_meta` goes on: the trace context, in its W3C form, and what belongs to an extension that both ends
 * have. Everything else says something about the caller or this hop (`openai/userLocation`, its envelope, its progress
 * token) and is nobody's business downstream, unless the entry there says so.
 *
 * @param allowed  globs of further keys, of the downstream's entry
 * @see https://www.w3.org/TR/trace-context/
 */
export function passedOnMeta(
  params: Params | undefined,
  allowed: readonly string[],
  extensions: Extensions | undefined,
): Params | undefined {
  const meta = params?._meta;
  if (!isObject(meta)) return undefined;
  const passed: Params = {};
  let isEmpty = true;
  for (const [key, form] of TRACE_KEYS) {
    const value = meta[key];
    if (typeof value !== 'string' || !form.test(value)) continue;
    passed[key] = value;
    isEmpty = false;
  }
  if (allowed.length === 0 && extensions === undefined) return isEmpty ? undefined : passed;
  for (const key of Object.keys(meta)) {
    const isOfExtension = extensions !== undefined && isMetaOf(extensions, key);
    const isAllowed = !isOfTheHop(key) && allowed.some((glob) => matchesGlob(glob, key));
    if (isOfExtension || isAllowed) passed[key] = meta[key];
  }
  return Object.keys(passed).length === 0 ? undefined : passed;
}

const TRACE_KEYS: readonly (readonly [key: string, form: RegExp])[] = [
  ['traceparent', TRACEPARENT],
  ['tracestate', TRACE_TEXT],
  ['baggage', TRACE_TEXT],
];

/** Said by whoever speaks to a server, and by nobody behind. */
function isOfTheHop(key: string): boolean {
  return isReserved(key) || key === 'progressToken' || key === '__proto__' || isOfTrace(key);
}

const isOfTrace = (key: string) => TRACE_KEYS.some(([of]) => of === key);

/** What is left is the same when a request is repeated, which has a trace of its own. */
export function withoutTrace(meta: Params): Params {
  return Object.fromEntries(Object.entries(meta).filter(([key]) => !isOfTrace(key)));
}
