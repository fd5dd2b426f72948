import { exposeAppUris } from '../catalog/apps.ts';
import type { ResourceMap } from '../catalog/resources.ts';
import type { Downstream } from '../downstream/downstream.ts';
import { changeEach, changeField } from '../protocol/change.ts';
import { isObject, type Params } from '../protocol/messages.ts';

/**
 * A result with the URIs in it as callers know them: links and embedded resources of a tool or a prompt, the contents of
 * a resource, the app that shows it. Where none has to change it is the same object.
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
    return block.type === 'resource' ? changeField(block, 'resource', inOwner) : block;
  };
  const inMessage = (message: unknown) => changeField(message, 'content', inBlock);
  let exposed: unknown = exposeAppUris(result, (uri) => resources.expose(downstream, uri));
  exposed = changeField(exposed, 'content', changeEach(inBlock));
  exposed = changeField(exposed, 'messages', changeEach(inMessage));
  return changeField(exposed, 'contents', changeEach(inOwner)) as Params;
}
