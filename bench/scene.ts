// What every part of the benchmark agrees on: which downstreams there are, what they offer, and how they are told apart.

export type Era = 'legacy' | 'modern';

/** The revision each era is spoken in here. */
export const revision = { legacy: '2025-11-25', modern: '2026-07-28' } as const;

export interface Scene {
  readonly downstreams: number;
  readonly toolsEach: number;
  /** `mixed`: the first half is modern. */
  readonly eras: 'mixed' | Era;
  /** How much later the last downstream answers whatever is not a call. */
  readonly slowMs?: number;
}

/** Ten downstreams with fifty tools each, half of them of each era. */
export const standard: Scene = { downstreams: 10, toolsEach: 50, eras: 'mixed' };

export interface BenchDownstream {
  /** Its key in `mcpServers`; exposed names begin with it and `__`. */
  readonly key: string;
  readonly era: Era;
  readonly tools: number;
  readonly slowMs: number;
  /** Says all of the above. */
  readonly path: string;
}

export function downstreamsOf(scene: Scene): BenchDownstream[] {
  return Array.from({ length: scene.downstreams }, (_, n) => {
    const era = scene.eras !== 'mixed' ? scene.eras : n < scene.downstreams / 2 ? 'modern' : 'legacy';
    const slowMs = n === scene.downstreams - 1 ? (scene.slowMs ?? 0) : 0;
    return {
      key: `d${n}`,
      era,
      tools: scene.toolsEach,
      slowMs,
      path: `/d${n}/${era}/${scene.toolsEach}/${slowMs}/mcp`,
    };
  });
}

/** The downstream that a path is of, as `downstreamsOf` wrote it. */
export function downstreamAt(path: string): BenchDownstream | undefined {
  const [, key, era, tools, slowMs] = /^\/(d\d+)\/(legacy|modern)\/(\d+)\/(\d+)\/mcp$/.exec(path) ?? [];
  if (key === undefined) return undefined;
  return { key, era: era as Era, tools: Number(tools), slowMs: Number(slowMs), path };
}

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

const variants = ['', '_by_id', '_for_team', '_of_today', '_in_bulk'];

/** As many as are asked for; the first fifty have no number. */
export function toolNames(count: number): string[] {
  return Array.from({ length: count }, (_, n) => {
    const name = `${actions[n % 10]}${variants[Math.floor(n / 10) % 5]}`;
    return n < 50 ? name : `${name}_${Math.floor(n / 50)}`;
  });
}

export const defineTool = (name: string) => ({
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
});

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
