import { type Extensions, isKnown } from '../protocol/extensions.ts';
import type { Params } from '../protocol/messages.ts';
import { type Asking, type Forwarding, ofForeign, outgoingOf, timed } from './asking.ts';

/** What the protocol itself has or had. Whoever does not serve it here says so here. */
const OF_THE_CORE: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'server/discover',
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'completion/complete',
  'logging/setLevel',
  'subscriptions/listen',
  'sampling/createMessage',
  'elicitation/create',
  'roots/list',
]);

/** A modern server wants the method in a header, too. */
const FITS_HEADER = /^[\x21-\x7e]{1,256}$/;

/**
 * A method of an extension that is foreign to this gateway, from a caller that has it to the one server that has it: as it
 * is, there and back. Undefined where there is no such server, or more than one.
 */
export function forwardForeign(method: string, params: Params, asking: Asking): Forwarding | undefined {
  const { view, extensions: declared } = asking;
  if (declared === undefined || OF_THE_CORE.has(method) || method.startsWith('tasks/')) return undefined;
  if (!FITS_HEADER.test(method)) return undefined;
  const [downstream, ...others] = [...view.downstreams.values()].filter(({ listing }) =>
    sharesForeign(declared, listing?.extensions),
  );
  if (downstream === undefined || others.length > 0) return undefined;
  const { outgoing, extensions } = outgoingOf(params, downstream, asking);
  return {
    method,
    downstream,
    exposedName: method,
    timing: timed(downstream, view),
    repeatability: 'once',
    params: outgoing,
    extensions,
    shape: undefined,
    otherwise: (result) => ofForeign(result, extensions, asking),
  };
}

function sharesForeign(declared: Extensions, offered: Extensions = {}): boolean {
  return Object.keys(offered).some((id) => !isKnown(id) && declared[id] !== undefined);
}
