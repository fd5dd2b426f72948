import type { Catalog } from '../../catalog/merge.ts';
import type { Downstream } from '../../downstream/downstream.ts';
import type { DownstreamStatus } from '../../downstream/status.ts';
import { redactedJson } from '../../log.ts';
import { IMPLEMENTATION } from '../../version.ts';

/** What `/status` tells. */
export interface GatewayStatus {
  version: string;
  tools: number;
  downstreams: Record<string, DownstreamStatus>;
  notes: Catalog['notes'];
}

/** What is not over yet, in numbers: all 0 where nobody waits for anything. */
export interface Waiting {
  /** HTTP requests of callers. */
  requests: number;
  calls: number;
  /** Calls whose caller is thinking about a question. */
  parked: number;
  listeners: number;
  /** Requests that downstreams have not answered. */
  downstream: number;
}

/** In names, warnings and last words a server can say what it was told: secrets are taken out. */
export function statusOf(
  downstreams: readonly Downstream[],
  { generic, notes }: Catalog,
  redact: (text: string) => string,
): GatewayStatus {
  const known: GatewayStatus = {
    version: IMPLEMENTATION.version,
    tools: generic.routes.size,
    downstreams: Object.fromEntries(downstreams.map((downstream) => [downstream.key, downstream.status()])),
    notes,
  };
  return JSON.parse(redactedJson(known, redact));
}
