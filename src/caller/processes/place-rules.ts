import type { View } from '../../catalog/view.ts';
import type { Params } from '../../protocol/messages.ts';
import type { Caller } from '../caller.ts';
import { declaredBy } from '../request-facts.ts';
import { readDeclared } from '../session.ts';

/** Whether a call may be asked something, or was: the answer comes back to who asked for it. */
export const comesBack = (params: Params, caller: Caller) =>
  params.requestState !== undefined || declaredBy(params, caller).capabilities !== undefined;

/** Whether any process can do for a session that begins with these all that it may ask of this view. */
export const livesAnywhere = (initialize: Params | undefined, { capabilities, downstreams }: View) =>
  readDeclared(initialize?.capabilities).capabilities === undefined &&
  capabilities.logging === undefined &&
  Object.keys(capabilities).every((name) => name === 'tools' || name === 'extensions') &&
  [...downstreams.values()].every(({ isStateless }) => isStateless);
