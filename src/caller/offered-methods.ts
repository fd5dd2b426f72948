import type { View } from '../catalog/view.ts';
import type { Era } from '../protocol/eras.ts';
import { extensionsOf, TASKS } from '../protocol/extensions.ts';
import type { Params } from '../protocol/messages.ts';
import { remembering } from '../protocol/text.ts';
import { FORWARDINGS } from '../relay/forwarding.ts';

export const SUBSCRIBING: ReadonlySet<string> = new Set(['resources/subscribe', 'resources/unsubscribe']);

/** What is answered from the catalog. The handshakes too: who is told of no prompts then never asks for them. */
export const NEEDS_CATALOG: ReadonlySet<string> = new Set([
  'initialize',
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'subscriptions/listen',
  'logging/setLevel',
  ...SUBSCRIBING,
  ...FORWARDINGS.keys(),
]);

export function offersSubscriptions({ capabilities }: View): boolean {
  return (capabilities.resources as Params | undefined)?.subscribe === true;
}

const featureOf = remembering((method) => method.slice(0, method.indexOf('/')));

/** `tools/call` of `tools`, `completion/complete` of `completions`, `tasks/get` of an extension. */
export function offers({ capabilities }: View, method: string, era: Era): boolean {
  const feature = featureOf(method);
  if (feature === 'tasks') return era === 'modern' && extensionsOf(capabilities)?.[TASKS] !== undefined;
  return capabilities[feature === 'completion' ? 'completions' : feature] !== undefined;
}
