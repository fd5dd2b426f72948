// What every part of the benchmark agrees on: ten downstreams with fifty tools each, half of them of each era.

export type Era = 'legacy' | 'modern';

/** The revision each era is spoken in here. */
export const revision = { legacy: '2025-11-25', modern: '2026-07-28' } as const;

export interface BenchDownstream {
  /** Its key in `mcpServers`; exposed names begin with it and `__`. */
  readonly key: string;
  readonly era: Era;
  readonly path: string;
}

export const downstreams: readonly BenchDownstream[] = Array.from({ length: 10 }, (_, n) => ({
  key: `d${n}`,
  era: n < 5 ? 'modern' : 'legacy',
  path: `/${n}/mcp`,
}));

const actions = [
  'find_customer',
  'list_invoices',
  'create_ticket',
  'search_documents',
  'get_order',
  'update_contact',
  'check_stock',
  'book_meeting',
  'send_message',
  'summarize_account',
];

/** Fifty, so that there are 500 in all. */
export const toolNames: readonly string[] = ['', '_by_id', '_for_team', '_of_today', '_in_bulk'].flatMap(
  (variant) => actions.map((action) => action + variant),
);

export const toolDefinitions = toolNames.map((name) => ({
  name,
  description: `Does ${name.replaceAll('_', ' ')} for the given query and returns the matching entries as text.`,
  inputSchema: {
    type: 'object',
    properties: {
      query: { type: 'string', description: 'What to look for, in plain words' },
      limit: { type: 'integer', minimum: 1, maximum: 100, description: 'How many entries at most' },
      n: { type: 'integer', description: 'Any number' },
    },
    required: ['query'],
  },
}));

export const token = 'bench-token-bench-token-bench-token';

export const resultBytes = 1024;

export function exposedName(downstream: BenchDownstream, tool: string): string {
  return `${downstream.key}__${tool}`;
}

/** The head of a result's text. It differs for every call, so an answer that went astray cannot pass for another. */
export function resultHead(key: string, tool: string, n: number): string {
  return `${key} ${tool} ${n} `;
}

const envelope = 'io.modelcontextprotocol/';

/** The `_meta` a modern request carries. */
export const modernMeta = {
  [`${envelope}protocolVersion`]: revision.modern,
  [`${envelope}clientInfo`]: { name: 'bench', version: '1' },
  [`${envelope}clientCapabilities`]: {},
};
