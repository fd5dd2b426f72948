/**
 * The value encoding of mirrored headers (`Mcp-Name`, `Mcp-Param-*`): plain where a header can carry it, else
 * `=?base64?…?=`.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#value-encoding
 */
const START = '=?base64?';
const SENTINEL = /^=\?base64\?(.*)\?=$/s;
const PLAIN = /^(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export function encodeHeaderValue(value: string): string {
  if (PLAIN.test(value) && !SENTINEL.test(value)) return value;
  return `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`;
}

/** The decoded value, or undefined for what no value is encoded as: other characters, or markers around no base64 of UTF-8. */
export function decodeHeaderValue(header: string): string | undefined {
  const encoded = header.startsWith(START) ? SENTINEL.exec(header)?.[1] : undefined;
  if (encoded === undefined) return PLAIN.test(header) ? header : undefined;
  if (!BASE64.test(encoded)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(encoded, 'base64'));
  } catch {
    return undefined;
  }
}
