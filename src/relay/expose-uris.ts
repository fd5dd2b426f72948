import type { ResourceMap } from '../catalog/resources.ts';
import type { Downstream } from '../downstream/downstream.ts';
import { isObject, type Params } from '../protocol/messages.ts';

/**
 * A result with the URIs in it as callers know them: links and embedded resources of a tool or a prompt, the contents of
 * a resource. Where none has to change it is the same object.
 */
export function exposeUris(result: Params, resources: ResourceMap, downstream: Downstream): Params {
  if (!resources.mayRewrite) return result;
  const inOwner = (owner: unknown): unknown => {
    if (!isObject(owner) || typeof owner.uri !== 'string') return owner;
    const uri = resources.expose(downstream, owner.uri);
    return uri === owner.uri ? owner : { ...owner, uri };
  };
  const inBlock = (block: unknown): unknown => {
    if (!isObject(block)) return block;
    if (block.type === 'resource_link') return inOwner(block);
    return block.type === 'resource' ? within(block, 'resource', inOwner) : block;
  };
  const inMessage = (message: unknown) => within(message, 'content', inBlock);
  let exposed: unknown = within(result, 'content', each(inBlock));
  exposed = within(exposed, 'messages', each(inMessage));
  return within(exposed, 'contents', each(inOwner)) as Params;
}

/** The object with one field changed; itself where nothing has. */
function within(owner: unknown, field: string, change: (value: unknown) => unknown): unknown {
  if (!isObject(owner) || owner[field] === undefined) return owner;
  const changed = change(owner[field]);
  return changed === owner[field] ? owner : { ...owner, [field]: changed };
}

function each(change: (item: unknown) => unknown): (value: unknown) => unknown {
  return (value) => {
    if (!Array.isArray(value)) return value;
    const changed = value.map(change);
    return changed.some((item, index) => item !== value[index]) ? changed : value;
  };
}
