/** A JSON-RPC message as it stands on the wire, of any kind. Kept apart from the project's own types on purpose. */
export interface Message {
  readonly jsonrpc: '2.0';
  readonly id?: string | number | null;
  readonly method?: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came.
  readonly params?: any;
  // biome-ignore lint/suspicious/noExplicitAny: see above.
  readonly result?: any;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

export const modernVersion = '2026-07-28';

/** The `_meta` that every modern request must carry. */
export function envelope(clientName: string, clientCapabilities: object = {}): Record<string, unknown> {
  return {
    'io.modelcontextprotocol/protocolVersion': modernVersion,
    'io.modelcontextprotocol/clientInfo': { name: clientName, version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': clientCapabilities,
  };
}

/** Whether a request is of the modern era: it says so itself. */
export function isModern(request: Message): boolean {
  return request.params?._meta?.['io.modelcontextprotocol/protocolVersion'] !== undefined;
}

/** Body and headers of a 2026-07-28 request, to be spread into `post`. */
export function modernRequest(
  method: string,
  params: { readonly [key: string]: unknown; readonly _meta?: object } = {},
  id: string | number = 1,
): [body: Message, headers: Record<string, string>] {
  const { _meta, ...rest } = params;
  const name = rest.name ?? rest.uri;
  return [
    { jsonrpc: '2.0', id, method, params: { ...rest, _meta: { ...envelope('test'), ..._meta } } },
    {
      'mcp-protocol-version': modernVersion,
      'mcp-method': method,
      ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
    },
  ];
}

/** The same for an older one; with no version it is as bare as Copilot Studio sends it. */
export function legacyRequest(
  method: string,
  params?: object,
  { id = 1, version }: { id?: string | number; version?: string } = {},
): [body: Message, headers: Record<string, string>] {
  return [
    { jsonrpc: '2.0', id, method, ...(params ? { params } : {}) },
    version === undefined ? {} : { 'mcp-protocol-version': version },
  ];
}
