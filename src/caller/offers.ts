import type { View } from '../catalog/view.ts';
import type { Era } from '../protocol/eras.ts';
import { extensionsOf, TASKS } from '../protocol/extensions.ts';
import type { Params } from '../protocol/messages.ts';

export function offersSubscriptions({ capabilities }: View): boolean {
  return (capabilities.resources as Params | undefined)?.subscribe === true;
}

/** `tools/call` of `tools`, `completion/complete` of `completions`, `tasks/get` of an extension. */
export function offers({ capabilities }: View, method: string, era: Era): boolean {
  const feature = method.slice(0, method.indexOf('/'));
  if (feature === 'tasks') return era === 'modern' && extensionsOf(capabilities)?.[TASKS] !== undefined;
  return capabilities[feature === 'completion' ? 'completions' : feature] !== undefined;
}
