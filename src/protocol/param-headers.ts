import type { IncomingHttpHeaders } from 'node:http';
import { decodeHeaderValue, encodeHeaderValue } from './headers.ts';
import { isObject, type Params } from './messages.ts';
import { DATA, NAMED } from './schema-keywords.ts';

/**
 * An argument that is mirrored into a header of its own, `Mcp-Param-<name>`, because its tool's schema says so
 * (`x-mcp-header`).
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#custom-headers-from-tool-parameters
 */
export interface ParamHeader {
  /** In lower case. */
  readonly header: string;
  /** Property by property to the argument. */
  readonly path: readonly string[];
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** 42 and 42.0 are the same integer; 0x2A and 4.2e1 are none here. */
const DECIMAL = /^-?\d+(?:\.0+)?$/;
const PRIMITIVES: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean']);
const MAX_DEPTH = 64;

/** The mirrored arguments of a tool; or what makes its schema invalid, which makes the tool unusable. */
export function readParamHeaders(inputSchema: Params): readonly ParamHeader[] | { readonly fault: string } {
  const found: ParamHeader[] = [];
  let fault: string | undefined;

  function visit(schema: unknown, path: readonly string[], isReachable: boolean, depth: number): void {
    if (depth > MAX_DEPTH) fault = `its inputSchema is nested deeper than ${MAX_DEPTH} levels`;
    if (fault !== undefined) return;
    if (Array.isArray(schema)) {
      for (const item of schema) visit(item, path, false, depth + 1);
      return;
    }
    if (!isObject(schema)) return;
    if (schema['x-mcp-header'] !== undefined) fault = judge(schema, isReachable, found);
    if (fault === undefined && schema['x-mcp-header'] !== undefined) {
      found.push({ header: `mcp-param-${String(schema['x-mcp-header']).toLowerCase()}`, path });
    }
    for (const [keyword, value] of Object.entries(schema)) {
      if (DATA.has(keyword)) continue;
      if (!NAMED.has(keyword) || !isObject(value)) visit(value, path, false, depth + 1);
      else {
        for (const [name, inner] of Object.entries(value)) {
          visit(inner, [...path, name], isReachable && keyword === 'properties', depth + 1);
        }
      }
    }
  }

  visit(inputSchema, [], true, 0);
  return fault === undefined ? found : { fault };
}

function judge(schema: Params, isReachable: boolean, found: readonly ParamHeader[]): string | undefined {
  const name = schema['x-mcp-header'];
  if (typeof name !== 'string' || !TOKEN.test(name)) return 'an x-mcp-header is not a header name';
  if (!isReachable) return `x-mcp-header "${name}" stands where no argument can be read`;
  if (!PRIMITIVES.has(schema.type))
    return `x-mcp-header "${name}" is on a parameter that is not string, integer or boolean`;
  const isTaken = found.some(({ header }) => header === `mcp-param-${name.toLowerCase()}`);
  return isTaken ? `x-mcp-header "${name}" stands twice` : undefined;
}

/** The headers that mirror these arguments, name and value in turn. */
export function writeParamHeaders(mirrored: readonly ParamHeader[], args: unknown): string[] {
  return mirrored.flatMap(({ header, path }) => {
    const value = valueAt(args, path);
    return value === undefined ? [] : [header, encodeHeaderValue(String(value))];
  });
}

/** The first header that does not say what its argument says; undefined when all do. */
export function mismatchedParamHeader(
  mirrored: readonly ParamHeader[],
  args: unknown,
  headers: IncomingHttpHeaders,
): string | undefined {
  return mirrored.find(({ header, path }) => {
    const value = valueAt(args, path);
    if (value === undefined) return false;
    const sent = headers[header];
    const decoded = typeof sent === 'string' ? decodeHeaderValue(sent) : undefined;
    if (decoded === undefined) return true;
    return typeof value === 'number'
      ? !DECIMAL.test(decoded) || Number(decoded) !== value
      : decoded !== String(value);
  })?.header;
}

function valueAt(args: unknown, path: readonly string[]): string | number | boolean | undefined {
  let value = args;
  for (const name of path) value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  return Number.isSafeInteger(value) ? (value as number) : undefined;
}
