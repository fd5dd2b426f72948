import { headerMismatch, ProtocolError } from '../errors.ts';
import { IMPLEMENTATION } from '../version.ts';
import { decodeHeaderValue } from './headers.ts';
import { isObject, type Notification, type Params, type Request, RPC } from './messages.ts';

/**
 * An era is a family of protocol revisions: *legacy* opens with `initialize`, *modern* carries an envelope in every
 * request's `_meta`. Which one a request belongs to is read from that request alone, never from an earlier one.
 */
export type Era = 'legacy' | 'modern';

export const LEGACY_VERSIONS: readonly string[] = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'];
export const LATEST_LEGACY_VERSION = '2025-11-25';
export const MODERN_VERSIONS: readonly string[] = ['2026-07-28'];
export const LATEST_MODERN_VERSION = '2026-07-28';

export const META = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  logLevel: 'io.modelcontextprotocol/logLevel',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
} as const;

/** Of a result of the modern era that is the gateway's own, and no server's. */
export const OWN_META = { [META.serverInfo]: IMPLEMENTATION } as const;

/** The request headers the protocol gives a meaning, by their lower-case names. */
export interface ProtocolHeaders {
  'mcp-protocol-version'?: string | undefined;
  'mcp-method'?: string | undefined;
  'mcp-name'?: string | undefined;
}

/** Which parameter `Mcp-Name` mirrors, by method. */
const NAME_PARAMETER: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

/** The value that `Mcp-Name` mirrors for this request; undefined where the header is not used. */
export function mirroredName(method: string, params: Params | undefined): string | undefined {
  const parameter = Object.hasOwn(NAME_PARAMETER, method) ? NAME_PARAMETER[method] : undefined;
  const value = parameter === undefined ? undefined : params?.[parameter];
  return typeof value === 'string' ? value : undefined;
}

/**
 * Decides the era of one message and, for modern requests, that headers and body agree.
 *
 * @param headers  undefined on stdio, which has none
 * @throws ProtocolError -32602 envelope incomplete, -32020 header missing or different, -32022 version not served
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-validation
 */
export function eraOf(message: Request | Notification, headers: ProtocolHeaders | undefined): Era {
  const meta = isObject(message.params?._meta) ? message.params._meta : undefined;
  const claim = meta?.[META.protocolVersion];
  const header = headers?.['mcp-protocol-version'];
  const isModern =
    claim !== undefined ||
    message.method === 'server/discover' ||
    (header !== undefined && MODERN_VERSIONS.includes(header));
  if (!isModern) {
    // `initialize` negotiates in its body.
    if (message.method !== 'initialize') checkVersion(header);
    return 'legacy';
  }
  // Notifications carry no envelope, and this revision leaves their headers undefined.
  if ('id' in message) checkEnvelope(message, meta, headers);
  return 'modern';
}

/**
 * Of what has no body that says more. Copilot Studio and OpenAI's older deployments send none.
 *
 * @throws ProtocolError -32022 a version that never was
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#protocol-version-header
 */
export function checkVersion(header: string | undefined): void {
  if (header === undefined || LEGACY_VERSIONS.includes(header) || MODERN_VERSIONS.includes(header)) return;
  throw unsupportedVersion(header, [...LEGACY_VERSIONS, ...MODERN_VERSIONS]);
}

function checkEnvelope(
  request: Request,
  meta: Params | undefined,
  headers: ProtocolHeaders | undefined,
): void {
  const version = meta?.[META.protocolVersion];
  if (typeof version !== 'string')
    throw missingMeta(META.protocolVersion, 'a protocol version such as "2026-07-28"');
  if (headers !== undefined) checkHeader('MCP-Protocol-Version', headers['mcp-protocol-version'], version);
  if (!MODERN_VERSIONS.includes(version)) throw unsupportedVersion(version, MODERN_VERSIONS);
  if (!isObject(meta?.[META.clientCapabilities])) throw missingMeta(META.clientCapabilities, 'an object');
  if (headers !== undefined) {
    checkHeader('Mcp-Method', headers['mcp-method'], request.method);
    const name = mirroredName(request.method, request.params);
    if (name !== undefined) checkHeader('Mcp-Name', decodeMirrored(headers['mcp-name']), name);
  }
}

function decodeMirrored(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const value = decodeHeaderValue(header);
  if (value === undefined) throw headerMismatch('Mcp-Name is neither visible ASCII nor base64 of UTF-8.');
  return value;
}

function checkHeader(name: string, header: string | undefined, body: string): void {
  if (header === undefined) throw headerMismatch(`The ${name} header is missing.`);
  if (header !== body) throw headerMismatch(`The ${name} header does not match the body.`);
}

const missingMeta = (key: string, expected: string) =>
  new ProtocolError(RPC.invalidParams, `params._meta["${key}"] must be ${expected}.`, { httpStatus: 400 });

const unsupportedVersion = (requested: string, supported: readonly string[]) =>
  new ProtocolError(
    RPC.unsupportedVersion,
    `Protocol version not supported. This server speaks ${supported.join(', ')}.`,
    {
      data: { supported, requested },
    },
  );
