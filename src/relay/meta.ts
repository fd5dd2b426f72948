import { isObject, type Params } from '../protocol/messages.ts';

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const TRACE_TEXT = /^[\x20-\x7e]{1,8192}$/;

/**
 * What of a caller's `_meta` goes on: the trace context, in its W3C form. Everything else says something about the
 * caller or this hop (`openai/userLocation`, its envelope, its progress token) and is nobody's business downstream.
 *
 * @see https://www.w3.org/TR/trace-context/
 */
export function passedOnMeta(params: Params | undefined): Params | undefined {
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
  return isEmpty ? undefined : passed;
}

const TRACE_KEYS: readonly (readonly [key: string, form: RegExp])[] = [
  ['traceparent', TRACEPARENT],
  ['tracestate', TRACE_TEXT],
  ['baggage', TRACE_TEXT],
];
