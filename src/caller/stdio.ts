import type { Readable, Writable } from 'node:stream';
import { ProtocolError } from '../errors.ts';
import { classify } from '../protocol/eras.ts';
import { createLineReader } from '../protocol/lines.ts';
import { type Incoming, RPC, readMessage } from '../protocol/messages.ts';
import { writeError } from './answers.ts';
import type { Reply } from './caller.ts';
import type { Dispatcher } from './dispatch.ts';
import type { Selection } from './selection.ts';
import { Session } from './session.ts';

const LAST_ANSWERS_MS = 3000;

/**
 * Serves one caller over a pipe: one message a line, both eras, nothing but protocol on the way out. Resolves when the
 * caller closes its end, which is how it says goodbye.
 */
export function serveStdio(
  dispatcher: Dispatcher,
  selection: Selection,
  input: Readable,
  output: Writable,
  maxRequestBytes: number,
): Promise<void> {
  const write = (json: string) => void (output.writable && output.write(`${json}\n`));
  /** The one caller at the other end. */
  const session = new Session(undefined, {});
  let waiting = 0;
  let onIdle = () => {};
  function replyToOne(): Reply {
    let isAwaited = true;
    waiting++;
    const over = () => {
      if (isAwaited && --waiting === 0) onIdle();
      isAwaited = false;
    };
    const end = (json: string) => {
      write(json);
      over();
    };
    return {
      notify: (message) => write(JSON.stringify(message)),
      ask(question) {
        write(JSON.stringify(question));
        return output.writable;
      },
      end,
      endAround: (head, body, tail) => end(head + body.toString('utf8') + tail),
      abandon: over,
      isGone: false,
      running: () => {},
      listening() {
        over();
        return true;
      },
    };
  }

  function receive(line: string): void {
    if (line.trim() === '') return;
    let incoming: Incoming | undefined;
    try {
      incoming = readMessage(line);
      if (incoming.kind === 'response') return dispatcher.answered(incoming.message, session);
      const { era } = classify(incoming.message, undefined);
      const caller = { era, selection, session };
      if (incoming.kind === 'notification') {
        dispatcher.notice(incoming.message, caller);
        // What a caller over HTTP opens a stream for is heard on the pipe.
        if (incoming.message.method === 'notifications/initialized') dispatcher.open(caller, replyToOne());
      } else dispatcher.dispatch(incoming.message, caller, replyToOne());
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      write(writeError(incoming?.kind === 'request' ? incoming.message.id : error.id, error));
    }
  }

  return new Promise((resolve) => {
    const lines = createLineReader(maxRequestBytes, receive, () => {
      write(
        writeError(
          undefined,
          new ProtocolError(RPC.parseError, `The line is longer than ${maxRequestBytes} bytes.`),
        ),
      );
    });
    input.on('data', (chunk: Buffer) => lines.feed(chunk));
    input.once('end', () => {
      onIdle = resolve;
      // What it asked before it said goodbye is still answered, if that does not take long (`echo … | … --stdio`).
      if (waiting === 0) resolve();
      else setTimeout(resolve, LAST_ANSWERS_MS);
    });
    // The reader of our output has gone.
    output.on('error', () => resolve());
  });
}
