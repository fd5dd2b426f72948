import { cutOff, notMcp, tooLarge, unavailable } from '../errors.ts';
import type { Era } from '../protocol/eras.ts';
import { type Notification, outcomeOf } from '../protocol/messages.ts';
import type { Exchange, Link, OutgoingRequest, Receiver } from './link.ts';
import { composeCancelled, composeRequest, createIds } from './outgoing.ts';
import type { StdioChannel } from './stdio-channel.ts';

/** A child's pipe shared by all calls: answers are told apart by their ids, progress by its token. */
export function createStdioLink(
  key: string,
  channel: StdioChannel,
  era: Era,
  version: string,
  maxResultBytes: number,
): Link {
  const nextId = createIds();
  const waiting = new Map<unknown, Receiver>();

  channel.intercept = (message) => {
    if (message.method === 'notifications/progress') return passProgress(message as unknown as Notification);
    if (message.method !== undefined) return false;
    const receiver = waiting.get(message.id);
    if (receiver === undefined) return false;
    waiting.delete(message.id);
    const outcome = outcomeOf(message);
    if (outcome === undefined) receiver.onFailure(notMcp(key, 'an answer without result or error'));
    else receiver.onOutcome(outcome);
    return true;
  };

  channel.onTooLarge = (id) => {
    const receiver = waiting.get(id);
    waiting.delete(id);
    receiver?.onFailure(tooLarge(key, maxResultBytes));
  };

  function passProgress(message: Notification): boolean {
    const receiver = waiting.get(message.params?.progressToken);
    receiver?.onNotification(message);
    return receiver !== undefined;
  }

  const onclose = channel.onclose;
  channel.onclose = () => {
    const receivers = [...waiting.values()];
    waiting.clear();
    for (const receiver of receivers) receiver.onFailure(cutOff(key));
    onclose?.();
  };

  return {
    era,
    version,
    request(request: OutgoingRequest, receiver: Receiver): Exchange {
      const id = nextId();
      waiting.set(id, receiver);
      if (!channel.write(composeRequest(id, request, era, version))) {
        waiting.delete(id);
        receiver.onFailure(unavailable(key, channel.ended ?? 'not running'));
      }
      return {
        hasBegun: true,
        cancel(reason) {
          if (waiting.delete(id)) channel.write(composeCancelled(id, reason));
        },
      };
    },
  };
}
