import { isObject } from '../protocol/messages.ts';
import { readParamHeaders, writeParamHeaders } from '../protocol/param-headers.ts';
import type { OutgoingRequest } from './link.ts';
import type { Listing } from './lists/listing.ts';

/** A call with the headers that its tool wants by this list; undefined where it had them already. */
export function withFreshHeaders(
  request: OutgoingRequest,
  list: Listing | undefined,
): OutgoingRequest | undefined {
  const { name, arguments: args } = request.params;
  const { inputSchema } = list?.tools.find((tool) => tool.name === name) ?? {};
  const mirrored = isObject(inputSchema) ? readParamHeaders(inputSchema) : [];
  if ('fault' in mirrored) return undefined;
  const paramHeaders = writeParamHeaders(mirrored, args);
  const isSame = paramHeaders.join('\n') === (request.paramHeaders ?? []).join('\n');
  return isSame ? undefined : { ...request, paramHeaders };
}
