import type { WireTool } from './tools.ts';

/** One page of a tool list, exactly as it will stand on the wire: bad tools and odd cursors included. */
export interface Page {
  readonly tools: readonly unknown[];
  readonly nextCursor?: unknown;
  readonly [key: string]: unknown;
}

type Pages = (cursor: unknown) => Page;

/** `count` pages of one tool each, `page_1` … `page_<count>`. */
export function pages(count: number): Pages {
  return (cursor) => {
    const page = cursor === undefined ? 1 : Number(String(cursor).replace('after-', '')) + 1;
    return { tools: [pagedTool(page)], ...(page < count ? { nextCursor: `after-${page}` } : {}) };
  };
}

/** Never comes to an end; every cursor is new. */
export function endlessPages(): Pages {
  return pages(Number.POSITIVE_INFINITY);
}

/** Two cursors that lead to each other. */
export function cursorLoop(): Pages {
  return (cursor) => ({
    tools: [pagedTool(cursor === 'ping' ? 2 : 1)],
    nextCursor: cursor === 'ping' ? 'pong' : 'ping',
  });
}

/** A first page whose `nextCursor` is exactly this; asked for with it, the second and last page. */
export function oddCursor(nextCursor: '' | null | number): Pages {
  return (cursor) =>
    cursor === undefined ? { tools: [pagedTool(1)], nextCursor } : { tools: [pagedTool(2)] };
}

function pagedTool(page: number): WireTool {
  return {
    name: `page_${page}`,
    description: `On page ${page}.`,
    inputSchema: { type: 'object', properties: {} },
  };
}
