import { hash } from 'node:crypto';
import type { DownstreamConfig } from './config.ts';

/** Which server an entry means: after a change of its url or command, it is another. Digested: they may hold a secret. */
export function identityOf(config: DownstreamConfig): string {
  const identity = config.kind === 'http' ? config.url : JSON.stringify([config.command, ...config.args]);
  return hash('sha256', identity, 'hex').slice(0, 16);
}
