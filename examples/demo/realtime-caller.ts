/** Speaks to the gateway the way OpenAI Realtime was seen to do: modern era, one POST a request, no sessions. */

export interface Exchange {
  method: string;
  headers: Record<string, string>;
  status: number;
  contentType: string;
  durationMs: number;
  answer: Answer;
}

/** Of a JSON-RPC response, what the demo shows. */
export interface Answer {
  error?: { code: number; message: string };
  result?: {
    supportedVersions?: string[];
    tools?: Tool[];
    content?: { type: string; text?: string }[];
    isError?: boolean;
  };
}

export interface Tool {
  name: string;
  annotations?: { readOnlyHint?: boolean; destructiveHint?: boolean };
}

const protocolVersion = '2026-07-28';
const userAgent = 'openai-mcp/1.0.0 (Realtime API)';
const envelope = {
  'io.modelcontextprotocol/protocolVersion': protocolVersion,
  'io.modelcontextprotocol/clientInfo': { name: 'openai-mcp (Realtime API)', version: '1.0.0' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** Returns a function that sends one request and gives back both sides of it, whatever the status. */
export function createRealtimeCaller(url: string, token: string) {
  let id = 0;
  return async (method: string, params: Record<string, unknown> = {}): Promise<Exchange> => {
    const headers: Record<string, string> = {
      Authorization: `Bearer ${token}`,
      'User-Agent': userAgent,
      'MCP-Protocol-Version': protocolVersion,
      'Mcp-Method': method,
    };
    if (typeof params.name === 'string') headers['Mcp-Name'] = params.name;

    id += 1;
    const body = JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta: envelope } });
    const began = performance.now();
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        ...headers,
        'Content-Type': 'application/json',
        Accept: 'application/json, text/event-stream',
      },
      body,
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    const durationMs = performance.now() - began;
    const contentType = (response.headers.get('content-type') ?? 'no body').split(';')[0] ?? '';
    return {
      method,
      headers,
      status: response.status,
      contentType,
      durationMs,
      answer: readAnswer(contentType, text),
    };
  };
}

/** The answer is JSON, or the last event of a stream. */
function readAnswer(contentType: string, text: string): Answer {
  const json = contentType === 'text/event-stream' ? text.split('data:').at(-1) : text;
  return JSON.parse(json || '{}') as Answer;
}
