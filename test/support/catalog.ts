import { merge } from '../../src/catalog/merge.ts';
import type { Downstream } from '../../src/downstream/downstream.ts';

/** A server as far as the catalog looks at one, with its list. */
export function sourceOf(tools: readonly object[], { key = 'crm', prefix = '' } = {}) {
  const shaping = { exclude: [], overrides: new Map() };
  const downstream = { key, config: { prefix, priority: 0, passesInstructions: false, tools: shaping } };
  const list = {
    tools: tools as Record<string, unknown>[],
    ttlMs: undefined,
    instructions: undefined,
    warnings: [],
  };
  return { downstream: downstream as unknown as Downstream, list };
}

/** What becomes of the tools of one server. */
export const catalogOf = (tools: readonly object[], prefix = '') => merge([sourceOf(tools, { prefix })]);
