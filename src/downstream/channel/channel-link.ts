import { cutOff, type DownstreamFailure, notMcp, unavailable } from '../../errors.ts';
import { BriefMap, nameOfId } from '../../protocol/brief-map.ts';
import type { Era } from '../../protocol/eras.ts';
import { isRequestId, type Notification, outcomeOf } from '../../protocol/messages.ts';
import { createAsked } from '../asked.ts';
import type { Exchange, Link, OutgoingRequest, Receiver } from '../link.ts';
import { OnlyCall } from '../only-call.ts';
import { composeAnswer, composeCancelled, createComposer, createIds } from '../outgoing.ts';
import type { Channel } from './channel.ts';

/** A channel shared by all calls: answers are told apart by their ids, progress by its token. */
export function createChannelLink(key: string, channel: Channel, era: Era, version: string): Link {
  const nextId = createIds();
  const compose = createComposer(era, version);
  const waiting = new BriefMap<Receiver>();
  // No name is empty.
  const nameOf = (id: unknown) => (isRequestId(id) ? nameOfId(id) : '');
  const take = (id: unknown) => waiting.take(nameOf(id));
  // It is not said twice: its arrival is waited for, though nobody is told when it is refused.
  const asked = createAsked((id, outcome) => void channel.write(composeAnswer(id, outcome), () => {}));
  const onlyCall = new OnlyCall();
  const onStray = (message: Notification) => onlyCall.ofLog(waiting.values())?.onNotification(message);
  const onStrayQuestion: Link['onStrayQuestion'] = (question, answered) =>
    onlyCall.ofQuestion(waiting.values())?.onQuestion?.(question, answered);

  channel.intercept = (message) => {
    if (message.method !== undefined) return passCall(message);
    const receiver = take(message.id);
    if (receiver === undefined) return false;
    const outcome = outcomeOf(message, era === 'modern');
    if (outcome === undefined) receiver.onFailure(notMcp(key, 'an answer without result or error'));
    else receiver.onOutcome(outcome);
    return true;
  };

  channel.onUnreadable = (id, failure) => {
    take(id)?.onFailure(failure);
  };

  /** On a channel nothing says to which request a log message or a question belongs. */
  function passCall(message: Record<string, unknown>): boolean {
    if (message.id !== undefined) {
      // Spec 2026-07-28: a server MUST NOT ask so, and a client MUST NOT answer.
      if (era === 'legacy') asked.onRequest(message, onStrayQuestion);
      return true;
    }
    const notification = message as unknown as Notification;
    if (notification.method === 'notifications/message') onStray(notification);
    else if (notification.method === 'notifications/cancelled') {
      // Of what the SDK's client has asked, it may be the stream of notices.
      return asked.takeBack(notification.params?.requestId);
    } else if (notification.method === 'notifications/progress') {
      const receiver = waiting.get(nameOf(notification.params?.progressToken));
      receiver?.onNotification(notification);
      return receiver !== undefined;
    } else return false;
    return true;
  }

  const onclose = channel.onclose;
  channel.onclose = () => {
    const receivers = waiting.values();
    waiting.clear();
    for (const receiver of receivers) receiver.onFailure(channel.failure ?? cutOff(key));
    onclose?.();
  };

  return {
    era,
    version,
    isStateless: false,
    get running() {
      return waiting.size;
    },
    onStray,
    onStrayQuestion,
    request(request: OutgoingRequest, receiver: Receiver): Exchange {
      const id = nextId();
      waiting.set(nameOfId(id), receiver);
      const fail = (failure: DownstreamFailure) => {
        if (take(id) === undefined) return;
        if (failure.mayHaveRun) onlyCall.onLeft(receiver);
        receiver.onFailure(failure);
      };
      const giveUp = channel.write(compose(id, request), fail);
      if (giveUp === undefined) fail(unavailable(key, channel.ended ?? 'not running'));
      return {
        hasBegun: giveUp !== undefined,
        cancel(reason) {
          if (take(id) === undefined) return;
          onlyCall.onLeft(receiver);
          giveUp?.();
          channel.write(composeCancelled(id, reason));
        },
      };
    },
  };
}
