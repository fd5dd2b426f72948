import type { Notification, Outcome, RequestId } from '../../protocol/messages.ts';
import type { AnswerLimits } from './answer-reader.ts';
import type { HttpExchange } from './http-exchange.ts';

/** What all exchanges of one link have in common. */
export interface HttpSide {
  readonly key: string;
  readonly isModern: boolean;
  readonly hasSession: boolean;
  /** Whether a 400 may still mean that the session is gone. */
  readonly doubt: { isOver: boolean };
  readonly limits: AnswerLimits;
  /** Answers a question that a legacy downstream asks on a request's stream. */
  reply(id: RequestId, outcome: Outcome): void;
  /** Of such answers too many have not gone out yet. */
  isBehind(): boolean;
  /** What a legacy downstream says on a request's stream of itself. */
  onNotice(notice: Notification): void;
  /** No connection came about for one that was given up while it waited for it. */
  onUnreachable(error: Error): void;
  /** It has ended, whichever way: the downstream has answered it, or may go on with it. */
  onOver(exchange: HttpExchange, isAnswered: boolean): void;
  /** Tells the downstream, and calls back when the stream may be closed. */
  onCancel(exchange: HttpExchange, reason: string, closeStream: () => void): void;
  /** Asks for what follows on a stream that was cut there. Absent where no stream goes on. */
  readonly resume: ((exchange: HttpExchange, place: string) => void) | undefined;
}
